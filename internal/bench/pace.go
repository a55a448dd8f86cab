package main

import (
	"context"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// A pace is an open loop: checks that begin at fixed times, whether or not
// those before were answered.
type pace struct {
	perSecond int
	length    time.Duration
}

// checks gives how many begin in all.
func (p pace) checks() int { return p.due(p.length) }

// due gives how many should have begun after some time. The first begins at
// once.
func (p pace) due(after time.Duration) int {
	if after >= p.length {
		after = p.length - 1
	}
	return int(int64(after)*int64(p.perSecond)/int64(time.Second)) + 1
}

// at gives when the nth check should begin, counted from the begin of the
// first.
func (p pace) at(n int) time.Duration {
	return time.Duration(int64(n) * int64(time.Second) / int64(p.perSecond))
}

// run begins checks at their times, each in a goroutine, and waits for all. It
// tells each when it should have begun: what was late waits already. It keeps a
// thread and has the kernel wake it, since timers of the runtime are as coarse
// as what is measured.
func (p pace) run(ctx context.Context, do func(n int, intended time.Time)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var checks sync.WaitGroup
	defer checks.Wait()
	begun, n := time.Now(), 0
	for n < p.checks() && ctx.Err() == nil {
		for due := p.due(time.Since(begun)); n < due; n++ {
			next := n
			checks.Go(func() { do(next, begun.Add(p.at(next))) })
		}
		rest := syscall.NsecToTimespec(int64(time.Until(begun.Add(p.at(n)))))
		if rest.Nano() > 0 {
			_ = syscall.Nanosleep(&rest, nil) // woken early, it sleeps again
		}
	}
}
