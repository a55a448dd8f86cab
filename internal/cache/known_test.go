package cache

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// ages are what the tests of this file give a Cache.
var ages = Options{TTL: modelTTL, NegativeTTL: modelNegative, StaleFor: modelStaleFor}

// TestTimeToLive has facts grow old. In contact an old one is read again; out
// of contact it serves until stale_for, a negative one not at all.
func TestTimeToLive(t *testing.T) {
	const (
		inContact = iota
		silent    // the round is late
		failed
	)
	for name, test := range map[string]struct {
		token   string
		passes  time.Duration
		contact int
		want    authz.Reason
		reads   int
	}{
		"known":                            {ownToken, modelTTL, inContact, authz.Allowed, 0},
		"known, old":                       {ownToken, modelTTL + 1, inContact, authz.Allowed, 2},
		"known, round late":                {ownToken, modelTTL - 1, silent, authz.Allowed, 0},
		"known, old, round late":           {ownToken, modelTTL + 1, silent, authz.Allowed, 0},
		"known, old, round failed":         {ownToken, modelTTL + 1, failed, authz.Allowed, 0},
		"known, at the end of stale_for":   {ownToken, modelStaleFor, failed, authz.Allowed, 0},
		"known, beyond stale_for":          {ownToken, modelStaleFor + 1, failed, authz.RegistryUnavailable, 0},
		"known, beyond stale_for, silent":  {ownToken, modelStaleFor + 1, silent, authz.RegistryUnavailable, 0},
		"negative":                         {noToken, modelNegative, inContact, authz.TokenUnknown, 0},
		"negative, old":                    {noToken, modelNegative + 1, inContact, authz.TokenUnknown, 1},
		"negative, round late":             {noToken, modelNegative, silent, authz.RegistryUnavailable, 0},
		"negative, round failed":           {noToken, 0, failed, authz.RegistryUnavailable, 0},
		"unknown, round late":              {otherToken, modelNegative, silent, authz.RegistryUnavailable, 0},
		"unknown, round failed":            {otherToken, 0, failed, authz.RegistryUnavailable, 0},
		"known, beyond stale_for, contact": {ownToken, modelStaleFor + 1, inContact, authz.Allowed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, ages)
			s.decides(ownToken, authz.Allowed, 2)
			s.decides(noToken, authz.TokenUnknown, 1)
			s.dial.pass(test.passes)
			switch test.contact {
			case inContact:
				s.mustRound()
			case failed:
				s.Lose(registry.ErrUnavailable)
			}
			s.decides(test.token, test.want, test.reads)
		})
	}
}

// TestHeartbeatsAreContact has rounds go on and heartbeats stop: the older of
// the two counts.
func TestHeartbeatsAreContact(t *testing.T) {
	s := open(t, ages)
	s.decides(ownToken, authz.Allowed, 2)
	s.dial.pass(modelStaleFor)
	if err := s.Round(s.dial.read(), 0, registry.Round{Root: s.root()}); err != nil {
		t.Fatal(err)
	}
	s.decides(ownToken, authz.Allowed, 2) // read again
	s.dial.pass(1)
	s.decides(ownToken, authz.RegistryUnavailable, 0)
	s.decides(otherToken, authz.RegistryUnavailable, 0)
	if state := s.State(); state.Serves || !errors.Is(state.Cause, errUnheard) || state.Standing() != TooOld {
		t.Errorf("it serves: %v, because of %v", state.Serves, state.Cause)
	}
	s.Beat(s.dial.read())
	s.decides(otherToken, authz.Allowed, 1)
}

// TestClocks holds ages to the larger of two clocks: neither a machine that
// slept nor a clock that was set makes facts younger.
func TestClocks(t *testing.T) {
	for name, test := range map[string]struct {
		run, wall time.Duration
		want      authz.Reason
	}{
		"both go":              {modelStaleFor, modelStaleFor, authz.Allowed},
		"set back":             {modelStaleFor, -time.Hour, authz.Allowed},
		"set back, too old":    {modelStaleFor + 1, -time.Hour, authz.RegistryUnavailable},
		"set forward":          {0, time.Hour, authz.RegistryUnavailable},
		"the machine slept":    {0, modelStaleFor + 1, authz.RegistryUnavailable},
		"the machine slept on": {1, modelStaleFor, authz.Allowed},
	} {
		s := open(t, ages)
		s.decides(ownToken, authz.Allowed, 2)
		s.Lose(registry.ErrUnavailable)
		s.dial.move(test.run, test.wall)
		if got := s.checks(ownToken); got.Reason != test.want {
			t.Errorf("%s: got %s, want %s", name, got.Reason, test.want)
		}
	}
}

// TestReadAgainInVain has a fact be old in contact, and not be readable. The
// one that is known serves on, without a read of each check, until it is
// older than ttl and stale_for together.
func TestReadAgainInVain(t *testing.T) {
	s := open(t, ages)
	s.decides(ownToken, authz.Allowed, 2)
	s.dial.pass(modelTTL + 1)
	s.mustRound()
	s.source.fail[3] = errors.New("broken pipe")
	s.decides(ownToken, authz.Allowed, 1) // in vain; then nobody tries any more
	s.decides(ownToken, authz.Allowed, 0)
	s.mustRound()
	s.decides(ownToken, authz.Allowed, 2)

	s.dial.pass(modelTTL + modelStaleFor + 1)
	s.mustRound()
	s.source.fail[6] = errors.New("broken pipe")
	s.decides(ownToken, authz.RegistryUnavailable, 1)
}

// TestReadAgainWithoutATurn has no turn be left for an old fact: it serves on.
func TestReadAgainWithoutATurn(t *testing.T) {
	s := open(t, ages)
	s.decides(ownToken, authz.Allowed, 2)
	s.dial.pass(modelTTL + 1)
	s.mustRound()
	for range MostLookups {
		s.turns.all <- struct{}{}
	}
	s.decides(ownToken, authz.Allowed, 0)
	s.decides(otherToken, authz.Overloaded, 0)
}

// TestInvalidRecordIsReadAgainSoon has a record be invalid for a while.
func TestInvalidRecordIsReadAgainSoon(t *testing.T) {
	s := open(t, ages)
	good := registry.Fields{"id": "acme", "state": "active", "created_at": "2026-01-01T00:00:00Z"}
	s.memory.Put(registry.ClientRef("acme"), registry.Fields{"id": "acme", "state": "on"})
	s.decides(ownToken, authz.RecordInvalid, 2)
	s.memory.Put(registry.ClientRef("acme"), good)
	s.decides(ownToken, authz.RecordInvalid, 0)
	s.dial.pass(modelNegative + 1)
	s.Lose(registry.ErrUnavailable)
	s.decides(ownToken, authz.RecordInvalid, 0) // it is known, and serves out of contact
	s.mustRound()
	s.decides(ownToken, authz.Allowed, 1)
}

// TestNoNegativeFacts keeps none: each check of a token that is not there asks.
func TestNoNegativeFacts(t *testing.T) {
	s := open(t, Options{TTL: modelTTL, StaleFor: modelStaleFor})
	for range 3 {
		s.decides(noToken, authz.TokenUnknown, 1)
	}
	s.memory.Put(registry.ClientRef("acme"), nil)
	for _, reads := range []int{2, 1} {
		s.decides(ownToken, authz.ClientUnknown, reads)
	}
	if state := s.State(); state.Absent != 0 {
		t.Errorf("%d negative facts are kept", state.Absent)
	}
}

// TestNothingHasRoom keeps a single fact, and pushes out all others: every check
// is answered for all that, also one that needs three.
func TestNothingHasRoom(t *testing.T) {
	s := open(t, Options{MaxEntries: 1})
	for i := range 50 {
		token := []string{ownToken, otherToken}[i%2]
		if got := s.checks(token); got.Reason != authz.Allowed {
			t.Fatalf("check %d: got %s (%v)", i, got.Reason, got.Cause)
		}
		if i%10 == 0 {
			s.memory.Tell(registry.Fields{"keys": "client:globex"})
			s.mustRound()
		}
	}
}

// TestNegativeFactsPushOutNothing has strangers make more negative facts than
// are kept: what is known stays.
func TestNegativeFactsPushOutNothing(t *testing.T) {
	s := open(t, Options{MaxEntries: 10, NegativeTTL: time.Minute})
	s.decides(ownToken, authz.Allowed, 2)
	for i := range absentFacts + 500 {
		s.checks(fmt.Sprintf("a-token-of-nobody-%06d", i))
	}
	s.decides(ownToken, authz.Allowed, 0)
	s.era.Load().absent.CleanUp()
	if state := s.State(); state.Absent > absentFacts || state.Known != 3 {
		t.Errorf("%d negative facts and %d known ones are kept, want %d at most, and 3", state.Absent, state.Known, absentFacts)
	}
}

// TestEvictedFactHoldsUntilSomethingChanges follows a fact that is pushed out
// while it is used.
func TestEvictedFactHoldsUntilSomethingChanges(t *testing.T) {
	s := open(t, Options{})
	fact, err := s.Token(t.Context(), netip.Addr{}, credential.NewSecret(ownToken))
	if err != nil {
		t.Fatal(err)
	}
	s.era.Load().known.SetMaximum(0)
	if fact.Touched() {
		t.Error("it was touched when it was pushed out")
	}
	s.Invalidate([]registry.Ref{registry.ClientRef("globex")})
	if !fact.Touched() {
		t.Error("it is not touched when something changes: nobody knows whether that is about it")
	}
}

// TestFactUnderTwoDigests has a token be found by one of two digests: a change
// under either touches it.
func TestFactUnderTwoDigests(t *testing.T) {
	peppers := peppersOf(t, map[credential.DigestKind]string{"h1": "one"})
	digest, err := peppers.Digest("h1", credential.NewSecret(ownToken))
	if err != nil {
		t.Fatal(err)
	}
	for name, ref := range map[string]registry.Ref{"where it stands": plainRef(t, ownToken), "where it would be found before": registry.TokenRef(digest)} {
		t.Run(name, func(t *testing.T) {
			s := newSubject(t, Options{Peppers: peppers})
			s.memory.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "h1 s1", "check_h1": checkOf(t, peppers, "h1")})
			s.Join(s.dial.read())
			if err := s.startAtTail(); err != nil {
				t.Fatal(err)
			}
			s.decides(ownToken, authz.Allowed, 2)
			s.Invalidate([]registry.Ref{ref})
			s.decides(ownToken, authz.Allowed, 1)
			s.decides(ownToken, authz.Allowed, 0)
		})
	}
}
