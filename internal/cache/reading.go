package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"credence/internal/registry"
)

// A pending is a fact that is being read. It is a ticket too: once its fact
// was touched it is not kept, and nobody who comes later waits for it.
type pending struct {
	refs []registry.Ref
	held *held
	done chan struct{} // closed when held or err is set
	err  error
}

// A reading is one read, for one fact or more.
type reading struct {
	facts []*pending
	view  *view // by which the refs of tokens were made
	sent  Instant
	// What was seen before: the most commits, and the last entry of the change
	// stream that was applied.
	seq     uint64
	applied string
	// What it brought.
	entries []registry.Entry
	through string // the entry of the change stream that it may know of
	ended   Instant
}

// newReading makes a read that is sent now, of nothing but the root yet.
func (c *Cache) newReading(now Instant) *reading {
	return &reading{view: c.view.Load(), sent: now, seq: c.seq, applied: c.applied}
}

// refs gives what is read: the root, then the facts.
func (r *reading) refs() []registry.Ref {
	refs := []registry.Ref{registry.RootRef}
	for _, p := range r.facts {
		refs = append(refs, p.refs...)
	}
	return refs
}

// Errors of a lookup that was not made, or not believed.
var (
	errNotAsked = errors.New("not asked yet")
	errLate     = errors.New("the change feed is late")
	errUnheard  = errors.New("the last heartbeat that was accepted is too old")
	// ErrWithheld says that commits were lost that had changed the record: what
	// it says now may be from before them.
	ErrWithheld = errors.New("lost commits had changed this record: withheld until the change feed names it again")
)

// refusal says why nothing can be looked up.
func (c *Cache) refusal() error {
	cause := c.cause
	if cause == nil {
		cause = errLate
	}
	return fmt.Errorf("cache: %w: %w: %w", registry.ErrUnavailable, ErrNoContact, cause)
}

// joinAll joins wants to what is being read already, and tells whether that is
// all of them. An error says why nothing is read.
func (c *Cache) joinAll(wants []*want) (all bool, err error) {
	now := c.clock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.looksUp(now) {
		return false, c.refusal()
	}
	all = true
	for _, w := range wants {
		w.read = c.pending[w.refs[0]]
		all = all && w.read != nil
	}
	return all, nil
}

// looksUp tells whether what the registry says may be believed: there is
// contact.
func (c *Cache) looksUp(now Instant) bool {
	at := c.contact.Load()
	return at.follows(now, c.lateAfter()) && at.serves(now, c.options.StaleFor)
}

// begin begins to read what nobody reads yet; nil: somebody does, or did.
func (c *Cache) begin(wants []*want) (*reading, error) {
	now := c.clock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.looksUp(now) {
		return nil, c.refusal()
	}
	era := c.era.Load()
	r := c.newReading(now)
	for _, w := range wants {
		if w.read = c.pending[w.refs[0]]; w.read != nil {
			continue
		}
		var fresh bool
		if w.held, fresh = c.find(w.refs[0], now); fresh {
			continue
		}
		if w.view != nil && !slices.Equal(w.view.kinds, r.view.kinds) {
			w.held = era.fact(now)
			w.held.Touch() // the refs of tokens are other ones now
			continue
		}
		if w.err = c.refuse(w.refs); w.err != nil {
			continue
		}
		p := &pending{refs: w.refs, held: era.fact(now), done: make(chan struct{})}
		w.read = p
		r.facts = append(r.facts, p)
		for _, ref := range p.refs {
			c.pending[ref] = p
		}
	}
	if len(r.facts) == 0 {
		return nil, nil
	}
	return r, nil
}

// detach has nobody join a read any more.
func (c *Cache) detach(p *pending) {
	for _, ref := range p.refs {
		if c.pending[ref] == p {
			delete(c.pending, ref)
		}
	}
}

// run reads, and finishes. A panic is a read that failed: it is not in the
// goroutine of a check, where it would be caught, and must end no server.
func (c *Cache) run(r *reading) {
	defer func() {
		if fault := recover(); fault != nil {
			c.finish(r, nil, "", fmt.Errorf("cache: panic: %v\n%s", fault, debug.Stack()))
		}
	}()
	refs, timeout := r.refs(), c.options.Timeout
	if slices.Contains(refs, registry.RevokedRef) {
		timeout = registry.LongRead(timeout)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	entries, through, err := c.options.Source.ReadThrough(ctx, refs...)
	c.finish(r, entries, through, err)
}

// finish takes what a read brought. Where it may tell of changes that were not
// applied yet it waits for them: else one check could go by a new record
// beside an old one, and by a state that never was.
func (c *Cache) finish(r *reading, entries []registry.Entry, through string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.doubted.Store(true)
		c.fail(r.facts, err)
		return
	}
	if err := c.accept(r, entries[0], through); err != nil {
		c.fail(r.facts, fmt.Errorf("cache: %w: %w", registry.ErrUnavailable, err))
		return
	}
	now := c.clock()
	if !c.looksUp(now) {
		c.fail(r.facts, c.refusal()) // nobody has said so yet, but the feed is late
		return
	}
	r.entries, r.through, r.ended = entries[1:], through, now
	if registry.ComesAfter(through, c.applied) {
		c.waiting = append(c.waiting, r)
		return
	}
	c.settle(r)
}

// accept judges the root record that was read before facts. A registry that
// must not be served from is no contact. A read of an older one than was seen
// before it was sent is none: it counts fewer commits, or ends before an entry
// that was applied, which another program may have written.
func (c *Cache) accept(r *reading, entry registry.Entry, through string) error {
	kinds, err := c.judge.kinds(entry)
	if err != nil {
		c.reject(err)
		return err
	}
	root, _ := entry.Record.(*registry.Root)
	if root.Seq < r.seq || registry.ComesAfter(r.applied, through) {
		c.renew()
		return ErrOldRegistry
	}
	c.look(&view{root, kinds, r.sent})
	if r.view != nil && !slices.Equal(kinds, r.view.kinds) {
		for _, p := range r.facts {
			p.held.Touch() // the refs of tokens are other ones now
		}
	}
	return nil
}

// renewApart is how far apart connections are renewed.
const renewApart = time.Second

// renew has whoever answered from something old be asked no more.
func (c *Cache) renew() {
	now := c.clock()
	if c.options.Renew == nil || c.renewed != nil && now.since(*c.renewed) < renewApart {
		return
	}
	c.renewed = &now
	c.options.Renew()
}

// look takes what a root record says, unless a later one was seen. A change of
// digests or of a check drops everything.
func (c *Cache) look(v *view) {
	c.seq = max(c.seq, v.root.Seq)
	before := c.view.Load()
	if before != nil && (v.root.Seq < before.root.Seq || v.root.Seq == before.root.Seq && before.sent.after(v.sent)) {
		return
	}
	c.view.Store(v)
	if before != nil && !v.agrees(before) {
		c.flush()
	}
}

// fail ends reads with an error.
func (c *Cache) fail(facts []*pending, err error) {
	for _, p := range facts {
		if p.over() {
			continue
		}
		c.detach(p)
		p.err = err
		close(p.done)
	}
}

// over tells whether a read has ended.
func (p *pending) over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// settle hands out what a read brought, and keeps what nothing has touched
// meanwhile.
func (c *Cache) settle(r *reading) {
	rest := r.entries
	for _, p := range r.facts {
		entries := rest[:len(p.refs)]
		rest = rest[len(p.refs):]
		if p.over() {
			continue
		}
		p.held.Hold(preferred(entries))
		c.detach(p)
		if !p.held.Touched() {
			c.era.Load().keep(p.refs, p.held, c.ttlOf(p.held) > 0)
		}
		close(p.done)
	}
}

// preferred gives the first entry that is there.
func preferred(entries []registry.Entry) registry.Entry {
	for _, entry := range entries {
		if !entry.Absent() {
			return entry
		}
	}
	return registry.Entry{}
}

// ttlOf gives when a fact is read again. That a record is invalid is soon
// mended, and may end by itself: its time of creation may lie ahead.
func (c *Cache) ttlOf(h *held) time.Duration {
	if h.Absent() || h.Invalid() != nil {
		return min(c.options.TTL, c.options.NegativeTTL)
	}
	return c.options.TTL
}
