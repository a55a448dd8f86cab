package cache

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// TestNothingIsLookedUp holds a Cache to silence until it is in contact: it is
// in the fleet, the feed has begun, and nothing bars it.
func TestNothingIsLookedUp(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(s *subject) error
		want error // why not; nil: it looks up
	}{
		"nothing was done": {func(*subject) error { return nil }, errNotAsked},
		"in the fleet only": {func(s *subject) error {
			s.Join(s.dial.read())
			return nil
		}, errNotAsked},
		"begun only": {func(s *subject) error {
			if err := s.startAtTail(); !errors.Is(err, registry.ErrNotListed) {
				return errors.Join(errors.New("it begins without the fleet"), err)
			}
			return nil
		}, errNotAsked},
		"a round without a beginning": {func(s *subject) error {
			s.Join(s.dial.read())
			if err := s.round(); !Restarts(err) {
				return errors.Join(errors.New("it takes a round"), err)
			}
			return nil
		}, errNotAsked},
		"barred": {func(s *subject) error {
			s.Bar(ErrEvicts)
			s.Join(s.dial.read())
			if err := s.startAtTail(); !errors.Is(err, ErrEvicts) {
				return errors.Join(errors.New("it begins"), err)
			}
			return nil
		}, ErrEvicts},
		"a heartbeat that is too old": {func(s *subject) error {
			s.Join(s.dial.read())
			s.dial.pass(s.options.StaleFor + 1)
			return s.startAtTail()
		}, ErrNoContact},
		"in contact": {func(s *subject) error {
			s.Join(s.dial.read())
			return s.startAtTail()
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSubject(t, Options{})
			if err := test.do(s); err != nil {
				t.Fatal(err)
			}
			if test.want == nil {
				s.decides(ownToken, authz.Allowed, 2)
				return
			}
			s.decides(ownToken, authz.RegistryUnavailable, 0)
			if got := s.checks(ownToken); !errors.Is(got.Cause, test.want) {
				t.Errorf("because of %v, want %v", got.Cause, test.want)
			}
		})
	}
}

// TestNewIsBarred holds a new Cache to silence before somebody has said that
// nothing bars it.
func TestNewIsBarred(t *testing.T) {
	c, err := New(Options{Source: acme(t)})
	if err != nil {
		t.Fatal(err)
	}
	c.Join(c.clock())
	root := registry.Entry{Record: &registry.Root{ID: "first", Digests: []credential.DigestKind{"s1"}}}
	if err := startAt(c, c.clock(), root, "", nil); !errors.Is(err, errNotAsked) {
		t.Errorf("it begins: %v", err)
	}
}

// TestContactIsLost loses contact in each way. What was unknown is not looked
// up, also where Redis could be asked; what is known serves, or does not; and a
// complete round, or a new beginning, mends all.
func TestContactIsLost(t *testing.T) {
	for name, test := range map[string]struct {
		lose func(s *subject) error
		keep bool // what is known serves
		anew bool // it begins anew
	}{
		"a round failed":      {func(s *subject) error { s.Lose(registry.ErrUnavailable); return nil }, true, false},
		"a round is late":     {func(s *subject) error { s.dial.pass(s.lateAfter() + 1); return nil }, true, false},
		"a gap":               {func(s *subject) error { s.Lose(registry.ErrGap); return nil }, false, true},
		"missing":             {func(s *subject) error { s.Drop(registry.ErrNotListed); return nil }, false, true},
		"it evicts":           {func(s *subject) error { s.Bar(ErrEvicts); return nil }, true, false},
		"a round while so":    {func(s *subject) error { s.barred = ErrEvicts; return s.round() }, true, false},
		"no registry":         {func(s *subject) error { s.memory.Remove("registry"); return s.round() }, false, true},
		"another registry":    {rootOf(registry.Fields{"id": "second", "schema": "1", "digests": "s1"}), false, true},
		"an older one":        {rootOf(registry.Fields{"id": "first", "schema": "1", "digests": "s1", "seq": "4"}), false, true},
		"a root of late":      {rootOf(registry.Fields{"id": "first", "schema": "2", "digests": "s1"}), false, false},
		"a pepper is missing": {rootOf(registry.Fields{"id": "first", "schema": "1", "digests": "h1 s1"}), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSubject(t, Options{NegativeTTL: modelNegative})
			good := registry.Fields{"id": "first", "schema": "1", "digests": "s1", "seq": "5"}
			s.memory.Put(registry.RootRef, good)
			s.Join(s.dial.read())
			if err := s.startAtTail(); err != nil {
				t.Fatal(err)
			}
			s.decides(ownToken, authz.Allowed, 2)
			err := test.lose(s)
			if test.anew != (s.started == false) || err != nil && Restarts(err) != test.anew {
				t.Errorf("it begins anew: %v, because of %v", !s.started, err)
			}
			s.memory.Put(registry.RootRef, good)
			s.decides(otherToken, authz.RegistryUnavailable, 0)
			s.decides(noToken, authz.RegistryUnavailable, 0)
			want, reads := authz.RegistryUnavailable, 2
			if test.keep {
				want, reads = authz.Allowed, 0
			}
			s.decides(ownToken, want, 0)

			s.Bar(nil)
			s.decides(otherToken, authz.RegistryUnavailable, 0)
			if test.anew {
				if err := s.round(); !Restarts(err) {
					t.Errorf("a round counts without a new beginning: %v", err)
				}
				s.decides(ownToken, authz.RegistryUnavailable, 0)
				s.Join(s.dial.read())
				if err := s.startAtTail(); err != nil {
					t.Fatal(err)
				}
			} else {
				s.mustRound()
			}
			s.decides(ownToken, authz.Allowed, reads)
			s.decides(otherToken, authz.Allowed, map[bool]int{true: 1, false: 1}[test.keep])
		})
	}
}

// rootOf has a round bring another root record.
func rootOf(fields registry.Fields) func(*subject) error {
	return func(s *subject) error {
		s.memory.Put(registry.RootRef, fields)
		return s.round()
	}
}

// TestMissingIsNotHeardOf has a heartbeat end that was sent before the server
// was missing from the fleet.
func TestMissingIsNotHeardOf(t *testing.T) {
	s := open(t, ages)
	sent := s.dial.read()
	s.Drop(registry.ErrNotListed)
	s.dial.pass(modelStaleFor)
	s.Beat(s.dial.read())
	if at := s.contact.Load(); at.beat != sent {
		t.Errorf("a heartbeat counts at %v: nobody lists this server", at.beat)
	}
}

// TestApplied follows what a server says that it goes by, and when it moves.
func TestApplied(t *testing.T) {
	s := open(t, Options{})
	entry, withheld, moved := s.Applied()
	if entry != "" || len(withheld) > 0 {
		t.Errorf("at first: applied %q, withheld %v", entry, withheld)
	}
	s.mustRound()
	select {
	case <-moved:
		t.Error("it moved by a round that told of nothing")
	default:
	}
	at := disable(t, s.memory)
	s.mustRound()
	select {
	case <-moved:
	default:
		t.Error("it did not move")
	}
	if entry, _, _ := s.Applied(); entry != at.Entry {
		t.Errorf("applied %q, want %q", entry, at.Entry)
	}
	_, _, moved = s.Applied()
	if err := startAt(s.Cache, s.dial.read(), s.root(), "7-0", []registry.Change{{Keys: []string{"client:acme", "token-id:x", "registry"}}}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-moved:
	default:
		t.Error("it did not move when the feed began anew")
	}
	entry, withheld, _ = s.Applied()
	if diff := cmp.Diff([]string{"client:acme", "registry"}, withheld); diff != "" || entry != "7-0" {
		t.Errorf("applied %q, withheld (-want +got):\n%s", entry, diff)
	}
}

// TestWithheld has commits be lost that had named a client: it is denied until
// the change feed names it again, whatever else happens.
func TestWithheld(t *testing.T) {
	s := open(t, Options{NegativeTTL: modelNegative})
	s.decides(ownToken, authz.Allowed, 2)
	lost := []registry.Change{{Entry: "1-0", Keys: []string{"client:acme"}}}
	if err := startAt(s.Cache, s.dial.read(), s.root(), "", lost); err != nil {
		t.Fatal(err)
	}
	denied := func(after string) {
		t.Helper()
		got := s.checks(ownToken)
		if got.Reason != authz.RegistryUnavailable || !errors.Is(got.Cause, ErrWithheld) {
			t.Errorf("after %s: got %s (%v), want %s", after, got.Reason, got.Cause, authz.RegistryUnavailable)
		}
		if state := s.State(); state.Withheld != 1 {
			t.Errorf("after %s: %d records are withheld, want 1", after, state.Withheld)
		}
	}
	denied("the loss")
	s.Invalidate([]registry.Ref{registry.ClientRef("acme")})
	denied("a plain write")
	s.Invalidate(nil)
	denied("all was dropped")
	s.memory.Tell(registry.Fields{"op": "flush"})
	s.mustRound()
	denied("an entry that names all")
	s.Drop(registry.ErrNotListed)
	s.Join(s.dial.read())
	if err := s.startAtTail(); err != nil {
		t.Fatal(err)
	}
	denied("the feed began anew")
	s.decides(noToken, authz.TokenUnknown, 1) // others are not
	s.memory.Tell(registry.Fields{"keys": "client:acme"})
	s.mustRound()
	s.decides(ownToken, authz.Allowed, 1)
}

// TestChangesOfAnotherProgram has entries without seq, and with one that
// nobody can count by.
func TestChangesOfAnotherProgram(t *testing.T) {
	s := open(t, Options{})
	s.decides(ownToken, authz.Allowed, 2)
	s.memory.Put(registry.ClientRef("acme"), registry.Fields{"id": "acme", "state": "disabled", "created_at": "2026-01-01T00:00:00Z"})
	s.decides(ownToken, authz.Allowed, 0)
	s.memory.Tell(registry.Fields{"keys": "client:acme", "op": "set", "by": "portal"})
	s.mustRound()
	s.decides(ownToken, authz.ClientDisabled, 1)
	s.memory.Tell(registry.Fields{"keys": "client:acme", "seq": "none"})
	s.mustRound()
	s.decides(ownToken, authz.ClientDisabled, 1)
}

// TestState tells what there is.
func TestState(t *testing.T) {
	s := newSubject(t, ages)
	if state := s.State(); state.Contacted || state.Follows || state.Serves || state.Standing() != NeverContacted || !errors.Is(state.Cause, errNotAsked) {
		t.Errorf("at first: %+v", state)
	}
	s.Join(s.dial.read())
	if err := s.startAtTail(); err != nil {
		t.Fatal(err)
	}
	s.decides(ownToken, authz.Allowed, 2)
	s.decides(noToken, authz.TokenUnknown, 1)
	s.memory.Tell(registry.Fields{"keys": "client:globex"})
	s.mustRound()
	s.dial.pass(1)
	want := State{Contacted: true, Follows: true, Serves: true, Age: 1, Known: 3, Absent: 1, Changes: 1, Flushes: 1}
	if diff := cmp.Diff(want, s.State()); diff != "" {
		t.Errorf("in contact (-want +got):\n%s", diff)
	}
	s.dial.pass(s.lateAfter())
	if state := s.State(); state.Standing() != OutOfContact || !errors.Is(state.Cause, errLate) {
		t.Errorf("late: %+v", state)
	}
	s.dial.pass(modelStaleFor)
	if state := s.State(); state.Standing() != TooOld {
		t.Errorf("too old: %+v", state)
	}
}

// TestWithheldEverything has a change be lost that may have been about
// anything: all is withheld until it is named, or until somebody tells that
// all may have changed, which releases what no lost change had named.
func TestWithheldEverything(t *testing.T) {
	s := open(t, Options{NegativeTTL: modelNegative})
	lost := []registry.Change{
		{Entry: "1-0", Keys: []string{"profile:partner"}},
		{Entry: "2-0", Op: registry.OpFlush, Keys: []string{"client:globex"}},
	}
	if err := startAt(s.Cache, s.dial.read(), s.root(), "", lost); err != nil {
		t.Fatal(err)
	}
	refs := []registry.Ref{registry.RootRef, registry.ClientRef("acme"), registry.ProfileRef("partner"), registry.ClientRef("globex")}
	holds := func(after string, want ...bool) {
		t.Helper()
		for i, ref := range refs {
			if got := s.withheld.holds(ref); got != want[i] {
				t.Errorf("after %s: %s is withheld: %v, want %v", after, ref.Key(), got, want[i])
			}
		}
	}
	holds("the loss", true, true, true, true)
	s.release(registry.Change{Keys: []string{"client:acme"}})
	holds("acme was named", true, false, true, true)
	s.release(registry.Change{Op: registry.OpFlush})
	holds("a flush", false, false, true, true)
	s.release(registry.Change{Keys: []string{"profile:partner", "client:globex"}})
	holds("the others were named", false, false, false, false)
}
