package main

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPaceDue(t *testing.T) {
	p := pace{perSecond: 500, length: time.Second}
	for name, test := range map[string]struct {
		after time.Duration
		want  int
	}{
		"the first at once":            {0, 1},
		"just before the second":       {2*time.Millisecond - 1, 1},
		"the second":                   {2 * time.Millisecond, 2},
		"all that a pause held up":     {101 * time.Millisecond, 51},
		"at the end":                   {time.Second, 500},
		"long after, none beyond them": {time.Hour, 500},
	} {
		t.Run(name, func(t *testing.T) {
			if got := p.due(test.after); got != test.want {
				t.Errorf("due(%v) = %d, want %d", test.after, got, test.want)
			}
		})
	}
	if got := p.checks(); got != 500 {
		t.Errorf("checks = %d, want 500", got)
	}
}

// What begins at a time is due then: no check is forgotten, none comes twice.
func TestPaceRunsEachOnceAndTellsWhenItWasDue(t *testing.T) {
	p := pace{perSecond: 3000, length: 50 * time.Millisecond}
	var mu sync.Mutex
	intended := make(map[int]time.Time)
	before := time.Now()
	p.run(context.Background(), func(n int, at time.Time) {
		late := time.Since(at)
		mu.Lock()
		defer mu.Unlock()
		if _, again := intended[n]; again || late < 0 {
			t.Errorf("check %d: again %t, begun %v too early", n, again, -late)
		}
		intended[n] = at
	})
	if len(intended) != p.checks() {
		t.Fatalf("%d checks, want %d", len(intended), p.checks())
	}
	if intended[0].Before(before) {
		t.Errorf("the first was due %v before the begin", before.Sub(intended[0]))
	}
	for n, at := range intended {
		if got := at.Sub(intended[0]); got != p.at(n) {
			t.Errorf("check %d was due after %v, want %v", n, got, p.at(n))
		}
	}
}

func TestPaceEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var begun atomic.Int64
	pace{perSecond: 1000, length: time.Hour}.run(ctx, func(int, time.Time) { begun.Add(1); cancel() })
	if begun.Load() == 0 {
		t.Error("no check was begun")
	}
}
