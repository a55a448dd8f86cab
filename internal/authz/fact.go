package authz

import (
	"sync/atomic"
	"time"
	"unique"

	"credence/internal/credential"
	"credence/internal/jwt"
	"credence/internal/registry"
)

// A Fact is what stands under a ref, as a Directory knows it. A Directory that
// keeps facts touches one as soon as it may have changed: whoever holds it
// then looks it up again. What it holds is set before a Fact is handed out and
// never changes.
//
// There are as many facts in memory as clients have credentials, and each
// collection of garbage walks through all of them. So a fact is small: it holds
// what the rules ask for, and the digest of a token for who looks for its record.
type Fact struct {
	// held is what a record says, or an error that says why it cannot be read;
	// nil: there is none.
	held    any
	token   knownToken // what held points at, where it is one: most facts are
	era     *Era
	touched atomic.Bool
	evicted atomic.Uint64 // changes that the era had seen when nobody kept the fact any more, plus one
}

// A knownToken is what is held of a token's record. Tokens share the ids of clients
// and profiles.
type knownToken struct {
	digest                     credential.Digest
	id                         credential.TokenID
	client                     unique.Handle[registry.ClientID]
	profile                    unique.Handle[registry.ProfileID]
	allow                      registry.Networks
	issued, notBefore, expires instant
	state                      registry.State
}

// An instant is a time without the pointer that time.Time has, which each
// collection of garbage would follow.
type instant struct {
	seconds int64 // since 1970
	nanos   int32
}

func instantOf(t time.Time) instant { return instant{t.Unix(), int32(t.Nanosecond())} } // #nosec G115 -- below 10⁹

func (m instant) time() time.Time { return time.Unix(m.seconds, int64(m.nanos)).UTC() }

// A knownKey is what is held of a client's key: its record, and the key in it.
type knownKey struct {
	*registry.Key
	usable *jwt.Key
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

// Hold says what stands there. A key that cannot be used is an invalid record.
func (f *Fact) Hold(entry registry.Entry) {
	switch record := entry.Record.(type) {
	case nil:
		if entry.Invalid != nil {
			f.held = entry.Invalid
		}
	case *registry.Token:
		f.token = knownToken{
			digest: record.Digest, id: record.ID, client: unique.Make(record.Client), profile: unique.Make(record.Profile),
			allow: record.Allow, state: record.State,
			issued: instantOf(record.Created), notBefore: instantOf(record.NotBefore), expires: instantOf(record.Expires),
		}
		f.held = &f.token
	case *registry.Key:
		key, err := KeyOf(record)
		if err != nil {
			f.held = err
			return
		}
		f.held = knownKey{record, key}
	default:
		f.held = record
	}
}

// Absent tells that there is no such record.
func (f *Fact) Absent() bool { return f.held == nil }

// Invalid says why the record cannot be read; nil: it can be, or there is none.
func (f *Fact) Invalid() error {
	err, _ := f.held.(error)
	return err
}

// InEra gives the same fact in another era: what befalls one does not befall the
// other.
func (f *Fact) InEra(era *Era) *Fact { return &Fact{held: f.held, era: era} }

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
