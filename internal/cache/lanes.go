package cache

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"credence/internal/registry"
)

const (
	queuePerLane = 16                    // signatures that wait for a lane
	queueShare   = 4                     // of them for one source
	waitForLane  = 20 * time.Millisecond // what gets none by then is overloaded
)

// lanes are where signatures are verified: in half of the processors at most, so
// that whatever strangers send, the other half answers those who are known. What
// finds no place in the short queue before a lane is overloaded at once, and so
// is the fifth of one source: others get their turn beside it.
type lanes struct {
	free   chan struct{}
	queue  chan struct{}
	shares *shares
}

func newLanes() *lanes {
	n := max(1, runtime.GOMAXPROCS(0)/2)
	return &lanes{
		free: make(chan struct{}, n), queue: make(chan struct{}, n*queuePerLane), shares: newShares(queueShare),
	}
}

// enter waits for a lane, and gives what leaves it. Who gets none is told
// registry.ErrOverloaded.
func (l *lanes) enter(ctx context.Context, from netip.Addr) (leave func(), err error) {
	select {
	case l.free <- struct{}{}:
		return l.leave, nil
	default:
	}
	for _, place := range [...]chan struct{}{l.shares.share(from), l.queue} {
		select {
		case place <- struct{}{}:
			defer func() { <-place }()
		default:
			return nil, errNoLane
		}
	}
	late := time.NewTimer(waitForLane)
	defer late.Stop()
	select {
	case l.free <- struct{}{}:
		return l.leave, nil
	case <-late.C:
	case <-ctx.Done():
	}
	return nil, errNoLane
}

func (l *lanes) leave() { <-l.free }

var errNoLane = fmt.Errorf("cache: too many signatures to verify: %w", registry.ErrOverloaded)
