package cache

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"credence/internal/authz"
	"credence/internal/registry"
)

// A revokedList brings the revoked JWTs, which are one fact of some megabytes at
// most. It is read by itself and one read at a time, so that however often JWTs
// are revoked Redis is asked for no more than that; all who come while one read
// is under way wait for the next, which may tell what they need to know.
type revokedList struct {
	mu   sync.Mutex
	next *revokedRead  // not sent yet; nil: nobody waits
	turn chan struct{} // holds one while a read is under way
}

type revokedRead struct {
	done  chan struct{}
	found authz.Found
}

func newRevokedList() *revokedList { return &revokedList{turn: make(chan struct{}, 1)} }

// read gives the list as it is at some time after the call.
func (l *revokedList) read(ctx context.Context, look func() authz.Found) authz.Found {
	l.mu.Lock()
	r := l.next
	if r == nil {
		r = &revokedRead{done: make(chan struct{})}
		l.next = r
		go l.run(r, look)
	}
	l.mu.Unlock()
	select {
	case <-r.done:
		return r.found
	case <-ctx.Done():
		return authz.Found{Err: fmt.Errorf("cache: %w: no answer in time: %w", registry.ErrUnavailable, ctx.Err())}
	}
}

func (l *revokedList) run(r *revokedRead, look func() authz.Found) {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.mu.Lock()
	l.next = nil // who comes from now on may need a later one
	l.mu.Unlock()
	defer close(r.done)
	defer func() {
		// It is not in the goroutine of a check, where it would be caught.
		if fault := recover(); fault != nil {
			r.found = authz.Found{Err: fmt.Errorf("cache: %w: panic: %v\n%s", registry.ErrUnavailable, fault, debug.Stack())}
		}
	}()
	r.found = look()
}

// lookForRevoked reads the list, unless somebody has meanwhile.
func (c *Cache) lookForRevoked() authz.Found {
	ctx, cancel := context.WithTimeout(context.Background(), registry.LongRead(c.options.Timeout))
	defer cancel()
	fact, err := c.fact(ctx, registry.RevokedRef, caller{proven: true})
	return authz.Found{Fact: fact, Err: err}
}

// asOf gives what was found as it was at one time: whether it has changed since
// does not matter.
func asOf(found authz.Found) authz.Found {
	if found.Err == nil {
		found.Fact = found.Fact.InEra(&authz.Era{})
	}
	return found
}
