package cache

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// A ticketed is a read of a token that a test begins and ends by hand.
type ticketed struct {
	*reading
	want *want
}

// beginToken begins to read a token.
func (s *subject) beginToken(token string) ticketed {
	s.t.Helper()
	v := s.view.Load()
	refs, err := tokenRefs(s.options.Peppers, v.kinds, credential.NewSecret(token))
	if err != nil {
		s.t.Fatal(err)
	}
	w := &want{refs: refs, view: v}
	r, err := s.begin([]*want{w})
	if err != nil {
		s.t.Fatalf("begin: %v", err)
	}
	return ticketed{r, w}
}

// end ends a read with what stands in the registry now.
func (s *subject) end(r ticketed) {
	s.t.Helper()
	entries, through, err := s.memory.ReadThrough(context.Background(), r.refs()...)
	s.finish(r.reading, entries, through, err)
}

// TestPoisonedTicket touches a fact while it is read: what the read brings is
// not kept, whoever waits for it is told to look again, and whoever comes later
// reads anew.
func TestPoisonedTicket(t *testing.T) {
	for name, change := range map[string]func(s *subject){
		"touched":         func(s *subject) { s.Invalidate([]registry.Ref{plainRef(t, ownToken)}) },
		"all are dropped": func(s *subject) { s.Invalidate(nil) },
		"named by a commit": func(s *subject) {
			s.memory.Tell(registry.Fields{"keys": plainRef(t, ownToken).Key()})
			s.mustRound()
		},
		"flush": func(s *subject) {
			s.memory.Tell(registry.Fields{"op": "flush", "keys": "client:globex"})
			s.mustRound()
		},
		"an entry that says nothing": func(s *subject) {
			s.memory.Tell(registry.Fields{"op": "set"})
			s.mustRound()
		},
		"the root is named": func(s *subject) {
			s.memory.Tell(registry.Fields{"keys": "registry"})
			s.mustRound()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{})
			r := s.beginToken(ownToken)
			change(s)
			later := s.beginToken(ownToken)
			if later.reading == nil {
				t.Fatal("who comes later joins a read from before")
			}
			s.end(r)
			if err := r.want.await(t.Context()); err != nil || !r.want.held.Touched() {
				t.Errorf("what it brought is not touched (%v)", err)
			}
			if _, known := s.find(r.want.refs[0], s.dial.read()); known {
				t.Error("what it brought is kept")
			}
			s.end(later)
			if err := later.want.await(t.Context()); err != nil || later.want.held.Touched() {
				t.Errorf("what the later one brought is touched (%v)", err)
			}
			s.decides(ownToken, authz.Allowed, 1)
		})
	}
}

// TestUntouchedTicket holds the other facts to what is known of them: a change
// to one leaves them alone.
func TestUntouchedTicket(t *testing.T) {
	s := open(t, Options{})
	r := s.beginToken(ownToken)
	s.memory.Tell(registry.Fields{"keys": "client:globex token-id:x x"})
	s.mustRound()
	s.end(r)
	s.decides(ownToken, authz.Allowed, 1)
	s.memory.Tell(registry.Fields{"keys": "client:globex"})
	s.mustRound()
	s.decides(ownToken, authz.Allowed, 0)
}

// TestReadWaits has a read know of a commit before the feed has told of it: it
// is answered once the feed has.
func TestReadWaits(t *testing.T) {
	ended := func(r ticketed) bool { return r.want.read.over() }
	waiting := func(t *testing.T) (*subject, ticketed) {
		t.Helper()
		s := open(t, Options{NegativeTTL: modelNegative})
		r := s.beginToken(ownToken)
		disable(t, s.memory)
		s.end(r)
		if ended(r) {
			t.Fatal("it did not wait")
		}
		return s, r
	}
	t.Run("for the entry", func(t *testing.T) {
		s, r := waiting(t)
		s.mustRound()
		if err := r.want.await(t.Context()); err != nil || r.want.held.Touched() {
			t.Errorf("got %v, touched %v", err, r.want.held.Touched())
		}
		s.decides(ownToken, authz.ClientDisabled, 1)
	})
	t.Run("and fails with contact", func(t *testing.T) {
		s, r := waiting(t)
		s.Lose(registry.ErrUnavailable)
		if err := r.want.await(t.Context()); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("got %v, want %v", err, registry.ErrUnavailable)
		}
	})
	t.Run("and looks again when all is dropped", func(t *testing.T) {
		s, r := waiting(t)
		s.Invalidate(nil)
		if err := r.want.await(t.Context()); err != nil || !r.want.held.Touched() {
			t.Errorf("got %v, touched %v", err, r.want.held.Touched())
		}
	})
	t.Run("not for what is gone", func(t *testing.T) {
		s, r := waiting(t)
		s.memory.Remove("changes") // a feed at the beginning cannot notice
		s.mustRound()
		if ended(r) {
			t.Error("a round that was sent before it ended lets it go")
		}
		s.dial.pass(1)
		s.mustRound()
		if err := r.want.await(t.Context()); err != nil {
			t.Errorf("once a round has told of nothing: %v", err)
		}
	})
	t.Run("and a clock that is set back tells nothing", func(t *testing.T) {
		s := open(t, Options{})
		r, sent := s.beginToken(ownToken), s.dial.read()
		root := s.root()
		disable(t, s.memory)
		s.dial.move(1, -time.Hour)
		s.end(r)
		if err := s.Round(sent, 0, registry.Round{Root: root}); err != nil {
			t.Fatal(err)
		}
		if ended(r) {
			t.Error("a round that was sent before it ended lets it go")
		}
	})
	t.Run("while there is more", func(t *testing.T) {
		s, r := waiting(t)
		s.dial.pass(1)
		// Another entry came first, and a round brings no more at a time.
		seq, _ := s.seen()
		first := registry.Change{Entry: "1-0", Keys: []string{"client:globex"}}
		if err := s.Round(s.dial.read(), seq, registry.Round{Changes: []registry.Change{first}, Root: s.root()}); err != nil {
			t.Fatal(err)
		}
		if ended(r) {
			t.Error("a round that has told of earlier entries only lets it go")
		}
		s.mustRound()
		if !ended(r) {
			t.Error("the round that tells of it does not let it go")
		}
	})
	t.Run("and a bad round is no round", func(t *testing.T) {
		s, r := waiting(t)
		s.Bar(nil)
		s.barred = errModelBars
		if err := s.round(); !errors.Is(err, errModelBars) {
			t.Fatalf("the round: %v", err)
		}
		if err := r.want.await(t.Context()); !errors.Is(err, errModelBars) {
			t.Errorf("got %v, want %v", err, errModelBars)
		}
	})
}

// TestReadComesLate has a read end when contact is lost, which nobody may have
// said: what it brings is no answer.
func TestReadComesLate(t *testing.T) {
	for name, lose := range map[string]func(s *subject){
		"the round failed":  func(s *subject) { s.Lose(registry.ErrUnavailable) },
		"the round is late": func(s *subject) { s.dial.pass(s.lateAfter() + 1) },
		"no heartbeat": func(s *subject) {
			s.dial.pass(modelStaleFor + 1)
			_ = s.Round(s.dial.read(), 0, registry.Round{Root: s.root()})
		},
		"evicting":               func(s *subject) { s.Bar(ErrEvicts) },
		"missing from the fleet": func(s *subject) { s.Drop(registry.ErrNotListed) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, ages)
			r := s.beginToken(ownToken)
			lose(s)
			s.end(r)
			if err := r.want.await(t.Context()); err == nil && !r.want.held.Touched() {
				t.Error("it was answered")
			}
			s.decides(ownToken, authz.RegistryUnavailable, 0)
		})
	}
}

// TestReadIsOvertaken has two reads end in another order than they were
// answered in: the one from before the commit is not from an old registry.
func TestReadIsOvertaken(t *testing.T) {
	s := open(t, Options{})
	first, second := s.beginToken(ownToken), s.beginToken(otherToken)
	entries, through, err := s.memory.ReadThrough(t.Context(), first.refs()...)
	disable(t, s.memory)
	s.end(second)
	s.finish(first.reading, entries, through, err)
	if err := first.want.await(t.Context()); err != nil || first.want.held.Absent() {
		t.Errorf("the read that was overtaken: %v", err)
	}
	if seq, _ := s.seen(); seq != 1 {
		t.Errorf("%d commits were seen, want 1", seq)
	}
}

// TestRefsOfAnotherView has the kinds of digest change between the moment that
// a token's digests are made and the read: a token that is accepted no more must
// not be found by an old digest, nor be kept as found.
func TestRefsOfAnotherView(t *testing.T) {
	peppers := peppersOf(t, map[credential.DigestKind]string{"h1": "one"})
	s := newSubject(t, Options{Peppers: peppers})
	digests := func(kinds string) registry.Fields {
		return registry.Fields{"id": "first", "schema": "1", "digests": kinds, "check_h1": checkOf(t, peppers, "h1")}
	}
	s.memory.Put(registry.RootRef, digests("h1 s1"))
	s.Join(s.dial.read())
	if err := s.startAtTail(); err != nil {
		t.Fatal(err)
	}
	v := s.view.Load()
	refs, err := tokenRefs(peppers, v.kinds, credential.NewSecret(ownToken))
	if err != nil {
		t.Fatal(err)
	}
	s.memory.Put(registry.RootRef, digests("h1"))
	s.ReadRoot()
	w := &want{refs: refs, view: v}
	r, err := s.begin([]*want{w})
	if r != nil || err != nil || !w.held.Touched() {
		t.Errorf("it was read by digests of before: %v, %v", r, err)
	}
	s.decides(ownToken, authz.TokenUnknown, 1)
}

// TestRootChangesDuringRead has the digests change while a token is read by the
// old ones.
func TestRootChangesDuringRead(t *testing.T) {
	peppers := peppersOf(t, map[credential.DigestKind]string{"h1": "one"})
	s := open(t, Options{Peppers: peppers})
	r := s.beginToken(noToken)
	s.memory.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "h1 s1", "check_h1": checkOf(t, peppers, "h1")})
	s.end(r)
	if err := r.want.await(t.Context()); err != nil || !r.want.held.Touched() {
		t.Errorf("got %v, touched %v: want to look again", err, r.want.held.Touched())
	}
}

// TestRootOfLate holds what the root record says to the order in which it was
// read, also where the clock is set back between.
func TestRootOfLate(t *testing.T) {
	peppers := peppersOf(t, map[credential.DigestKind]string{"h1": "one"})
	s := open(t, Options{Peppers: peppers})
	s.dial.move(1, -time.Hour)
	s.memory.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "h1", "check_h1": checkOf(t, peppers, "h1")})
	s.mustRound()
	s.decides(ownToken, authz.TokenUnknown, 1)
}

// TestOneRead has many look for one fact at a time, and for two of which one is
// being read: each is read once.
func TestOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Options{Clock: Clock()})
		s.Join(s.clock())
		if err := startAt(s.Cache, s.clock(), s.root(), "", nil); err != nil {
			t.Fatal(err)
		}
		release := s.source.hold()
		var checks sync.WaitGroup
		for range 200 {
			checks.Go(func() {
				if got := s.checks(ownToken); got.Reason != authz.Allowed {
					t.Errorf("got %s (%v)", got.Reason, got.Cause)
				}
			})
		}
		synctest.Wait()
		if made := len(s.source.reads()); made != 1 {
			t.Errorf("%d reads of one token", made)
		}
		release()
		checks.Wait()
		if made := len(s.source.reads()); made != 2 {
			t.Errorf("%d reads for a token, its client and its profile", made)
		}

		s.Invalidate([]registry.Ref{registry.ClientRef("acme"), registry.ProfileRef("partner")})
		release = s.source.hold()
		for _, client := range []registry.ClientID{"globex", "acme"} {
			checks.Go(func() {
				if c, p, _ := s.Owner(t.Context(), client, "partner", false); c.Err != nil || p.Err != nil {
					t.Errorf("%s: %v, %v", client, c.Err, p.Err)
				}
			})
			synctest.Wait()
		}
		want := [][]registry.Ref{
			{registry.RootRef, registry.ClientRef("globex"), registry.ProfileRef("partner")},
			{registry.RootRef, registry.ClientRef("acme")},
		}
		if diff := cmp.Diff(want, s.source.reads()[2:]); diff != "" {
			t.Errorf("reads (-want +got):\n%s", diff)
		}
		release()
		checks.Wait()
	})
}

// TestReadEndsByItself has the registry hang, and nobody wait any more.
func TestReadEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Options{Timeout: 50e6})
		defer s.source.hold()()
		_, err := s.Token(context.Background(), netip.Addr{}, credential.NewSecret(ownToken))
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
		synctest.Wait()
		if len(s.pending) > 0 || len(s.turns.all) > 0 {
			t.Errorf("%d reads and %d turns are left", len(s.pending), len(s.turns.all))
		}
	})
}

// A faulty source is a fault of our own.
type faulty struct{ registry.Witness }

func (faulty) ReadThrough(context.Context, ...registry.Ref) ([]registry.Entry, string, error) {
	panic("a fault")
}

// TestPanickingRead has a read panic: who waits for it is denied, and the server
// goes on.
func TestPanickingRead(t *testing.T) {
	s := open(t, Options{})
	sound := s.source.Witness
	s.source.Witness = faulty{}
	for range MostLookups + 1 { // and no turn is lost
		got := s.checks(ownToken)
		if got.Reason != authz.RegistryUnavailable || got.Cause == nil || !strings.Contains(got.Cause.Error(), "a fault") {
			t.Fatalf("got %s (%v), want %s", got.Reason, got.Cause, authz.RegistryUnavailable)
		}
	}
	s.source.Witness = sound
	s.decides(ownToken, authz.Allowed, 2)
}
