package e2e

import (
	"context"
	"time"
)

// A watchman notices when the machine stands still.
type watchman struct {
	stop context.CancelFunc
	most chan time.Duration
}

func watch() *watchman {
	ctx, stop := context.WithCancel(context.Background())
	w := &watchman{stop: stop, most: make(chan time.Duration, 1)}
	go func() {
		const every = 5 * time.Millisecond
		tick := time.NewTicker(every)
		defer tick.Stop()
		most := time.Duration(0)
		for last := time.Now(); ; {
			select {
			case <-ctx.Done():
				w.most <- most
				return
			case <-tick.C:
				now := time.Now()
				most = max(most, now.Sub(last)-every)
				last = now
			}
		}
	}()
	return w
}

// end gives for how long nothing was run.
func (w *watchman) end() time.Duration {
	w.stop()
	return <-w.most
}
