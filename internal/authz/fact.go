package authz

import (
	"sync/atomic"

	"credence/internal/jwt"
	"credence/internal/registry"
)

// A Fact is what stands under a ref, as a Directory knows it. A Directory that
// keeps facts touches one as soon as it may have changed: whoever holds it
// then looks it up again. Entry and Key are set before a Fact is handed out and
// never change.
type Fact struct {
	registry.Entry
	Key     *jwt.Key // of a client's key
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
	f := &Fact{}
	f.Belong(era)
	f.Hold(entry)
	return f
}

// Belong says which era a new Fact is of. It is called before all else.
func (f *Fact) Belong(era *Era) { f.era = era }

// Hold says what stands there. The fields of the entry are not kept: the record
// is all that is needed. A key that cannot be used is an invalid record.
func (f *Fact) Hold(entry registry.Entry) {
	entry.Fields = nil
	f.Entry = entry
	record, ok := entry.Record.(*registry.Key)
	if !ok {
		return
	}
	if f.Key, f.Invalid = KeyOf(record); f.Invalid != nil {
		f.Record = nil
	}
}

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
