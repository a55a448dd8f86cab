package cache

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"credence/internal/registry"
)

// MostLookups is how many lookups run at a time.
const MostLookups = 64

const (
	strangers   = 48                    // of them for callers that have proven nothing
	share       = 16                    // of these for one source
	waitForTurn = 20 * time.Millisecond // what gets no turn by then is overloaded
)

// turns share out lookups. At most 64 run at a time. Callers that have proven
// nothing get 48 of these turns together, and 16 for one source: an IPv4
// address, or a /64 of IPv6. So whatever strangers send, 16 turns are left for
// callers whose credential is known, and whatever one source sends, 32 for
// other strangers.
type turns struct {
	all, strangers chan struct{}
	shares         *shares
}

func newTurns() *turns {
	return &turns{all: make(chan struct{}, MostLookups), strangers: make(chan struct{}, strangers), shares: newShares(share)}
}

// A caller is who wants a turn.
type caller struct {
	from   netip.Addr
	proven bool // its credential is known
}

// take waits for a turn, and gives what ends it. Who gets none is told
// registry.ErrOverloaded.
func (t *turns) take(ctx context.Context, c caller) (release func(), err error) {
	queues := []chan struct{}{t.all}
	if !c.proven {
		queues = []chan struct{}{t.shares.share(c.from), t.strangers, t.all}
	}
	var late <-chan time.Time
	for i, queue := range queues {
		select {
		case queue <- struct{}{}:
			continue
		default:
		}
		if late == nil {
			timer := time.NewTimer(waitForTurn)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case queue <- struct{}{}:
			continue
		case <-late:
		case <-ctx.Done():
		}
		leave(queues[:i])
		return nil, fmt.Errorf("cache: %w", registry.ErrOverloaded)
	}
	return func() { leave(queues) }, nil
}

func leave(queues []chan struct{}) {
	for _, queue := range queues {
		<-queue
	}
}
