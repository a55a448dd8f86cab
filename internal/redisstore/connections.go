package redisstore

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// connections are the pool that a Store asks by. They can be exchanged for new
// ones while calls run.
type connections struct {
	options *redis.Options
	settle  time.Duration // after which no call uses the former ones any more
	current atomic.Pointer[redis.Client]

	mu     sync.Mutex
	former map[*redis.Client]*time.Timer // that are still to be closed
	closed bool
}

func newConnections(options *redis.Options, settle time.Duration) *connections {
	c := &connections{options: options, settle: settle, former: make(map[*redis.Client]*time.Timer)}
	c.current.Store(redis.NewClient(options))
	return c
}

// settleTime is how long a call may go on with the connections that it began
// with: its own time, and some for a machine that is busy.
func settleTime(options Options) time.Duration { return options.Timeout + time.Second }

// renew puts new connections in place of all that there are. Those are closed
// once the calls that use them have ended.
func (c *connections) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	old := c.current.Swap(redis.NewClient(c.options))
	c.former[old] = time.AfterFunc(c.settle, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.former, old)
		_ = old.Close() // nobody uses it, and nobody would hear of it
	})
}

// close closes all connections, for good.
func (c *connections) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	clients := []*redis.Client{c.current.Load()}
	for client, timer := range c.former {
		if timer.Stop() {
			clients = append(clients, client)
		}
	}
	var errs []error
	for _, client := range clients {
		if err := client.Close(); err != nil && !wasClosed(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Renew forgets every connection: an old primary, or a replica, answered on one
// of them. Calls that begin later connect anew; those that run end as they may.
// Once is enough for all that saw the same. Feeds and trackers take no part in
// it: they have connections of their own.
func (s *Store) Renew() { s.pool.renew() }
