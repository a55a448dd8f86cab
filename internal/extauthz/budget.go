package extauthz

import (
	"context"
	"sync"
	"time"
)

const (
	longestCheck = 120 * time.Millisecond
	wayBack      = 30 * time.Millisecond // what is left of the caller's time for the answer
)

// A budget bounds the lookups of one check: by the caller's deadline less the
// way back, and by the longest that they may take. A caller that goes away ends
// nothing: it would look as if the registry had failed.
//
// It is a context whose timer starts when somebody waits for it. Who is known
// is looked up nowhere, and most checks are of those.
type budget struct {
	context.Context // of the caller: its values
	deadline        time.Time
	once            sync.Once
	timed           context.Context
	cancel          context.CancelFunc
}

// begin begins the time of a budget. It is called once.
func (b *budget) begin(caller context.Context, longest time.Duration) {
	b.Context, b.deadline = caller, time.Now().Add(longest)
	if callers, bounded := caller.Deadline(); bounded && callers.Add(-wayBack).Before(b.deadline) {
		b.deadline = callers.Add(-wayBack)
	}
}

// end ends it: whoever still waits is told.
func (b *budget) end() {
	b.once.Do(func() { b.timed, b.cancel = spent, func() {} })
	b.cancel()
}

// spent is what becomes of a budget that nobody waited for.
var spent = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// Deadline implements context.Context.
func (b *budget) Deadline() (time.Time, bool) { return b.deadline, true }

// Done implements context.Context.
func (b *budget) Done() <-chan struct{} { return b.start().Done() }

// Err implements context.Context.
func (b *budget) Err() error { return b.start().Err() }

// start starts the timer, unless it runs or the budget has ended.
func (b *budget) start() context.Context {
	b.once.Do(func() {
		b.timed, b.cancel = context.WithDeadline(context.WithoutCancel(b.Context), b.deadline)
	})
	return b.timed
}
