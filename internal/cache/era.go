package cache

import (
	"github.com/maypok86/otter/v2"

	"credence/internal/authz"
	"credence/internal/registry"
)

// absentFacts is how many facts that something is not there are kept. They are
// what strangers make, and must not push out what is known.
const absentFacts = 10_000

// A held is a fact and when the read that found it was sent.
type held struct {
	authz.Fact
	sent Instant
}

// An era is all facts that were found since everything was dropped the last
// time.
type era struct {
	authz.Era
	known  *otter.Cache[registry.Ref, *held]
	absent *otter.Cache[registry.Ref, *held]
}

func newEra(maxEntries int) (*era, error) {
	e := &era{}
	var err error
	if e.known, err = newFacts(maxEntries); err != nil {
		return nil, err
	}
	e.absent, err = newFacts(absentFacts)
	return e, err
}

// newFacts makes a bounded map of facts. Whatever leaves it, for whichever
// reason, is told to those who hold it.
func newFacts(most int) (*otter.Cache[registry.Ref, *held], error) {
	return otter.New(&otter.Options[registry.Ref, *held]{
		MaximumSize: most,
		OnAtomicDeletion: func(e otter.DeletionEvent[registry.Ref, *held]) {
			if e.WasEvicted() {
				e.Value.Evict()
			} else {
				e.Value.Touch()
			}
		},
	})
}

// fact makes one that is still to be found.
func (e *era) fact(sent Instant) *held {
	h := &held{sent: sent}
	h.Belong(&e.Era)
	return h
}

// keep puts a fact under refs, in place of what was there, which is touched.
// With keeps false it only removes that.
func (e *era) keep(refs []registry.Ref, h *held, keeps bool) {
	for _, ref := range refs {
		switch {
		case !keeps:
			e.drop(ref)
		case h.Absent():
			e.known.Invalidate(ref)
			e.absent.Set(ref, h)
		default:
			e.absent.Invalidate(ref)
			e.known.Set(ref, h)
		}
	}
}

// drop touches what is kept under a ref, and keeps it no longer.
func (e *era) drop(ref registry.Ref) {
	e.known.Invalidate(ref)
	e.absent.Invalidate(ref)
}

// find gives the fact under a ref, if there is one that nothing has touched.
func (e *era) find(ref registry.Ref) (*held, bool) {
	h, ok := e.known.GetIfPresent(ref)
	if !ok {
		h, ok = e.absent.GetIfPresent(ref)
	}
	return h, ok && !h.Touched()
}
