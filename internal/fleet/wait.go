package fleet

import (
	"context"
	"errors"
	"time"

	"credence/internal/registry"
)

const (
	firstPause   = 2 * time.Millisecond
	longestPause = 100 * time.Millisecond
	longestLook  = time.Second // then it has failed, and is tried again
)

// Wait waits until a change is proven, and for the given time at most; one look
// there is always. A store that is registry.ErrUnavailable is asked again until
// then; any other error of it is the end. That it is not proven, or that the
// store could not be asked, is in the verdict. The error is that of ctx, where that ended first;
// the verdict then says what was known. Progress, unless nil, is told of each
// look.
func Wait(ctx context.Context, store Lookout, change registry.Position, limit time.Duration, progress func(Verdict, time.Duration)) (Verdict, error) {
	w, begin := newWatch(change), time.Now()
	var unasked error
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		// A look that was cut off says nothing of the store.
		if err := w.lookAt(ctx, store, begin); ctx.Err() == nil || w.now.IsZero() {
			unasked = err
		}
		verdict := w.verdict()
		verdict.Unasked = unasked
		elapsed := time.Since(begin)
		switch {
		case ctx.Err() != nil:
			return verdict, ctx.Err()
		case verdict.Proven(), verdict.Lost && unasked == nil, isLasting(unasked), elapsed >= limit:
			return verdict, nil
		}
		if progress != nil {
			progress(verdict, elapsed)
		}
		select {
		case <-ctx.Done():
			return verdict, ctx.Err()
		case <-time.After(min(pause, limit-elapsed)):
		}
	}
}

// isLasting tells an error of the store that comes again however often it is
// asked: the user may not ask, or there is no list of servers.
func isLasting(err error) bool { return err != nil && !errors.Is(err, registry.ErrUnavailable) }

// lookAt looks at the fleet once.
func (w *watch) lookAt(ctx context.Context, store Lookout, begin time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, longestLook)
	defer cancel()
	sight, err := store.Look(ctx, w.change.Entry, w.names())
	if err != nil {
		return err
	}
	w.look(sight, time.Since(begin))
	return nil
}
