package authz

import (
	"sync/atomic"

	"credence/internal/registry"
)

// A Fact is what stands under a ref, as a Directory knows it. A Directory that
// keeps facts touches one as soon as it may have changed: whoever holds it
// then looks it up again. The entry is set before a Fact is handed out and
// never changes.
type Fact struct {
	registry.Entry
	era     *Era
	touched atomic.Bool
	evicted atomic.Uint64 // changes that the era had seen when nobody kept the fact any more, plus one
}

// An Era is a span of time in which no fact was lost sight of. When it ends
// all its facts are touched at once.
type Era struct {
	ended   atomic.Bool
	changes atomic.Uint64
}

// NewFact makes a Fact of an era.
func NewFact(era *Era, entry registry.Entry) *Fact {
	f := &Fact{Entry: entry}
	f.Belong(era)
	return f
}

// Belong says which era a new Fact is of. It is called before all else.
func (f *Fact) Belong(era *Era) { f.era = era }

// Touch says that the fact may have changed.
func (f *Fact) Touch() { f.touched.Store(true) }

// Evict says that the fact is kept no longer. It holds until something
// changes: whether that is about this fact, nobody will know.
func (f *Fact) Evict() { f.evicted.CompareAndSwap(0, f.era.changes.Load()+1) }

// Touched tells whether the fact may have changed since it was handed out.
func (f *Fact) Touched() bool {
	if f.touched.Load() || f.era.ended.Load() {
		return true
	}
	evicted := f.evicted.Load()
	return evicted > 0 && evicted-1 != f.era.changes.Load()
}

// Changed says that something has changed and that all facts of it which are
// kept were touched.
func (e *Era) Changed() { e.changes.Add(1) }

// End touches all facts of the era.
func (e *Era) End() { e.ended.Store(true) }
