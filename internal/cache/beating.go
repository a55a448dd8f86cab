package cache

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"credence/internal/registry"
)

// beat keeps this server's place in the fleet, and says what was applied as
// soon as it was. Where the place is gone, somebody may already be told that
// nobody is left who could go by an old fact: so there must be none.
func (f *Follower) beat(ctx context.Context, end context.CancelFunc) {
	every := f.Cache.LongestRound() / 2
	for ctx.Err() == nil {
		applied, withheld, moved := f.Cache.Applied()
		sent := f.Cache.clock()
		err := f.Seat.Beat(ctx, applied, withheld)
		again := every
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, registry.ErrNotListed):
			f.Logger.Warn("missing from the fleet: all facts were dropped", slog.Any("cause", err))
			f.Cache.Drop(err)
			f.Watcher.look()
			end()
			return
		case err == nil, f.Counts(err):
			f.Cache.Beat(sent)
		default:
			moved, again = nil, min(every, retryAfter)
		}
		wait(ctx, moved, again)
	}
}

// wait waits until something moved, or for a while.
func wait(ctx context.Context, moved <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-moved:
	case <-timer.C:
	case <-ctx.Done():
	}
}
