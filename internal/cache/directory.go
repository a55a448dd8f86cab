package cache

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"unsafe"

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
	h, fresh, err := c.findToken(v.kinds[0], token)
	switch {
	case err != nil:
		return nil, err
	case fresh:
		return &h.Fact, nil
	}
	refs, err := tokenRefs(c.options.Peppers, v.kinds, token)
	if err != nil {
		return nil, err
	}
	return c.bring(ctx, caller{from: from, proven: h != nil}, &want{refs: refs, view: v, held: h})
}

// digests are the room in which digests are written that are only looked for.
var digests = sync.Pool{New: func() any { return new([digestRoom]byte) }}

// digestRoom is as long as the longest digest: h99, a colon, 64 digits.
const digestRoom = 68

// findToken looks for a token in memory by its digest of a kind. What is known
// is kept under each kind.
func (c *Cache) findToken(kind credential.DigestKind, token credential.Secret) (h *held, fresh bool, err error) {
	room := digests.Get().(*[digestRoom]byte)
	defer digests.Put(room)
	digest, err := c.options.Peppers.AppendDigest(room[:0], kind, token)
	if err != nil {
		return nil, false, fmt.Errorf("cache: %w: %w", registry.ErrUnavailable, err)
	}
	// The text is the room's until it is put back. find keeps none of it.
	text := unsafe.String(unsafe.SliceData(digest), len(digest)) // #nosec G103 -- read only, and not kept
	h, fresh = c.find(registry.TokenRef(credential.Digest(text)), c.clock())
	return h, fresh, nil
}

// Key implements authz.Directory. What is known asks nobody.
func (c *Cache) Key(ctx context.Context, from netip.Addr, client registry.ClientID, kid registry.KeyID) (*authz.Fact, error) {
	return c.fact(ctx, registry.KeyRef(client, kid), caller{from: from})
}

// Binding implements authz.Directory. What is known asks nobody.
func (c *Cache) Binding(ctx context.Context, id registry.BindingID) (*authz.Fact, error) {
	return c.fact(ctx, registry.BindingRef(id), caller{proven: true})
}

// fact gives what stands under a ref. Who asks for what was known before has
// proven that.
func (c *Cache) fact(ctx context.Context, ref registry.Ref, by caller) (*authz.Fact, error) {
	h, fresh := c.find(ref, c.clock())
	if fresh {
		return &h.Fact, nil
	}
	by.proven = by.proven || h != nil
	return c.bring(ctx, by, &want{refs: []registry.Ref{ref}, held: h})
}

// bring has one fact read.
func (c *Cache) bring(ctx context.Context, by caller, w *want) (*authz.Fact, error) {
	c.lookUp(ctx, by, w)
	found := w.found()
	return found.Fact, found.Err
}

// Owner implements authz.Directory. What is known asks nobody. The revoked JWTs
// are read beside the others. Where only they are, it does not matter whether
// they changed since: client and profile, and whatever the caller found before,
// were known when they were read, so that all of it held at that time if none of
// that was touched.
func (c *Cache) Owner(ctx context.Context, client registry.ClientID, profile registry.ProfileID, revocable bool) (ofClient, ofProfile, revoked authz.Found) {
	refs := [...]registry.Ref{registry.ClientRef(client), registry.ProfileRef(profile)}
	var found [len(refs)]authz.Found
	var wants [len(refs)]*want
	var missing []*want
	now := c.clock()
	for i, ref := range refs {
		h, fresh := c.find(ref, now)
		if fresh {
			found[i].Fact = &h.Fact
			continue
		}
		wants[i] = &want{refs: []registry.Ref{ref}, held: h}
		missing = append(missing, wants[i])
	}
	var brought chan authz.Found
	if revocable {
		h, fresh := c.find(registry.RevokedRef, now)
		switch {
		case fresh:
			revoked.Fact = &h.Fact
		case len(missing) == 0:
			revoked = asOf(c.revoked.read(ctx, c.lookForRevoked))
		default:
			brought = make(chan authz.Found, 1)
			go func() { brought <- c.revoked.read(ctx, c.lookForRevoked) }()
		}
	}
	if len(missing) > 0 {
		c.lookUp(ctx, caller{proven: true}, missing...)
		for i, w := range wants {
			if w != nil {
				found[i] = w.found()
			}
		}
	}
	if brought != nil {
		revoked = <-brought
	}
	return found[0], found[1], revoked
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
