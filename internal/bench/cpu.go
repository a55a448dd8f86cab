package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc: USER_HZ is 100 wherever Go runs.
const tick = time.Second / 100

// cpuTimes gives the CPU time that each process has used, in user and system.
func cpuTimes(processes ...*process) ([]time.Duration, error) {
	times := make([]time.Duration, len(processes))
	for i, p := range processes {
		file := fmt.Sprintf("/proc/%d/stat", p.pid())
		text, err := os.ReadFile(file) // #nosec G304 -- of a process that we started
		if err != nil {
			return nil, err
		}
		if times[i], err = parseStat(text); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return times, nil
}

// parseStat reads utime + stime, the fields 14 and 15 of proc_pid_stat(5). The
// second field is the program's name in parentheses and may hold any sign, so
// the rest is what follows the last parenthesis.
func parseStat(text []byte) (time.Duration, error) {
	const utime, stime, firstAfterName = 14, 15, 3
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if !bytes.ContainsRune(text, ')') || len(fields) <= stime-firstAfterName {
		return 0, errors.New("not what proc_pid_stat(5) says")
	}
	var ticks int64
	for _, field := range []int{utime, stime} {
		n, err := strconv.ParseInt(string(fields[field-firstAfterName]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("field %d: %w", field, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// hardware names the machine: figures mean nothing without it.
func hardware() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		model = cpuModel(string(text), model)
	}
	return fmt.Sprintf("%s, %d cores, %s", model, runtime.NumCPU(), runtime.Version())
}

// cpuModel finds the name of the first processor in /proc/cpuinfo, which not
// every architecture tells.
func cpuModel(text, unknown string) string {
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}
