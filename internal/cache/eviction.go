package cache

import (
	"context"
	"errors"
	"time"
)

// ErrEvicts says why nothing is looked up where records are evicted: that of a
// good token may be gone, and nobody must be told that it is wrong.
var ErrEvicts = errors.New("redis evicts records when it is full (maxmemory-policy allkeys-…): set maxmemory-policy noeviction")

const (
	evictionEvery = 10 * time.Second // how often it is asked whether records are evicted
	evictionAgain = time.Second      // as long as they are
)

// watchEviction asks now and then whether records are evicted.
func (f *Follower) watchEviction(ctx context.Context, first time.Duration) {
	for wait(ctx, nil, first); ctx.Err() == nil; {
		wait(ctx, nil, f.lookForEviction(ctx))
	}
}

// lookForEviction asks whether records are evicted, and gives when to ask again.
// Where that is not known what was known last holds; at first, that nothing may
// be served.
func (f *Follower) lookForEviction(ctx context.Context) (again time.Duration) {
	var err error
	if f.Evicts != nil {
		err = f.Evicts(ctx)
	}
	switch {
	case err == nil:
		f.Cache.Bar(nil)
		return evictionEvery
	case errors.Is(err, ErrEvicts):
		f.Cache.Bar(err)
		return evictionAgain
	}
	return retryAfter
}

// Bar says why no round may count as complete, whatever it brings; nil: it may.
func (c *Cache) Bar(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.barred = err
	if err != nil {
		c.lose(err)
	}
}
