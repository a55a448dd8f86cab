package jwks

import (
	"context"
	"errors"
	"time"
)

var errNotYet = errors.New("the issuer has not answered yet")

// An attempt is one fetch. Any number of checks wait for it.
type attempt struct {
	sent time.Time
	done chan struct{} // closed when it is over
	err  error         // why it failed; to be read when it is over
}

func begun() *attempt { return &attempt{sent: time.Now(), done: make(chan struct{})} }

// over gives an attempt that was over long ago.
func over(err error) *attempt {
	a := &attempt{done: make(chan struct{}), err: err}
	close(a.done)
	return a
}

func (a *attempt) isOver() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// wait gives what became of an attempt.
func (a *attempt) wait(ctx context.Context) error {
	select {
	case <-a.done:
	case <-ctx.Done():
		if !a.isOver() {
			return errNotYet
		}
	}
	return a.err
}

// miss gives the attempt that says whether a kid which is not known is one by
// now: one that is under way; the last one, where a miss has begun one within the
// last 30 s; else a new one.
func (i *issuer) miss() *attempt {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case !i.last.isOver() || time.Since(i.missed) < missAgain:
		return i.last
	case !i.running: // not yet, or no longer
		return i.last
	}
	i.last = begun()
	i.missed = i.last.sent
	i.wake <- struct{}{} // there is room: take empties it before the next can be begun
	return i.last
}

// take gives the attempt that is to be made now: that which a miss has begun, or
// a new one.
func (i *issuer) take() *attempt {
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case <-i.wake:
	default:
	}
	if i.last.isOver() {
		i.last = begun()
	}
	return i.last
}

// finish ends an attempt, and says when the next is due.
func (i *issuer) finish(a *attempt, fresh time.Duration, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	a.err, i.err = err, err
	if err == nil {
		i.failures = 0
	} else {
		i.failures++
		fresh = i.source.again(i.failures, i.kept.Load() != nil)
	}
	i.next = time.Now().Add(fresh)
	close(a.done)
}

// due gives when the next attempt is to be made.
func (i *issuer) due() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.next
}

func (i *issuer) begin() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running = true
}

// end lets nobody wait who has begun an attempt that is not made any more.
func (i *issuer) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running = false
	if !i.last.isOver() {
		i.last.err = errEnded
		close(i.last.done)
	}
	i.last = over(errEnded)
}
