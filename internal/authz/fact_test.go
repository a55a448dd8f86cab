package authz

import (
	"sync"
	"testing"
	"time"

	"credence/internal/registry"
)

// TestFact follows a fact through what can befall it.
func TestFact(t *testing.T) {
	type step struct {
		name string
		do   func(era *Era, fact *Fact)
	}
	touch := step{"touch", func(_ *Era, f *Fact) { f.Touch() }}
	evict := step{"evict", func(_ *Era, f *Fact) { f.Evict() }}
	changed := step{"changed", func(e *Era, _ *Fact) { e.Changed() }}
	end := step{"end", func(e *Era, _ *Fact) { e.End() }}
	for _, test := range []struct {
		steps []step
		want  bool
	}{
		{nil, false},
		{[]step{touch}, true},
		{[]step{end}, true},
		{[]step{evict}, false},                   // nothing has changed
		{[]step{changed}, false},                 // it would have been touched
		{[]step{changed, changed, evict}, false}, // nor has anything since
		{[]step{evict, changed}, true},           // nobody knows what
		{[]step{changed, evict, changed}, true},
		{[]step{evict, changed, evict}, true}, // from another place that it was kept in
		{[]step{evict, evict}, false},
		{[]step{evict, end}, true},
		{[]step{evict, touch}, true},
		{[]step{touch, changed, evict}, true},
	} {
		era := &Era{}
		fact := NewFact(era, registry.Entry{})
		names := ""
		for _, step := range test.steps {
			step.do(era, fact)
			names += step.name + " "
		}
		if got := fact.Touched(); got != test.want {
			t.Errorf("after %q: touched %v, want %v", names, got, test.want)
		}
	}
}

// TestFactsOfAnEra ends one era: the facts of another are left alone.
func TestFactsOfAnEra(t *testing.T) {
	ends, goesOn := &Era{}, &Era{}
	old, new := NewFact(ends, registry.Entry{}), NewFact(goesOn, registry.Entry{})
	ends.End()
	if !old.Touched() || new.Touched() {
		t.Errorf("touched: %v of the era that has ended, %v of the one that goes on", old.Touched(), new.Touched())
	}
}

// TestEvictedDuringAChange has a fact be pushed out while something changes.
// Whichever comes first, once both are done it is touched, or was pushed out
// after the change, which then had found it.
func TestEvictedDuringAChange(t *testing.T) {
	for range 2000 {
		era := &Era{}
		fact := NewFact(era, registry.Entry{})
		var mu sync.Mutex // of the map that keeps it
		kept := true
		var both sync.WaitGroup
		both.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			if kept {
				fact.Evict()
				kept = false
			}
		})
		both.Go(func() {
			mu.Lock()
			if kept {
				fact.Touch()
				kept = false
			}
			mu.Unlock()
			era.Changed()
		})
		both.Wait()
		if !fact.Touched() {
			t.Fatal("a change was missed")
		}
	}
}

// TestInstant holds what is kept of a time to the time: one that is not there,
// and the last that a record can tell.
func TestInstant(t *testing.T) {
	for _, want := range []time.Time{
		{}, time.Unix(0, 0), noon, noon.Add(time.Nanosecond), noon.Add(-time.Nanosecond), time.Date(9999, time.December, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(0, time.January, 1, 0, 0, 0, 1, time.FixedZone("", 3600)),
	} {
		got := instantOf(want).time()
		if !got.Equal(want) || got.IsZero() != want.IsZero() {
			t.Errorf("%v is kept as %v", want, got)
		}
	}
}
