package cli

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// A contact knows whether the registry can be served from. A server is not
// ready before it could be once; after that it stays ready and says what is
// amiss: were all servers taken out, Envoy would see an error, which
// failure_mode_allow lets pass.
type contact struct {
	ask    func(context.Context) error // nil: it can be served from
	evicts func(context.Context) error // nil: Redis removes no records by itself
	bar    func(error)                 // what is told what evicts says
	made   func()                      // called at the first contact
	told   func(bool)                  // is told each time whether there is contact
	logger *slog.Logger

	lookedAt time.Time // when evicts was asked; only run knows

	mu   sync.Mutex
	once bool  // it could be served from, at least once
	err  error // of the last time it was asked
}

const (
	contactEvery  = time.Second      // how often the registry is asked for its root
	evictionEvery = 10 * time.Second // how often Redis is asked whether it evicts
)

// errEvicts says why nothing is served from a Redis that evicts: the record of
// a good token may be gone, and nobody must be told that the token is wrong.
var errEvicts = errors.New("redis evicts records when it is full (maxmemory-policy allkeys-…): set maxmemory-policy noeviction")

// run asks until ctx ends.
func (c *contact) run(ctx context.Context) {
	tick := time.NewTicker(contactEvery)
	defer tick.Stop()
	for first := true; ; first = false {
		c.lookForEviction(ctx)
		err := c.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		c.note(err, first)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// lookForEviction asks whether Redis evicts, now and then. Where that is not
// known what was known last holds.
func (c *contact) lookForEviction(ctx context.Context) {
	if !c.lookedAt.IsZero() && time.Since(c.lookedAt) < evictionEvery {
		return
	}
	switch err := c.evicts(ctx); {
	case err == nil:
		c.bar(nil)
		c.lookedAt = time.Now()
	case errors.Is(err, errEvicts):
		c.bar(err) // and is asked again at once, until it does not
		c.lookedAt = time.Time{}
	}
}

// note keeps what came of asking, and tells when it changed.
func (c *contact) note(err error, first bool) {
	c.mu.Lock()
	changed, firstContact := (err == nil) != (c.err == nil), err == nil && !c.once
	c.once, c.err = c.once || err == nil, err
	c.mu.Unlock()
	c.told(err == nil)
	switch {
	case err != nil && (changed || first):
		c.logger.Error("the registry cannot be served from", slog.String("cause", whyNot(err)))
	case err == nil && (changed || first):
		c.logger.Info("in contact with the registry")
	}
	if firstContact {
		c.made()
	}
}

// state tells whether the server is ready, and what is amiss.
func (c *contact) state() (ready bool, lines []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil && c.once:
		return true, []string{whyNot(c.err), "checks are denied with 503 until it can"}
	case c.err != nil:
		return false, []string{whyNot(c.err)}
	case !c.once:
		return false, []string{"registry: not asked yet"}
	}
	return true, nil
}
