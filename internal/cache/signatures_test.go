package cache

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"credence/internal/credential"
	"credence/internal/jwt"
	"credence/internal/registry"
)

var stranger = netip.MustParseAddr("192.0.2.1")

// peeked looks into a JWT.
func peeked(t testing.TB, presented credential.Secret) jwt.Peeked {
	t.Helper()
	p, problem := jwt.Peek(presented)
	if problem.Fault != jwt.None {
		t.Fatal(problem)
	}
	return p
}

// TestSignaturesAreFacts has signatures verified: what is good is kept for that
// key alone, and what is bad is not kept.
func TestSignaturesAreFacts(t *testing.T) {
	s, err := NewSignatures(100)
	if err != nil {
		t.Fatal(err)
	}
	own, other := newSigner(t), newSigner(t)
	one := peeked(t, signed(t, own, "acme", "1"))
	verify := func(k *jwt.Key, want jwt.Fault, kept int) {
		t.Helper()
		problem, err := s.Verify(t.Context(), stranger, one, k)
		s.good.CleanUp()
		if err != nil || problem.Fault != want || s.Len() != kept {
			t.Errorf("got %v, error %v, %d kept; want %v and %d", problem.Fault, err, s.Len(), want, kept)
		}
	}
	verify(other.Key(), jwt.BadSignature, 0)
	verify(own.Key(), jwt.None, 1)
	verify(other.Key(), jwt.BadSignature, 1)
	verify(own.Key(), jwt.None, 1)

	// No lane is free, and none is needed.
	for range cap(s.lanes.free) {
		s.lanes.free <- struct{}{}
	}
	verify(own.Key(), jwt.None, 1)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Verify(done, stranger, peeked(t, signed(t, own, "acme", "2")), own.Key()); !errors.Is(err, registry.ErrOverloaded) {
		t.Errorf("a new one without a lane: error %v, want %v", err, registry.ErrOverloaded)
	}
}

// TestSignaturesAreBounded verifies more than are kept.
func TestSignaturesAreBounded(t *testing.T) {
	s, err := NewSignatures(10)
	if err != nil {
		t.Fatal(err)
	}
	by := newSigner(t)
	for i := range 50 {
		if problem, err := s.Verify(t.Context(), stranger, peeked(t, signed(t, by, "acme", string(rune('a'+i)))), by.Key()); err != nil || problem.Fault != jwt.None {
			t.Fatalf("%d: %v, %v", i, problem, err)
		}
	}
	s.good.CleanUp()
	if s.Len() > 10 {
		t.Errorf("%d are kept, want 10 at most", s.Len())
	}
}

// TestLanes are as many as the contract says, with a short queue before them.
func TestLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		lanes := max(1, runtime.GOMAXPROCS(0)/2)
		var leave []func()
		for range lanes {
			out, err := l.enter(t.Context(), stranger)
			if err != nil {
				t.Fatal(err)
			}
			leave = append(leave, out)
		}

		begin := time.Now()
		if _, err := l.enter(t.Context(), stranger); !errors.Is(err, registry.ErrOverloaded) || time.Since(begin) != waitForLane {
			t.Errorf("no lane: %v after %v, want %v after %v", err, time.Since(begin), registry.ErrOverloaded, waitForLane)
		}
		ctx, cancel := context.WithTimeout(t.Context(), waitForLane/2)
		defer cancel()
		begin = time.Now()
		if _, err := l.enter(ctx, stranger); !errors.Is(err, registry.ErrOverloaded) || time.Since(begin) != waitForLane/2 {
			t.Errorf("no lane within the budget: %v after %v", err, time.Since(begin))
		}

		// One source has its share of the queue, and no more; another has one too.
		answers := make(chan error)
		wait := func(from netip.Addr) {
			out, err := l.enter(t.Context(), from)
			if err == nil {
				out()
			}
			answers <- err
		}
		for range queueShare {
			go wait(stranger)
		}
		synctest.Wait()
		begin = time.Now()
		if _, err := l.enter(t.Context(), stranger); !errors.Is(err, registry.ErrOverloaded) || time.Since(begin) != 0 {
			t.Errorf("beyond its share: %v after %v, want %v at once", err, time.Since(begin), registry.ErrOverloaded)
		}
		other := stranger
		for l.shares.source(other) == l.shares.source(stranger) {
			other = other.Next()
		}
		go wait(other)
		synctest.Wait()
		leave[0]()
		for range queueShare + 1 {
			if err := <-answers; err != nil {
				t.Errorf("in the queue: %v, want a lane", err)
			}
		}
		synctest.Wait()
		if len(l.queue) > 0 || len(l.free) != lanes-1 {
			t.Errorf("%d places and %d lanes are left taken", len(l.queue), len(l.free))
		}
	})
}

// TestQueueIsShort fills the queue from many sources.
func TestQueueIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		for range cap(l.free) {
			l.free <- struct{}{}
		}
		from, taken := stranger, make(map[uint64]bool)
		next := func() netip.Addr {
			for from = from.Next(); taken[l.shares.source(from)]; from = from.Next() {
			}
			taken[l.shares.source(from)] = true
			return from
		}
		answers := make(chan error, cap(l.queue))
		for range cap(l.queue) {
			go func(from netip.Addr) {
				_, err := l.enter(t.Context(), from)
				answers <- err
			}(next())
		}
		synctest.Wait()
		begin := time.Now()
		if _, err := l.enter(t.Context(), next()); !errors.Is(err, registry.ErrOverloaded) || time.Since(begin) != 0 {
			t.Errorf("beyond the queue: %v after %v, want %v at once", err, time.Since(begin), registry.ErrOverloaded)
		}
		for range cap(l.queue) {
			if err := <-answers; !errors.Is(err, registry.ErrOverloaded) {
				t.Errorf("in the queue: %v, want %v once it has waited", err, registry.ErrOverloaded)
			}
		}
		if want := cap(l.free) * queuePerLane; cap(l.queue) != want {
			t.Errorf("the queue has %d places, want %d", cap(l.queue), want)
		}
	})
}

// TestFailures bounds what bad signatures cost: of one source, by one key.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFailures()
		one, two := [32]byte{1}, [32]byte{2}
		other := stranger
		for f.of(other, one) == f.of(stranger, one) {
			other = other.Next()
		}
		const cost = time.Millisecond
		burst := func() (paid int) {
			for ; f.bears(stranger, one); paid++ {
				f.charge(stranger, one, cost)
			}
			return paid
		}
		if paid := burst(); paid != 51 {
			t.Errorf("at first %d ms were spent, want 50 and the last", paid)
		}
		if !f.bears(other, one) || !f.bears(stranger, two) {
			t.Error("another source, or another key, has to bear it too")
		}
		paid := 0
		for range 1000 {
			time.Sleep(time.Millisecond)
			paid += burst()
		}
		if paid < 9 || paid > 11 {
			t.Errorf("in a second %d ms were spent, want a hundredth", paid)
		}
		time.Sleep(time.Minute)
		if paid := burst(); paid != 51 {
			t.Errorf("after a pause %d ms were spent, want 50 and the last", paid)
		}
	})
}

// TestBadSignaturesAreShed has one caller send bad signatures until it is told
// that they are too many: what is verified already is not touched by that.
func TestBadSignaturesAreShed(t *testing.T) {
	s, err := NewSignatures(100)
	if err != nil {
		t.Fatal(err)
	}
	own, forger := newSigner(t), newSigner(t)
	good, bad := peeked(t, signed(t, own, "acme", "1")), peeked(t, signed(t, forger, "acme", "2"))
	if problem, err := s.Verify(t.Context(), stranger, good, own.Key()); err != nil || problem.Fault != jwt.None {
		t.Fatal(problem, err)
	}
	s.failures.charge(stranger, own.Key().Sum(), 2*failureBurst)
	if _, err := s.Verify(t.Context(), stranger, bad, own.Key()); !errors.Is(err, registry.ErrOverloaded) {
		t.Errorf("one more: error %v, want %v", err, registry.ErrOverloaded)
	}
	if problem, err := s.Verify(t.Context(), stranger, good, own.Key()); err != nil || problem.Fault != jwt.None {
		t.Errorf("one that is verified already: %v, %v", problem, err)
	}
	before := s.failures.of(stranger, forger.Key().Sum()).Load()
	if problem, err := s.Verify(t.Context(), stranger, bad, forger.Key()); err != nil || problem.Fault != jwt.None {
		t.Errorf("by another key: %v, %v", problem, err)
	}
	if s.failures.of(stranger, forger.Key().Sum()).Load() != before {
		t.Error("a good one is charged for")
	}
	if _, err := s.Verify(t.Context(), stranger.Next(), bad, own.Key()); err != nil && s.failures.of(stranger, own.Key().Sum()) != s.failures.of(stranger.Next(), own.Key().Sum()) {
		t.Errorf("from elsewhere: %v", err)
	}
	if s.failures.of(stranger.Next(), own.Key().Sum()).Load() == 0 {
		t.Error("a bad one is not charged for")
	}
}
