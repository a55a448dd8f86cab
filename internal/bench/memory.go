package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// A memory is what a server needs, in bytes.
type memory struct {
	live     float64 // what the collector found alive the last time
	resident float64 // what the process has, with room for the collector
}

// memory asks a server that has been busy: so the collector has run since
// anything became large.
func (s *server) memory(ctx context.Context) (memory, error) {
	m, err := s.metrics(ctx)
	if err != nil {
		return memory{}, err
	}
	live, err := liveOf(m)
	if err != nil {
		return memory{}, err
	}
	resident, err := s.process.resident()
	return memory{live, resident}, err
}

// liveOf reads metrics. The collector runs next when the heap has grown by
// GOGC percent over what lived the last time; that goal alone tells of it.
// Stacks count there too, and drop out in a difference.
func liveOf(m metrics) (float64, error) {
	next, percent := m["go_memstats_next_gc_bytes"], m["go_gc_gogc_percent"]
	if next <= 0 || percent <= 0 {
		return 0, errors.New("the metrics do not tell what memory is used")
	}
	return next / (1 + percent/100), nil
}

// resident gives what the kernel says that a process has in memory, in bytes.
func (p *process) resident() (float64, error) {
	file := fmt.Sprintf("/proc/%d/status", p.pid())
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	resident, err := parseResident(string(text))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return resident, nil
}

// parseResident reads VmRSS of proc_pid_status(5), which is told in kB of 1024
// bytes.
func parseResident(text string) (float64, error) {
	for line := range strings.Lines(text) {
		figure, found := strings.CutPrefix(line, "VmRSS:")
		if !found {
			continue
		}
		number, unit, _ := strings.Cut(strings.TrimSpace(figure), " ")
		kilobytes, err := strconv.ParseUint(number, 10, 64)
		if err != nil || unit != "kB" {
			return 0, fmt.Errorf("VmRSS is %q", strings.TrimSpace(figure))
		}
		return float64(kilobytes << 10), nil
	}
	return 0, errors.New("no VmRSS")
}

func (m memory) minus(other memory) memory {
	return memory{m.live - other.live, m.resident - other.resident}
}

func (m memory) per(n int) memory { return memory{m.live / float64(n), m.resident / float64(n)} }
