package cache

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// A Standing is how a Cache stands to its registry.
type Standing int

// The standings.
const (
	NeverContacted Standing = iota // nothing can be answered yet
	InContact                      // all is well
	OutOfContact                   // what is known serves, nothing is looked up
	TooOld                         // nor does what is known serve any more
)

// Standing gives how the Cache stood.
func (s State) Standing() Standing {
	switch {
	case !s.Contacted:
		return NeverContacted
	case !s.Serves:
		return TooOld
	case !s.Follows:
		return OutOfContact
	}
	return InContact
}

// A Watcher tells people, when it changes, how a Cache stands.
type Watcher struct {
	cache  *Cache
	logger *slog.Logger
	made   func()

	mu       sync.Mutex
	standing Standing
	told     bool // the standing
	once     bool // there was contact
	tracked  bool
}

// NewWatcher makes a Watcher. made is called at the first contact.
func NewWatcher(cache *Cache, logger *slog.Logger, made func()) *Watcher {
	return &Watcher{cache: cache, logger: logger, made: made}
}

// lookEvery is how often is looked for what time alone changes.
const lookEvery = 250 * time.Millisecond

func (w *Watcher) run(ctx context.Context) {
	for wait(ctx, nil, lookEvery); ctx.Err() == nil; wait(ctx, nil, lookEvery) {
		w.look()
	}
}

// look tells what has changed.
func (w *Watcher) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	state := w.cache.State()
	standing := state.Standing()
	if standing == w.standing && (w.told || errors.Is(state.Cause, errNotAsked)) {
		return
	}
	w.standing, w.told = standing, true
	cause := slog.Any("cause", state.Cause)
	switch standing {
	case NeverContacted:
		w.logger.Error("the registry cannot be served from", cause)
	case InContact:
		w.logger.Info("in contact with the registry")
	case OutOfContact:
		if state.Known == 0 {
			w.logger.Error("contact with the registry is lost, and nothing is known: every check that needs it is denied", cause)
			break
		}
		w.logger.Error("contact with the registry is lost: what is known serves on, nothing is looked up", cause)
	case TooOld:
		w.logger.Error("what is known is too old to serve: every check that needs it is denied", cause)
	}
	if standing == InContact && !w.once {
		w.once = true
		w.made()
	}
}

// tracks is told whether writes are tracked.
func (w *Watcher) tracks(tracked bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tracked != tracked {
		w.tracked = tracked
		w.logger.Info(map[bool]string{true: "writes are tracked", false: "writes are not tracked any more"}[tracked])
	}
}

// Tracked tells whether writes are tracked.
func (w *Watcher) Tracked() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tracked
}
