package registrytest

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/registry"
)

// revocations is a commit that revokes JWTs of acme by their jtis.
func revocations(forget time.Time, jtis ...string) registry.Commit {
	commit := commitOf()
	for _, jti := range jtis {
		commit.Revoke = append(commit.Revoke, registry.Revocation{JTI: registry.JTIOf("acme", jti), Forget: forget})
	}
	return commit
}

// revoke commits revocations that must succeed.
func (s *suite) revoke(commit registry.Commit) registry.Position {
	s.Helper()
	position, err := s.Store.Commit(s.Context(), commit)
	if err != nil {
		s.Fatalf("Commit: %v", err)
	}
	return position
}

// revoked gives the record of the revoked JWTs.
func (s *suite) revoked() *registry.Revocations {
	s.Helper()
	entry := s.read(registry.RevokedRef)
	revoked, ok := entry.Record.(*registry.Revocations)
	if !ok {
		s.Fatalf("got %v, want the revoked JWTs", entry)
	}
	return revoked
}

// untils wants JWTs of acme to be revoked until times: Unix seconds, 0 for what
// is not revoked. They must be all there are.
func (s *suite) untils(name string, want map[string]int64) {
	s.Helper()
	got, size, revoked := make(map[string]int64), 0, s.revoked()
	for jti, until := range want {
		name := registry.JTIOf("acme", jti)
		untils, err := s.Store.RevokedUntil(s.Context(), name)
		if err != nil || len(untils) != 1 {
			s.Fatalf("RevokedUntil: got %v, %v", untils, err)
		}
		if got[jti] = 0; !untils[0].IsZero() {
			got[jti] = untils[0].Unix()
		}
		if revoked.Has(name) != (until != 0) {
			s.Errorf("Has %s: got %v", jti, revoked.Has(name))
		}
		if until != 0 {
			size++
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("%s: revoked until (-want +got):\n%s", name, diff)
	}
	if revoked.Len() != size {
		s.Errorf("%s: got %d revoked, want %d", name, revoked.Len(), size)
	}
}

func revoke(s *suite) {
	s.withRegistry()
	if revoked := s.revoked(); revoked.Len() != 0 {
		s.Errorf("at first: got %d revoked", revoked.Len())
	}
	until := now.Add(time.Hour)
	first := revocations(until, "1", "2")
	if !first.Restricts() {
		s.Error("Restricts: got false of a commit that revokes only")
	}
	one := s.revoke(first)
	two := s.revoke(revocations(until.Add(999*time.Millisecond), "3"))
	s.untils("two commits", map[string]int64{"1": until.Unix(), "2": until.Unix(), "3": until.Unix(), "4": 0})
	if one.Seq != 1 || two.Seq != 2 || one.Entry == two.Entry {
		s.Errorf("positions: got %v and %v, want the first and the second", one, two)
	}

	// Beside edits, and told as all else is.
	mixed := commitOf(creations(bare("acme"))...)
	mixed.Revoke = revocations(until, "4").Revoke
	s.revoke(mixed)
	s.untils("beside an edit", map[string]int64{"1": until.Unix(), "2": until.Unix(), "3": until.Unix(), "4": until.Unix()})
	s.holds(s.read(registry.ClientRef("acme")), bare("acme"))
	changes, err := s.Store.ChangesAfter(s.Context(), "", 10)
	if err != nil {
		s.Fatal(err)
	}
	var told [][]string
	for _, change := range changes {
		told = append(told, change.Keys)
	}
	if diff := cmp.Diff([][]string{{"revoked-jtis"}, {"revoked-jtis"}, {"client:acme", "revoked-jtis"}}, told); diff != "" {
		s.Errorf("changes (-want +got):\n%s", diff)
	}
}

func revokeAgain(s *suite) {
	s.withRegistry()
	until := now.Add(time.Hour)
	s.revoke(revocations(until, "1", "2"))
	s.revoke(revocations(until.Add(-time.Minute), "1"))
	s.revoke(revocations(until.Add(time.Minute), "2"))
	s.revoke(revocations(until, "1", "2"))
	s.untils("again", map[string]int64{"1": until.Unix(), "2": until.Add(time.Minute).Unix()})
}

// The clocks are the writer's, in the commit, and that of the store, of which
// the suite knows only that it is neither in 1980 nor in 2200.
func revokeForgets(s *suite) {
	early, late := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	put := func(at ...time.Time) map[string]int64 {
		left := make(map[string]int64)
		s.Remove("revoked-jtis")
		for _, forget := range at {
			jti := forget.Format(time.RFC3339)
			s.PutRevoked(forget.Unix(), registry.JTIOf("acme", jti).String())
			left[jti] = forget.Unix()
		}
		return left
	}
	forgotten := func(left map[string]int64, at ...time.Time) {
		for _, forget := range at {
			left[forget.Format(time.RFC3339)] = 0
		}
	}
	revokeAt := func(at time.Time, jti string, forget time.Time) {
		commit := revocations(forget, jti)
		commit.At = at
		s.revoke(commit)
	}
	s.withRegistry()

	// A writer whose clock is behind: what is past by that of the store stays.
	left := put(early.Add(-time.Hour), early.Add(-time.Second), early, early.Add(time.Second), late)
	s.untils("past, and still there", left)
	forgotten(left, early.Add(-time.Hour), early.Add(-time.Second))
	revokeAt(early.Add(999*time.Millisecond), "new", late)
	left["new"] = late.Unix()
	s.untils("a clock that is behind", left)

	// One whose clock is ahead: what is past by it alone stays.
	left = put(early, late.Add(-time.Hour), late.Add(time.Hour))
	forgotten(left, early)
	revokeAt(late, "new", late)
	left["new"] = late.Unix()
	s.untils("a clock that is ahead", left)

	// What is past already is taken: it counts until somebody revokes again.
	left = put(early)
	revokeAt(early, "old", early.Add(-time.Hour))
	left["old"] = early.Add(-time.Hour).Unix()
	s.untils("revoked when it is past", left)
	revokeAt(early.Add(-time.Minute), "old", early.Add(-2*time.Hour)) // forgotten, and revoked anew
	left["old"] = early.Add(-2 * time.Hour).Unix()
	s.untils("revoked anew", left)

	// A commit without revocations forgets nothing.
	s.create(bare("acme"))
	s.untils("behind another commit", left)
}

func revokeMany(s *suite) {
	s.withRegistry()
	early, late := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	members := make([]string, registry.MaxRevoked-3)
	for i := range members {
		members[i] = registry.JTIOf("other", fmt.Sprint(i)).String()
	}
	s.PutRevoked(late.Unix(), members...)
	s.PutRevoked(late.Unix(), registry.JTIOf("acme", "1").String())
	s.PutRevoked(early.Unix(), registry.JTIOf("acme", "past").String(), registry.JTIOf("acme", "back").String())

	refuse := func(commit registry.Commit) {
		s.Helper()
		before, seq := s.revoked(), s.read(registry.RootRef).Fields["seq"]
		if _, err := s.Store.Commit(s.Context(), commit); !errors.Is(err, registry.ErrTooMany) {
			s.Errorf("Commit: got error %v, want %v", err, registry.ErrTooMany)
		}
		after := s.revoked()
		if after.Len() != before.Len() || !after.Has(registry.JTIOf("acme", "past")) || after.Has(registry.JTIOf("acme", "4")) {
			s.Errorf("a commit that failed changed the revoked JWTs: got %d, want %d", after.Len(), before.Len())
		}
		if now := s.read(registry.RootRef).Fields["seq"]; now != seq {
			s.Errorf("a commit that failed was counted: got %s, want %s", now, seq)
		}
		s.isAbsent(registry.ClientRef("acme"))
	}
	// Two are past, and one of these comes back: with two more it is one too many.
	mixed := revocations(late, "2", "3", "4")
	mixed.Edits = creations(bare("acme"))
	refuse(mixed)
	refuse(revocations(late, "back", "3", "4"))
	s.revoke(revocations(late, "1", "back", "3")) // 1 is there, and no more for it
	if revoked := s.revoked(); revoked.Len() != registry.MaxRevoked || revoked.Has(registry.JTIOf("acme", "past")) {
		s.Errorf("got %d revoked, want %d", revoked.Len(), registry.MaxRevoked)
	}
	if _, err := s.Store.Commit(s.Context(), revocations(late, "4")); !errors.Is(err, registry.ErrTooMany) {
		s.Errorf("one more: got error %v, want %v", err, registry.ErrTooMany)
	}
	s.revoke(revocations(late.Add(time.Hour), "1", "3"))
	if revoked := s.revoked(); revoked.Len() != registry.MaxRevoked || !revoked.Has(registry.JTIOf("other", "0")) {
		s.Errorf("those that are there, again: got %d revoked, want %d", revoked.Len(), registry.MaxRevoked)
	}
}

func revokeAtomic(s *suite) {
	if _, err := s.Store.Commit(s.Context(), revocations(now, "1")); !errors.Is(err, registry.ErrNoRegistry) {
		s.Errorf("without a registry: got error %v, want %v", err, registry.ErrNoRegistry)
	}
	s.withRegistry()
	s.create(bare("acme"))
	until := now.Add(time.Hour)
	exists := revocations(until, "1")
	exists.Edits = creations(bare("acme"))
	if _, err := s.Store.Commit(s.Context(), exists); !errors.Is(err, registry.ErrExists) {
		s.Errorf("beside what exists: got error %v, want %v", err, registry.ErrExists)
	}
	twice := revocations(until, "1", "1")
	if _, err := s.Store.Commit(s.Context(), twice); err == nil {
		s.Error("one JWT twice: want an error")
	}
	s.untils("what was refused", map[string]int64{"1": 0})

	s.PutOtherType("revoked-jtis")
	mixed := revocations(until, "1")
	mixed.Edits = creations(bare("beside"))
	_, err := s.Store.Commit(s.Context(), mixed)
	s.isInvalid(err, "revoked-jtis", "")
	s.isAbsent(registry.ClientRef("beside"))
	s.create(bare("beside")) // which has nothing to do with it
}

func readRevoked(s *suite) {
	s.withRegistry()
	s.create(bare("acme"))
	s.PutRevoked(1, registry.JTIOf("acme", "past").String())
	entries, through, err := s.Store.ReadThrough(s.Context(), registry.ClientRef("acme"), registry.RevokedRef, registry.ProfileRef("none"))
	if err != nil || len(entries) != 3 || through != s.lastPosition().Entry {
		s.Fatalf("ReadThrough: got %v through %q, error %v", entries, through, err)
	}
	s.holds(entries[0], bare("acme"))
	if diff := cmp.Diff(registry.Entry{}, entries[2]); diff != "" {
		s.Errorf("what is not there (-want +got):\n%s", diff)
	}
	revoked, ok := entries[1].Record.(*registry.Revocations)
	if !ok || entries[1].Fields != nil || !revoked.Has(registry.JTIOf("acme", "past")) || revoked.Len() != 1 {
		s.Errorf("the revoked: got %v, want the one that is past and still there", entries[1])
	}

	s.PutRevoked(1, "no hash")
	s.isInvalid(s.read(registry.RevokedRef).Invalid, "revoked-jtis", "")
	s.PutOtherType("revoked-jtis")
	entry := s.read(registry.RevokedRef)
	s.isInvalid(entry.Invalid, "revoked-jtis", "")
	if entry.Record != nil {
		s.Errorf("of another type: got %v beside the error", entry.Record)
	}
	_, err = s.Store.RevokedUntil(s.Context(), registry.JTIOf("acme", "past"))
	s.isInvalid(err, "revoked-jtis", "")
	s.Remove("revoked-jtis")
	if revoked := s.revoked(); revoked.Len() != 0 {
		s.Errorf("of none: got %d revoked", revoked.Len())
	}
	if untils, err := s.Store.RevokedUntil(s.Context()); err != nil || len(untils) != 0 {
		s.Errorf("RevokedUntil of nothing: got %v, %v", untils, err)
	}
}
