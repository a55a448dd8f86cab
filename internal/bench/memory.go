package main

import (
	"context"
	"errors"
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
	return memoryOf(m)
}

// memoryOf reads metrics. The collector runs next when the heap has grown by
// GOGC percent over what lived the last time; that goal alone tells of it.
// Stacks count there too, and drop out in a difference.
func memoryOf(m metrics) (memory, error) {
	next, percent, resident := m["go_memstats_next_gc_bytes"], m["go_gc_gogc_percent"], m["process_resident_memory_bytes"]
	if next <= 0 || percent <= 0 || resident <= 0 {
		return memory{}, errors.New("the metrics do not tell what memory is used")
	}
	return memory{live: next / (1 + percent/100), resident: resident}, nil
}

func (m memory) minus(other memory) memory {
	return memory{m.live - other.live, m.resident - other.resident}
}

func (m memory) per(n int) memory { return memory{m.live / float64(n), m.resident / float64(n)} }
