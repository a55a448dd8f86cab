package jwks

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"credence/internal/jwt"
	"credence/internal/registry"
)

var (
	errNever  = errors.New("never fetched")
	errTooOld = errors.New("the last good ones are too old")
	errEnded  = errors.New("fetching has ended")
)

// An issuer is one whose keys are kept.
type issuer struct {
	name       string
	source     source
	algorithms jwt.Algorithms
	teller     *teller
	kept       atomic.Pointer[kept] // nil: nothing ever was
	wake       chan struct{}        // holds one: the attempt that a miss has begun

	mu       sync.Mutex
	running  bool
	last     *attempt  // never nil
	missed   time.Time // when a miss has begun one
	failures int       // in a row
	err      error     // of the last attempt that is over
	next     time.Time
}

// kept is a good set. It is immutable.
type kept struct {
	set  jwt.Set
	sent time.Time // when it was asked for
}

// age is by the clock that says more: one can be set, the other stands still
// while the machine sleeps.
func (k *kept) age() time.Duration {
	now := time.Now()
	return max(now.Sub(k.sent), now.Round(0).Sub(k.sent.Round(0)))
}

func newIssuer(o Options) (*issuer, error) {
	if o.Issuer == "" {
		return nil, errors.New("has no name")
	}
	source, err := o.source()
	if err != nil {
		return nil, err
	}
	i := &issuer{
		name: o.Issuer, source: source, algorithms: o.Algorithms, teller: newTeller(o, source),
		wake: make(chan struct{}, 1), last: over(nil),
	}
	if i.algorithms == 0 {
		i.algorithms = jwt.AnyAlgorithm
	}
	if o.File != "" {
		return i, i.load()
	}
	return i, nil
}

// load reads a file at the start, where a fault ends the program.
func (i *issuer) load() error {
	a := begun()
	i.last = a
	set, fresh, err := i.fetch(context.Background())
	i.teller.skipped(set) // the error counts them only
	if err != nil {
		return err
	}
	i.keep(a, set)
	i.finish(a, fresh, nil)
	i.teller.fetched(set)
	return nil
}

// run fetches when it is time, and when a miss asks for it, until ctx ends.
func (i *issuer) run(ctx context.Context) {
	i.begin()
	defer i.end()
	timer := time.NewTimer(time.Until(i.due()))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-i.wake:
		}
		i.attempt(ctx)
		timer.Reset(time.Until(i.due()))
	}
}

// attempt fetches once.
func (i *issuer) attempt(ctx context.Context) {
	a := i.take()
	set, fresh, err := i.fetch(ctx)
	var withdrawn noKeys
	switch {
	case err == nil:
		i.keep(a, set)
	case errors.As(err, &withdrawn):
		i.kept.Store(nil) // the issuer has spoken: no key that it had is one now
	}
	i.finish(a, fresh, err)
	if ctx.Err() != nil {
		return // what failed then did so for that
	}
	i.teller.skipped(set)
	if err == nil {
		i.teller.fetched(set)
		return
	}
	last := i.kept.Load()
	tooOld := last != nil && i.isTooOld(last)
	i.teller.failed(err, last != nil && !tooOld)
	if tooOld {
		i.teller.tooOld(last.age())
	}
}

// fetch gives what the issuer has now. Where no key of it can be used, it gives
// those that cannot, and an error. A panic is an error too.
func (i *issuer) fetch(ctx context.Context) (set jwt.Set, fresh time.Duration, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicked{value, debug.Stack()}
		}
	}()
	text, fresh, err := i.source.read(ctx)
	if err != nil {
		return jwt.Set{}, 0, err
	}
	set, err = jwt.ParseSet(text, i.algorithms)
	switch skipped := len(set.Skipped()); {
	case err != nil:
		return jwt.Set{}, 0, err
	case len(set.Keys()) == 0:
		return set, 0, noKeys(skipped)
	}
	return set, fresh, nil
}

func (i *issuer) keep(a *attempt, set jwt.Set) { i.kept.Store(&kept{set, a.sent}) }

func (i *issuer) isTooOld(k *kept) bool {
	longest := i.source.keeps()
	return longest > 0 && k.age() > longest
}

// find looks into the last good set. known is false where there is none that
// can be used.
func (i *issuer) find(kid string, a jwt.Algorithm) (key *jwt.Key, known bool) {
	last := i.kept.Load()
	if last == nil || i.isTooOld(last) {
		return nil, false
	}
	return last.set.Find(kid, a), true
}

// key is Issuers.Key.
func (i *issuer) key(ctx context.Context, kid string, a jwt.Algorithm) (*jwt.Key, error) {
	key, _ := i.find(kid, a)
	switch {
	case key != nil:
		return key, nil
	case i.kept.Load() == nil: // it is asked each second: nobody need wait for that
		return nil, i.unavailable(errNever)
	}
	err := i.miss().wait(ctx)
	key, known := i.find(kid, a)
	switch {
	case key != nil:
		return key, nil
	case !known:
		return nil, i.unavailable(errTooOld)
	case err != nil:
		return nil, i.unavailable(fmt.Errorf("a kid is not among them, and whether there are others by now is not known: %w", err))
	}
	return nil, nil
}

func (i *issuer) unavailable(why error) error {
	return &unknown{fmt.Errorf("jwks: keys of %s: %w", shownURL(i.name), why)}
}

// unknown is registry.ErrUnavailable for who asks for that, without its text:
// the registry has nothing to do with it.
type unknown struct{ why error }

func (u *unknown) Error() string { return u.why.Error() }

func (u *unknown) Unwrap() []error { return []error{u.why, registry.ErrUnavailable} }

// KeyIDs gives the ids of the last good keys of an issuer; none where there are
// none, or it is nobody's.
func (s *Issuers) KeyIDs(name string) []string {
	for _, i := range s.list {
		last := i.kept.Load()
		if i.name != name || last == nil {
			continue
		}
		var ids []string
		for _, key := range last.set.Keys() {
			ids = append(ids, key.ID())
		}
		return ids
	}
	return nil
}

func (i *issuer) state() State {
	s := State{Issuer: i.name, Source: i.source.String()}
	if last := i.kept.Load(); last != nil {
		s.Fetched, s.Age, s.TooOld = true, last.age(), i.isTooOld(last)
		s.Keys, s.Skipped = len(last.set.Keys()), len(last.set.Skipped())
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	s.Err = i.err
	if i.last.isOver() {
		s.Next = max(0, time.Until(i.next))
	}
	return s
}
