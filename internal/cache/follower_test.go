package cache

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"credence/internal/authz"
	"credence/internal/registry"
)

// TestFollow starts a server, and has changes take effect without that any time
// passes. At the end it leaves the fleet.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.decides(ownToken, authz.RegistryUnavailable, 0)
		s.run()
		synctest.Wait()
		if s.made.Load() != 1 {
			t.Errorf("contact was made %d times", s.made.Load())
		}
		s.logs("in contact with the registry")
		s.decides(ownToken, authz.Allowed, 2)
		at := disable(t, s.memory)
		s.decides(ownToken, authz.ClientDisabled, 1)
		if self, listed := s.listed(); !listed || self.Applied != at.Entry {
			t.Errorf("the fleet lists it: %v, by entry %q, want %q", listed, self.Applied, at.Entry)
		}
		s.memory.Put(registry.ClientRef("acme"), registry.Fields{"id": "acme", "state": "active", "created_at": "2026-01-01T00:00:00Z"})
		s.memory.Tell(registry.Fields{"keys": "client:acme"})
		s.decides(ownToken, authz.Allowed, 1)
		time.Sleep(time.Minute)
		s.logs()
		s.end()
		if _, listed := s.listed(); listed {
			t.Error("the fleet lists a server that has ended")
		}
	})
}

// TestFeedGoesOn cuts the feed alone while commits are made: it goes on behind
// the entry that was applied last, and nothing else is dropped.
func TestFeedGoesOn(t *testing.T) {
	follow(t, func(t *testing.T, s *server) {
		s.decides(ownToken, authz.Allowed, 2)
		s.memory.Tell(registry.Fields{"keys": "client:globex"})
		s.decides(ownToken, authz.Allowed, 0)
		s.feed.leadTo(nil)
		s.decides(otherToken, authz.RegistryUnavailable, 0)
		s.decides(ownToken, authz.Allowed, 0)
		s.logs("contact with the registry is lost", "the wire is cut")
		disable(t, s.memory)
		time.Sleep(5 * time.Second)
		s.decides(ownToken, authz.Allowed, 0) // it may, for stale_for
		flushes := s.State().Flushes
		s.feed.leadTo(s.memory)
		time.Sleep(retryAfter)
		s.decides(ownToken, authz.ClientDisabled, 1)
		if state := s.State(); state.Flushes != flushes || state.Changes != 2 {
			t.Errorf("all was dropped %d times, and %d changes were applied: want none, and 2", state.Flushes-flushes, state.Changes)
		}
		s.logs("in contact with the registry")
	})
}

// TestGap has the stream lose entries while the feed is cut: all is dropped, and
// it begins anew.
func TestGap(t *testing.T) {
	for name, lose := range map[string]func(m *registry.Memory){
		"trimmed":      func(m *registry.Memory) { m.Tell(registry.Fields{"keys": "client:globex"}); m.Forget(1) },
		"emptied":      func(m *registry.Memory) { m.Forget(0) },
		"removed":      func(m *registry.Memory) { m.Remove("changes") },
		"made anew":    func(m *registry.Memory) { m.Remove("changes"); m.Tell(registry.Fields{"keys": "client:globex"}) },
		"another type": func(m *registry.Memory) { m.PutOtherType("changes"); m.Remove("changes") },
	} {
		t.Run(name, func(t *testing.T) {
			follow(t, func(t *testing.T, s *server) {
				s.memory.Tell(registry.Fields{"keys": "client:globex", "seq": "0"})
				s.decides(ownToken, authz.Allowed, 2)
				s.feed.leadTo(nil)
				time.Sleep(time.Second)
				s.memory.Put(registry.ClientRef("acme"), nil)
				lose(s.memory)
				s.decides(ownToken, authz.Allowed, 0)
				s.log.take()
				s.feed.leadTo(s.memory)
				time.Sleep(retryAfter + s.LongestRound()/2)
				s.decides(ownToken, authz.ClientUnknown, 2)
				s.logs("the change feed was broken: all facts were dropped")
				if s.renewed.Load() == 0 {
					t.Error("connections were not renewed")
				}
				s.memory.Tell(registry.Fields{"keys": "client:acme"})
				s.decides(ownToken, authz.ClientUnknown, 1)
			})
		})
	}
}

// TestGapWhileItWaits has the stream be lost under a feed that waits: what comes
// next follows a gap.
func TestGapWhileItWaits(t *testing.T) {
	for name, lose := range map[string]func(m *registry.Memory){
		"emptied": func(m *registry.Memory) { m.Forget(0) },
		"removed": func(m *registry.Memory) { m.Remove("changes") },
	} {
		t.Run(name, func(t *testing.T) {
			follow(t, func(t *testing.T, s *server) {
				s.memory.Tell(registry.Fields{"keys": "client:globex"})
				s.decides(ownToken, authz.Allowed, 2)
				time.Sleep(time.Millisecond)
				s.memory.Put(registry.ClientRef("acme"), nil)
				lose(s.memory)
				s.decides(ownToken, authz.Allowed, 0)
				s.memory.Tell(registry.Fields{"keys": "client:globex"})
				s.decides(ownToken, authz.ClientUnknown, 2)
				s.logs("the change feed was broken: all facts were dropped")
			})
		})
	}
}

// TestFailOver has another Redis take over that lacks the newest commits: what
// they had named is withheld until it is named again.
func TestFailOver(t *testing.T) {
	for name, test := range map[string]struct {
		before, lost, since func(t *testing.T, m *registry.Memory)
	}{
		"a commit of ours": {
			func(*testing.T, *registry.Memory) {},
			func(t *testing.T, m *registry.Memory) { disable(t, m) },
			func(*testing.T, *registry.Memory) {},
		},
		"a commit of ours, and another one came": {
			func(_ *testing.T, m *registry.Memory) { m.Tell(registry.Fields{"keys": "client:globex"}) },
			func(t *testing.T, m *registry.Memory) { disable(t, m) },
			func(_ *testing.T, m *registry.Memory) {
				m.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "s1", "seq": "1"})
				m.Tell(registry.Fields{"keys": "client:globex", "seq": "1"})
			},
		},
		"a change of another program": {
			func(*testing.T, *registry.Memory) {},
			func(_ *testing.T, m *registry.Memory) { m.Tell(registry.Fields{"keys": "client:acme"}) },
			func(*testing.T, *registry.Memory) {},
		},
		"a change of another program, and another one came": {
			func(_ *testing.T, m *registry.Memory) { m.Tell(registry.Fields{"keys": "client:globex"}) },
			func(_ *testing.T, m *registry.Memory) { m.Tell(registry.Fields{"keys": "client:acme"}) },
			func(_ *testing.T, m *registry.Memory) { m.Tell(registry.Fields{"keys": "client:globex"}) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			follow(t, func(t *testing.T, s *server) {
				replica := acmeAt(t, s.clock)
				test.before(t, s.memory)
				test.before(t, replica)
				s.decides(ownToken, authz.Allowed, 2)
				time.Sleep(10 * time.Millisecond)
				test.lost(t, s.memory)
				synctest.Wait()
				time.Sleep(10 * time.Millisecond)
				test.since(t, replica)
				s.log.take()
				s.lead(replica)
				time.Sleep(retryAfter + s.LongestRound()/2)
				synctest.Wait()
				got := s.checks(ownToken)
				if got.Reason != authz.RegistryUnavailable || !errors.Is(got.Cause, ErrWithheld) {
					t.Errorf("got %s (%v), want %s: its commit was lost", got.Reason, got.Cause, authz.RegistryUnavailable)
				}
				s.logs("commits were lost", "records=client:acme")
				s.decides(noToken, authz.TokenUnknown, 1)
				time.Sleep(time.Second)
				if self, _ := s.listed(); strings.Join(self.Withheld, " ") != "client:acme" {
					t.Errorf("the fleet hears that %q are withheld", self.Withheld)
				}
				replica.Tell(registry.Fields{"keys": "client:acme"})
				s.decides(ownToken, authz.Allowed, 1)
			})
		})
	}
}

// TestOldPrimary has lookups be answered by a registry that lacks what was
// applied, before the feed has noticed anything.
func TestOldPrimary(t *testing.T) {
	follow(t, func(t *testing.T, s *server) {
		replica := acmeAt(t, s.clock)
		time.Sleep(10 * time.Millisecond)
		s.memory.Tell(registry.Fields{"keys": "client:acme"})
		synctest.Wait()
		s.lookups.leadTo(replica)
		s.decides(ownToken, authz.RegistryUnavailable, 1)
		if got := s.checks(ownToken); !errors.Is(got.Cause, ErrOldRegistry) {
			t.Errorf("because of %v, want %v", got.Cause, ErrOldRegistry)
		}
		s.lookups.leadTo(s.memory)
		s.decides(ownToken, authz.Allowed, 2)
	})
}

// TestOutage cuts everything: what is known serves for stale_for, what is not is
// unavailable at once, and all is mended by itself.
func TestOutage(t *testing.T) {
	follow(t, func(t *testing.T, s *server) {
		s.decides(ownToken, authz.Allowed, 2)
		s.decides(noToken, authz.TokenUnknown, 1)
		s.lead(nil)
		s.fleet.Down(errCut)
		begin := time.Now()
		s.decides(ownToken, authz.Allowed, 0)
		s.decides(otherToken, authz.RegistryUnavailable, 0)
		s.decides(noToken, authz.RegistryUnavailable, 0)
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("the answers took %v", waited)
		}
		time.Sleep(modelStaleFor - 2*time.Second)
		s.decides(ownToken, authz.Allowed, 0)
		time.Sleep(3 * time.Second)
		s.decides(ownToken, authz.RegistryUnavailable, 0)
		s.logs("contact with the registry is lost", "what is known is too old to serve")
		s.lead(s.memory)
		s.fleet.Down(nil)
		time.Sleep(time.Second)
		s.decides(otherToken, authz.Allowed, 2) // the facts of its client are old
		s.logs("in contact with the registry")
		if s.made.Load() != 1 {
			t.Errorf("contact was made for the first time %d times", s.made.Load())
		}
	})
}

// TestOverdueFeed has rounds of the feed not come in time, though nothing says
// that they failed.
func TestOverdueFeed(t *testing.T) {
	follow(t, func(t *testing.T, s *server) {
		s.decides(ownToken, authz.Allowed, 2)
		s.feed.round.set(time.Hour) // the next
		time.Sleep(s.LongestRound()/2 + s.lateAfter() + time.Millisecond)
		s.decides(otherToken, authz.RegistryUnavailable, 0)
		s.decides(ownToken, authz.Allowed, 0)
		time.Sleep(lookEvery)
		s.logs("contact with the registry is lost", "the change feed is late")
		s.feed.round.set(s.LongestRound() / 2)
		disable(t, s.memory) // and the round ends
		s.decides(ownToken, authz.ClientDisabled, 1)
		s.decides(otherToken, authz.ClientDisabled, 1)
	})
}

// TestEvicting has Redis evict records, or not say whether it does.
func TestEvicting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.evicts.set(errors.New("loading"))
		s.run()
		defer s.end()
		time.Sleep(5 * time.Second)
		s.decides(ownToken, authz.RegistryUnavailable, 0) // nobody knows
		s.evicts.set(ErrEvicts)
		time.Sleep(time.Second)
		s.decides(ownToken, authz.RegistryUnavailable, 0)
		s.logs("the registry cannot be served from", "maxmemory-policy")
		s.evicts.set(nil)
		time.Sleep(evictionAgain + retryAfter)
		s.decides(ownToken, authz.Allowed, 2)
		s.evicts.set(errors.New("loading"))
		time.Sleep(2 * evictionEvery)
		if got := s.checks(otherToken); got.Reason != authz.Allowed {
			t.Errorf("what was known last does not hold: got %s (%v)", got.Reason, got.Cause)
		}
		s.evicts.set(ErrEvicts)
		time.Sleep(evictionEvery)
		s.decides(noToken, authz.RegistryUnavailable, 0)
		if got := s.checks(ownToken); got.Reason != authz.Allowed {
			t.Errorf("what is known does not serve: got %s (%v)", got.Reason, got.Cause)
		}
		s.evicts.set(nil)
		time.Sleep(evictionAgain + s.LongestRound())
		s.decides(noToken, authz.TokenUnknown, 1)
	})
}

// TestRegistries has a registry vanish, another one stand in its place, and the
// first come back.
func TestRegistries(t *testing.T) {
	follow(t, func(t *testing.T, s *server) {
		s.decides(ownToken, authz.Allowed, 2)
		s.lead(registry.NewMemory(s.clock))
		time.Sleep(time.Second)
		s.decides(ownToken, authz.RegistryUnavailable, 0)
		s.decides(noToken, authz.RegistryUnavailable, 0)
		s.logs("contact with the registry is lost", registry.ErrNoRegistry.Error())
		another := acmeAt(t, s.clock)
		another.Put(registry.RootRef, registry.Fields{"id": "second", "schema": "1", "digests": "s1"})
		s.lead(another)
		time.Sleep(time.Second)
		s.decides(ownToken, authz.RegistryUnavailable, 0)
		if cause := s.State().Cause; !errors.Is(cause, ErrAnotherRegistry) {
			t.Errorf("because of %v, want %v", cause, ErrAnotherRegistry)
		}
		s.lead(s.memory)
		time.Sleep(time.Second)
		s.decides(ownToken, authz.Allowed, 2)
	})
}

// TestNoRegistryYet starts before there is a registry, or Redis.
func TestNoRegistryYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.lead(nil)
		s.fleet.Down(errCut)
		s.run()
		defer s.end()
		time.Sleep(time.Minute)
		s.decides(ownToken, authz.RegistryUnavailable, 0)
		s.logs("the registry cannot be served from")
		s.fleet.Down(nil)
		empty := registry.NewMemory(s.clock)
		s.lead(empty)
		time.Sleep(time.Second)
		s.decides(ownToken, authz.RegistryUnavailable, 0)
		if cause := s.State().Cause; !errors.Is(cause, registry.ErrNoRegistry) || s.made.Load() != 0 {
			t.Errorf("because of %v, want %v; contact was made %d times", cause, registry.ErrNoRegistry, s.made.Load())
		}
		empty.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "s1"})
		time.Sleep(time.Second)
		s.decides(noToken, authz.TokenUnknown, 1)
		if s.made.Load() != 1 {
			t.Errorf("contact was made %d times", s.made.Load())
		}
	})
}
