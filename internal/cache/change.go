package cache

import (
	"slices"

	"credence/internal/registry"
)

// Invalidate touches facts, and what is being read of them: the records were
// written. None: all may have been.
func (c *Cache) Invalidate(refs []registry.Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if refs == nil {
		c.flush()
		return
	}
	for _, ref := range refs {
		c.touch(ref)
	}
	c.era.Load().Changed()
}

// touch touches the fact under a ref.
func (c *Cache) touch(ref registry.Ref) {
	c.era.Load().drop(ref)
	if p := c.pending[ref]; p != nil {
		p.held.Touch()
		c.detach(p)
	}
}

// flush drops everything.
func (c *Cache) flush() {
	next, err := newEra(c.options.MaxEntries)
	if err != nil {
		panic(err) // the first one was made with the same options
	}
	c.missed = false
	old := c.era.Swap(next)
	old.End()
	clear(c.pending)
	c.flushes++
	// Their facts are touched, and whoever waits for them looks again.
	c.settleWaiting(func(*reading) bool { return true })
}

// apply takes changes of which the feed has told, in their order.
func (c *Cache) apply(changes []registry.Change) {
	for _, change := range changes {
		c.past.add(change)
		c.seq = max(c.seq, change.Seq)
		if change.Everything() || slices.Contains(change.Keys, registry.RootRef.Key()) {
			c.flush()
		}
		for _, key := range change.Keys {
			if ref, ok := registry.ParseRef(key); ok {
				c.touch(ref)
			}
		}
		c.release(change)
		c.applied = change.Entry
		c.changes++
	}
	if len(changes) == 0 {
		return
	}
	c.era.Load().Changed()
	c.announce()
}

// settleWaiting settles the reads that need not wait any longer.
func (c *Cache) settleWaiting(isDone func(*reading) bool) {
	c.waiting = slices.DeleteFunc(c.waiting, func(r *reading) bool {
		done := isDone(r)
		if done {
			c.settle(r)
		}
		return done
	})
}

// announce says that what was applied has moved.
func (c *Cache) announce() {
	close(c.moved)
	c.moved = make(chan struct{})
}
