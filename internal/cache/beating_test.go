package cache

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"credence/internal/authz"
	"credence/internal/registry"
)

// TestMissing takes a server off the list: it forgets all, and joins anew. While
// it cannot, it does not answer.
func TestMissing(t *testing.T) {
	follow(t, func(t *testing.T, s *server) {
		s.decides(ownToken, authz.Allowed, 2)
		s.fleet.TakeOff(s.seat.Name())
		time.Sleep(s.LongestRound() / 2)
		s.logs("missing from the fleet: all facts were dropped")
		if _, listed := s.listed(); !listed {
			t.Fatal("it did not join anew")
		}
		time.Sleep(retryAfter)
		s.decides(ownToken, authz.Allowed, 2)

		s.fleet.TakeOff(s.seat.Name())
		s.fleet.Down(errors.Join(registry.ErrUnavailable))
		time.Sleep(s.LongestRound())
		s.decides(ownToken, authz.Allowed, 0) // nobody has told it
		s.fleet.Down(nil)
		s.fleet.Full(errors.New("READONLY"))
		s.fleet.PutHash(s.seat.Name(), nil)
		time.Sleep(time.Second)
		s.fleet.Full(nil)
		time.Sleep(time.Second)
		s.decides(ownToken, authz.Allowed, 2)
	})
}

// TestMissingAndAlone takes a server off the list that then cannot join.
func TestMissingAndAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		seat := &fussySeat{Seat: s.seat}
		s.follower.Seat = seat
		s.run()
		defer s.end()
		s.decides(ownToken, authz.Allowed, 2)
		seat.refuse.set(errors.New("READONLY"))
		s.fleet.TakeOff(s.seat.Name())
		time.Sleep(s.LongestRound())
		for range 5 {
			s.decides(ownToken, authz.RegistryUnavailable, 0)
			time.Sleep(time.Second)
		}
		seat.refuse.set(nil)
		time.Sleep(retryAfter)
		s.decides(ownToken, authz.Allowed, 2)
	})
}

// A fussySeat may be refused when it is joined.
type fussySeat struct {
	Seat
	refuse cell[error]
}

func (f *fussySeat) Join(ctx context.Context) error {
	if err := f.refuse.get(); err != nil {
		return err
	}
	return f.Seat.Join(ctx)
}

// TestHeartbeats has heartbeats be refused: for want of memory that is no loss of
// contact, otherwise known facts serve for stale_for.
func TestHeartbeats(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want authz.Reason
	}{
		"for want of memory": {errFull, authz.Allowed},
		"by a replica":       {errors.New("READONLY"), authz.RegistryUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			follow(t, func(t *testing.T, s *server) {
				s.decides(ownToken, authz.Allowed, 2)
				s.fleet.Full(test.err)
				time.Sleep(modelStaleFor - time.Second)
				if got := s.checks(ownToken); got.Reason != authz.Allowed {
					t.Errorf("within stale_for: got %s (%v)", got.Reason, got.Cause)
				}
				time.Sleep(2 * time.Second)
				if got := s.checks(ownToken); got.Reason != test.want {
					t.Errorf("beyond stale_for: got %s (%v), want %s", got.Reason, got.Cause, test.want)
				}
				s.fleet.Full(nil)
				time.Sleep(retryAfter)
				if got := s.checks(ownToken); got.Reason != authz.Allowed {
					t.Errorf("afterwards: got %s (%v)", got.Reason, got.Cause)
				}
			})
		})
	}
}
