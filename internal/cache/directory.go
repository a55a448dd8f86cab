package cache

import (
	"context"
	"fmt"
	"net/netip"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

var _ authz.Directory = (*Cache)(nil)

// Token implements authz.Directory. What is known asks nobody.
func (c *Cache) Token(ctx context.Context, from netip.Addr, token credential.Secret) (*authz.Fact, error) {
	v := c.view.Load()
	if v == nil {
		return nil, c.noContact()
	}
	// What is known is kept under each of them: the first one finds it.
	refs, err := tokenRefs(c.options.Peppers, v.kinds[:1], token)
	if err != nil {
		return nil, err
	}
	h, fresh := c.find(refs[0], c.clock())
	if !fresh {
		more, err := tokenRefs(c.options.Peppers, v.kinds[1:], token)
		if err != nil {
			return nil, err
		}
		refs = append(refs, more...)
		w := &want{refs: refs, view: v, held: h}
		c.lookUp(ctx, caller{from: from, proven: h != nil}, w)
		if w.err != nil {
			return nil, w.err
		}
		h = w.held
	}
	return &h.Fact, nil
}

// Owner implements authz.Directory. What is known asks nobody.
func (c *Cache) Owner(ctx context.Context, client registry.ClientID, profile registry.ProfileID) (authz.Found, authz.Found) {
	now, clientRef, profileRef := c.clock(), registry.ClientRef(client), registry.ProfileRef(profile)
	ch, clientFresh := c.find(clientRef, now)
	ph, profileFresh := c.find(profileRef, now)
	if clientFresh && profileFresh {
		return authz.Found{Fact: &ch.Fact}, authz.Found{Fact: &ph.Fact}
	}
	cw, pw := &want{refs: []registry.Ref{clientRef}, held: ch}, &want{refs: []registry.Ref{profileRef}, held: ph}
	switch {
	case clientFresh:
		c.lookUp(ctx, caller{proven: true}, pw)
	case profileFresh:
		c.lookUp(ctx, caller{proven: true}, cw)
	default:
		c.lookUp(ctx, caller{proven: true}, cw, pw)
	}
	return cw.found(), pw.found()
}

// find looks for a fact in memory and tells whether it serves as it is. One
// that does not may still be given: it serves where it cannot be read again.
func (c *Cache) find(ref registry.Ref, now Instant) (h *held, fresh bool) {
	h, ok := c.era.Load().find(ref)
	at := c.contact.Load()
	if !ok || !at.serves(now, c.options.StaleFor) {
		return nil, false
	}
	age, ttl, following := now.since(h.sent), c.ttlOf(h), at.follows(now, c.lateAfter())
	switch {
	case age <= ttl && (following || !h.Absent()):
		return h, true
	case h.Absent():
		return nil, false
	case !following:
		return h, true
	case age <= ttl+c.options.StaleFor:
		return h, c.doubted.Load()
	}
	return nil, false
}

// A want is a fact that somebody needs.
type want struct {
	refs []registry.Ref // it is found by any of them, in the order of preference
	view *view          // by which they were made, if they are a token's
	held *held          // what is known; not found fresh: what serves if it cannot be read again
	read *pending       // that brings it
	err  error          // why it cannot be had
}

// found gives what came of it.
func (w *want) found() authz.Found {
	if w.err != nil {
		return authz.Found{Err: w.err}
	}
	return authz.Found{Fact: &w.held.Fact}
}

// lookUp has facts read that are wanted. One that is being read already is
// waited for. Where a known fact cannot be read again, the one that is known
// serves on.
func (c *Cache) lookUp(ctx context.Context, by caller, wants ...*want) {
	if err := c.ask(ctx, by, wants); err != nil {
		for _, w := range wants {
			w.fail(err)
		}
		return
	}
	for _, w := range wants {
		_ = w.await(ctx) // it keeps its error
	}
}

// ask begins a read of what nobody reads yet. An error says why none is begun.
func (c *Cache) ask(ctx context.Context, by caller, wants []*want) error {
	joined, err := c.joinAll(wants)
	if joined || err != nil {
		return err
	}
	release, err := c.turns.take(ctx, by)
	if err != nil {
		return err
	}
	r, err := c.begin(wants)
	if r == nil {
		release()
		return err
	}
	go func() {
		defer release()
		c.run(r)
	}()
	return nil
}

// fail takes it that a fact cannot be read: what is known serves on.
func (w *want) fail(err error) {
	w.read = nil
	if w.held == nil || w.held.Touched() {
		w.err = err
	}
}

// await waits for what is read, and gives why it cannot be had.
func (w *want) await(ctx context.Context) error {
	if w.read == nil {
		return w.err
	}
	select {
	case <-w.read.done:
		if w.read.err != nil {
			w.fail(w.read.err)
		} else {
			w.held = w.read.held
		}
	case <-ctx.Done():
		w.fail(fmt.Errorf("cache: %w: no answer in time: %w", registry.ErrUnavailable, ctx.Err()))
	}
	return w.err
}

// noContact says why nothing can be looked up.
func (c *Cache) noContact() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refusal()
}
