package cache

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"credence/internal/registry"
)

const (
	askForTracking = time.Minute           // again, where there was none
	rootsApart     = 20 * time.Millisecond // the root is written by every commit
)

// track has what was written touched, whether or not the feed tells of it. All
// is dropped when it begins: what was written before nobody has seen.
func (f *Follower) track(ctx context.Context) {
	if f.Tracker == nil {
		return
	}
	roots := make(chan struct{}, 1)
	reading := make(chan struct{})
	go func() { defer close(reading); f.readRoots(ctx, roots) }()
	defer func() { <-reading }()
	told := false
	for ctx.Err() == nil {
		tracking, end := context.WithCancel(ctx)
		f.endTracking.Store(&end)
		err := f.Tracker.Track(tracking, func() {
			f.Cache.Missed()
			f.Watcher.tracks(true)
		}, func(refs []registry.Ref) {
			f.Cache.Invalidate(refs)
			if refs == nil || slices.Contains(refs, registry.RootRef) {
				select {
				case roots <- struct{}{}:
				default:
				}
			}
		})
		end()
		if ctx.Err() != nil {
			return
		}
		f.Watcher.tracks(false)
		again := retryAfter
		if errors.Is(err, registry.ErrNotTracked) {
			if again = askForTracking; !told {
				told = true
				f.Logger.Warn("redis does not track writes: those that the change stream does not tell of are seen when a fact is older than cache.ttl",
					slog.Any("cause", err))
			}
		}
		wait(ctx, nil, again)
	}
}

// readRoots reads the root record when it was written: the kinds of digest may
// be other ones.
func (f *Follower) readRoots(ctx context.Context, roots <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-roots:
			f.Cache.ReadRoot()
			wait(ctx, nil, rootsApart)
		}
	}
}

// ReadRoot reads the root record, and goes by what it says.
func (c *Cache) ReadRoot() {
	c.mu.Lock()
	r := c.newReading(c.clock())
	c.mu.Unlock()
	c.run(r)
}

// Missed drops everything, since writes may have been missed: at once where the
// registry is followed, else with the next complete round. Until then what is
// known serves as it does without contact.
func (c *Cache) Missed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.looksUp(c.clock()) {
		c.flush()
		return
	}
	c.missed = true
}
