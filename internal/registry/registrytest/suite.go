// Package registrytest states once how a store of a registry behaves, and holds
// every store to it: the one in memory, a real Redis, the embedded one.
//
// A store is given as a Fixture: the store itself, and the hands of another
// program that writes past it. Run makes a fresh one for each test.
package registrytest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/registry"
)

// A Fixture is an empty store, and ways to write there as programs do that
// know nothing of commits. Keys are given without the registry's prefix.
type Fixture struct {
	Store        registry.Store
	Feed         func(round time.Duration) registry.Feed
	Put          func(ref registry.Ref, fields registry.Fields) // all that stands there from now on
	PutMember    func(set, member string)
	PutName      func(name, value string)
	PutRevoked   func(forget int64, members ...string)
	PutOtherType func(key string) // something that is no hash, no set, no string and no stream
	Remove       func(key string)
	Expire       func(key string)             // what stands there gets an end
	Tell         func(fields registry.Fields) // adds to the change stream
	Forget       func(keep int)               // leaves the newest entries of the change stream only
}

// Run runs the suite. Open makes a store that holds nothing yet and goes by
// the clock.
func Run(t *testing.T, open func(t *testing.T, clock func() time.Time) Fixture) {
	tests := []struct {
		name string
		run  func(*suite)
	}{
		{"init makes a registry once", initOnce},
		{"init writes no invalid root", initInvalid},
		{"commit without a registry", commitWithoutRegistry},
		{"commit to a registry of another layout", commitToOtherLayout},
		{"read what was created", readCreated},
		{"read keeps the order of refs", readOrder},
		{"read the invalid", readInvalid},
		{"read a key of another type", readOtherType},
		{"read bytes of any kind", readBytes},
		{"read and how far that goes", readThrough},
		{"update", update},
		{"update that only restricts", updateRestricts},
		{"update leaves the rest as it was spelt", updateKeepsSpelling},
		{"update repairs the invalid", updateRepairs},
		{"update of what changed meanwhile", updateConflict},
		{"update of the root goes on counting", updateRoot},
		{"create what exists", createExisting},
		{"create over a key of another type", createOverOtherType},
		{"write nothing invalid", writeInvalid},
		{"commit everything or nothing", commitAtomic},
		{"commits are counted", commitsCounted},
		{"of concurrent commits one wins", commitConcurrent},
		{"a binding that moves to another client", moveBinding},
		{"revoke", revoke},
		{"revoke for longer, never for shorter", revokeAgain},
		{"revoke and forget what is past by both clocks", revokeForgets},
		{"revoke as many as there may be", revokeMany},
		{"revoke all or nothing", revokeAtomic},
		{"read the revoked", readRevoked},
		{"list", list},
		{"list what others wrote", listForeign},
		{"history of commits", historyOfCommits},
		{"history that others wrote", historyForeign},
		{"history page by page", historyPages},
		{"extent of the history", extent},
		{"feed of what is there", feedThere},
		{"feed of what comes", feedComes},
		{"feed of nothing", feedNothing},
		{"feed with the root", feedRoot},
		{"feed with a gap", feedGap},
		{"feed with a gap while it waits", feedGapComes},
		{"feed that is over", feedOver},
		{"inventory of keys", inventoryKeys},
		{"inventory of indexes", inventoryIndexes},
		{"a call that is over fails", callOver},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fixture := open(t, func() time.Time { return now })
			test.run(&suite{T: t, Fixture: fixture})
		})
	}
}

// now is when every test takes place.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A suite is one test over one fixture.
type suite struct {
	*testing.T
	Fixture
}

// withRegistry makes the registry that most tests begin with.
func (s *suite) withRegistry() {
	s.Helper()
	created, err := s.Store.Init(s.Context(), sampleRoot())
	if err != nil || !created {
		s.Fatalf("Init: got %v, %v, want true", created, err)
	}
}

// read gives the one entry that stands under ref.
func (s *suite) read(ref registry.Ref) registry.Entry {
	s.Helper()
	entries, err := s.Store.Read(s.Context(), ref)
	if err != nil || len(entries) != 1 {
		s.Fatalf("Read %s: got %d entries, error %v, want 1 entry", ref.Key(), len(entries), err)
	}
	return entries[0]
}

// commit commits edits that must succeed.
func (s *suite) commit(edits ...registry.Edit) registry.Position {
	s.Helper()
	position, err := s.Store.Commit(s.Context(), commitOf(edits...))
	if err != nil {
		s.Fatalf("Commit: %v", err)
	}
	return position
}

// create commits new records.
func (s *suite) create(records ...registry.Record) registry.Position {
	s.Helper()
	return s.commit(creations(records...)...)
}

// refuse commits edits that must fail in a certain way, and holds the store to
// having changed nothing under the refs.
func (s *suite) refuse(want error, edits []registry.Edit, refs ...registry.Ref) {
	s.Helper()
	refs = append([]registry.Ref{registry.RootRef}, refs...)
	before := s.fields(refs)
	position, err := s.Store.Commit(s.Context(), commitOf(edits...))
	if !errors.Is(err, want) {
		s.Errorf("Commit: got error %v, want %v", err, want)
	}
	if position != (registry.Position{}) {
		s.Errorf("Commit: got position %v beside error %v, want none", position, err)
	}
	if diff := cmp.Diff(before, s.fields(refs)); diff != "" {
		s.Errorf("a commit that failed with %v changed records (-before +after):\n%s", err, diff)
	}
}

func (s *suite) fields(refs []registry.Ref) map[string]registry.Fields {
	s.Helper()
	entries, err := s.Store.Read(s.Context(), refs...)
	if err != nil {
		s.Fatalf("Read: %v", err)
	}
	fields := make(map[string]registry.Fields)
	for i, entry := range entries {
		fields[refs[i].Key()] = entry.Fields
	}
	return fields
}

// holds compares an entry with the record that should stand there.
func (s *suite) holds(entry registry.Entry, want registry.Record) {
	s.Helper()
	if entry.Invalid != nil {
		s.Errorf("%s: got invalid (%v), want a record", want.Ref().Key(), entry.Invalid)
		return
	}
	if diff := cmp.Diff(want, entry.Record, compareNetworks); diff != "" {
		s.Errorf("%s: record (-want +got):\n%s", want.Ref().Key(), diff)
	}
}

// isAbsent wants nothing under ref.
func (s *suite) isAbsent(ref registry.Ref) {
	s.Helper()
	if diff := cmp.Diff(registry.Entry{}, s.read(ref)); diff != "" {
		s.Errorf("%s: want no such record (-want +got):\n%s", ref.Key(), diff)
	}
}

// isInvalid wants an error that names key and field.
func (s *suite) isInvalid(err error, key, field string) {
	s.Helper()
	var found *registry.FieldError
	if !errors.As(err, &found) || !errors.Is(err, registry.ErrInvalid) || found.Key != key || found.Field != field {
		s.Errorf("got error %v, want one of %s: %s", err, key, field)
	}
}

var compareNetworks = cmp.Comparer(func(a, b registry.Networks) bool {
	return slices.Equal(a.Prefixes(), b.Prefixes())
})

func commitOf(edits ...registry.Edit) registry.Commit {
	return registry.Commit{Edits: edits, Op: "test", By: "registrytest", Note: "to see what happens", At: now}
}

func creations(records ...registry.Record) []registry.Edit {
	edits := make([]registry.Edit, len(records))
	for i, record := range records {
		edits[i] = registry.Edit{Now: record}
	}
	return edits
}
