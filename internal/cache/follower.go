package cache

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"credence/internal/registry"
)

// A Seat is a server's place in the fleet.
type Seat interface {
	// Join takes the place, from nothing: nothing was applied yet.
	Join(ctx context.Context) error
	// Beat says that the server is there and what it has applied. It fails with
	// registry.ErrNotListed where the place is not there any more.
	Beat(ctx context.Context, applied string, withheld []string) error
	// Leave gives the place up.
	Leave(ctx context.Context) error
}

// A Past is what is read where the feed begins, or was broken.
type Past interface {
	registry.Reader
	registry.History
}

// A Follower keeps a Cache in step with the registry. All fields but Tracker,
// Evicts and Renew must be set.
type Follower struct {
	Cache *Cache
	Feed  registry.Feed
	Past  Past
	Seat  Seat
	// Tracker tells of writes that the feed does not.
	Tracker registry.Tracker
	// Evicts fails with ErrEvicts where the registry loses records by itself.
	Evicts func(context.Context) error
	// Counts tells errors of a heartbeat that was refused and counts all the
	// same, since nobody can commit then either.
	Counts func(error) bool
	// Renew is called when the feed was broken: whoever answered before may be
	// another one now.
	Renew func()
	// Watcher is told what becomes of the contact.
	Watcher *Watcher
	Logger  *slog.Logger

	endTracking atomic.Pointer[context.CancelFunc] // of the tracker's present connection
}

const (
	retryAfter  = 100 * time.Millisecond // when what failed is tried again
	leaveWithin = time.Second
)

// Run follows until ctx ends, and leaves the fleet then: let it end after the
// last answer.
func (f *Follower) Run(ctx context.Context) {
	var others sync.WaitGroup
	again := f.lookForEviction(ctx)
	others.Go(func() { f.watchEviction(ctx, again) })
	others.Go(func() { f.track(ctx) })
	others.Go(func() { f.Watcher.run(ctx) })
	for ctx.Err() == nil {
		f.session(ctx)
	}
	others.Wait()
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	if err := f.Seat.Leave(leaving); err != nil {
		f.Logger.Warn("could not leave the fleet", slog.Any("cause", err))
	}
}

// session joins the fleet and follows for as long as it is listed there.
func (f *Follower) session(ctx context.Context) {
	sent := f.Cache.clock()
	if err := f.Seat.Join(ctx); err != nil {
		f.lose(ctx, err)
		return
	}
	f.Cache.Join(sent)
	ctx, end := context.WithCancel(ctx)
	var beats sync.WaitGroup
	beats.Go(func() { f.beat(ctx, end) })
	for ctx.Err() == nil {
		if f.start(ctx) {
			f.rounds(ctx)
		}
	}
	end()
	beats.Wait()
}

// start begins at the end of the change stream, whatever was before. It tells
// whether it could.
func (f *Follower) start(ctx context.Context) bool {
	lost, err := f.begin(ctx)
	if err != nil {
		f.lose(ctx, err)
		return false
	}
	if len(lost) > 0 {
		f.tellLost(lost)
	}
	f.Watcher.look()
	return true
}

// begin finds out where the change stream ends, and begins there.
func (f *Follower) begin(ctx context.Context) (lost []registry.Change, err error) {
	sent := f.Cache.clock()
	stream, err := f.stream(ctx)
	if err != nil {
		return nil, err
	}
	extent, err := f.Past.Extent(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := f.Past.Read(ctx, registry.RootRef)
	if err != nil {
		return nil, err
	}
	return f.Cache.Start(sent, entries[0], extent, stream)
}

// rounds follows the feed until it was broken.
func (f *Follower) rounds(ctx context.Context) {
	for {
		seq, applied := f.Cache.seen()
		sent := f.Cache.clock()
		round, err := f.Feed.Next(ctx, registry.Position{Entry: applied})
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = f.Cache.Round(sent, seq, round)
		}
		switch {
		case err == nil:
			f.Watcher.look()
			continue
		case Restarts(err):
			f.Logger.Warn("the change feed was broken: all facts were dropped", slog.Any("cause", err))
			f.Cache.Lose(err)
			f.renew()
			return
		}
		f.lose(ctx, err)
	}
}

// renew has nobody asked over a connection any more that there is.
func (f *Follower) renew() {
	if f.Renew != nil {
		f.Renew()
	}
	if end := f.endTracking.Load(); end != nil {
		(*end)()
	}
}

// lose takes it that contact is lost, and waits a little.
func (f *Follower) lose(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	f.Cache.Lose(err)
	f.Watcher.look()
	wait(ctx, nil, retryAfter)
}
