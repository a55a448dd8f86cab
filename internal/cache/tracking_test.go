package cache

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// tracked runs a test with a server that is told of plain writes.
func tracked(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.follower.Tracker = s.hearsay
		s.run()
		defer s.end()
		synctest.Wait()
		s.logs("writes are tracked")
		test(t, s)
	})
}

// TestTracking has plain writes take effect without that any time passes.
func TestTracking(t *testing.T) {
	tracked(t, func(t *testing.T, s *server) {
		acme := registry.ClientRef("acme")
		s.decides(ownToken, authz.Allowed, 2)
		s.memory.Put(acme, registry.Fields{"id": "acme", "state": "disabled", "created_at": "2026-01-01T00:00:00Z"})
		s.decides(ownToken, authz.Allowed, 0)
		s.hearsay.writes <- []registry.Ref{registry.ClientRef("globex"), acme}
		s.decides(ownToken, authz.ClientDisabled, 1)
		s.decides(otherToken, authz.ClientDisabled, 1)
		s.memory.Put(acme, nil)
		s.hearsay.writes <- nil // everything may have been written
		s.decides(otherToken, authz.ClientUnknown, 2)
		if !s.follower.Watcher.Tracked() {
			t.Error("it does not say that writes are tracked")
		}
	})
}

// TestTrackedRoot has another word about digests be written: it counts at once,
// and however often the root is written, it is not read more often than 50
// times a second.
func TestTrackedRoot(t *testing.T) {
	tracked(t, func(t *testing.T, s *server) {
		s.decides(ownToken, authz.Allowed, 2)
		for i := range 100 {
			s.memory.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "s1", "x_written": fmt.Sprint(i)})
			s.hearsay.writes <- []registry.Ref{registry.RootRef}
			time.Sleep(time.Millisecond)
		}
		if made := len(s.source.reads()) - 2; made > 6 {
			t.Errorf("the root was read %d times in 100 ms", made)
		}
		s.decides(ownToken, authz.Allowed, 0)
		time.Sleep(rootsApart)
		s.memory.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "h1"})
		s.hearsay.writes <- []registry.Ref{registry.RootRef}
		synctest.Wait()
		if got := s.checks(ownToken); got.Reason != authz.RegistryUnavailable || !strings.Contains(fmt.Sprint(got.Cause), credential.ErrPepperMissing.Error()) {
			t.Errorf("got %s (%v), want %s: a pepper is missing", got.Reason, got.Cause, authz.RegistryUnavailable)
		}
	})
}

// TestTrackingIsLost cuts the connection on which writes are told: once there is
// another, all is dropped, since nobody has seen what was written meanwhile.
func TestTrackingIsLost(t *testing.T) {
	tracked(t, func(t *testing.T, s *server) {
		s.decides(ownToken, authz.Allowed, 2)
		s.hearsay.leadTo(nil)
		s.decides(ownToken, authz.Allowed, 0)
		s.logs("writes are not tracked any more")
		s.memory.Put(registry.ClientRef("acme"), nil)
		time.Sleep(time.Second)
		s.decides(ownToken, authz.Allowed, 0)
		s.hearsay.leadTo(s.memory)
		time.Sleep(retryAfter)
		s.decides(ownToken, authz.ClientUnknown, 2)
		s.logs("writes are tracked")
	})
}

// TestTrackingBeginsAnewWithTheFeed breaks the feed: the tracker may listen to
// a Redis that nobody writes to any more.
func TestTrackingBeginsAnewWithTheFeed(t *testing.T) {
	tracked(t, func(t *testing.T, s *server) {
		s.memory.Tell(registry.Fields{"keys": "client:globex"})
		synctest.Wait()
		s.memory.Remove("changes")
		time.Sleep(s.LongestRound() + retryAfter)
		synctest.Wait()
		if begun := s.hearsay.begun.Load(); begun != 2 {
			t.Errorf("tracking has begun %d times, want twice", begun)
		}
		s.decides(ownToken, authz.Allowed, 2)
	})
}

// TestNotTracked has a store not be able to tell of writes: that is said once,
// asked for every minute, and the ttl is what remains.
func TestNotTracked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.follower.Tracker = s.hearsay
		s.hearsay.cannot.set(fmt.Errorf("no: %w", registry.ErrNotTracked))
		s.run()
		defer s.end()
		synctest.Wait()
		s.logs("redis does not track writes")
		s.decides(ownToken, authz.Allowed, 2)
		s.memory.Put(registry.ClientRef("acme"), nil)
		time.Sleep(modelTTL)
		s.decides(ownToken, authz.Allowed, 0)
		time.Sleep(time.Nanosecond)
		s.decides(ownToken, authz.ClientUnknown, 2)
		s.hearsay.cannot.set(nil)
		time.Sleep(askForTracking - modelTTL - 2*time.Nanosecond)
		s.logs()
		time.Sleep(time.Nanosecond)
		s.logs("writes are tracked")
	})
}
