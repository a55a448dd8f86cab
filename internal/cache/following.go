package cache

import (
	"errors"
	"fmt"

	"credence/internal/registry"
)

// Join says that the fleet lists this server, by a heartbeat that was sent at
// a time. Nothing begins before.
func (c *Cache) Join(sent Instant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listed = true
	c.beat(sent)
}

// Start begins to follow the change feed at the end of what was read of the
// change stream before the root: everything is dropped, and that counts as a
// complete round. It gives the changes that were applied before and are lost;
// the records that they had named are withheld. An error says why the registry
// must not be served from; then nothing begins.
func (c *Cache) Start(sent Instant, root registry.Entry, extent registry.Extent, stream []registry.Change) (lost []registry.Change, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missed []registry.Change
	if record, ok := root.Record.(*registry.Root); ok { // else it is not started with
		lost, missed = compare(c.past.all(), stream, extent, record)
	}
	tail := ""
	if len(stream) > 0 {
		tail = stream[len(stream)-1].Entry
	}
	return lost, c.start(sent, root, tail, lost, missed)
}

// start begins to follow behind an entry. Of the missed changes the feed will
// not tell; they are remembered as if it had.
func (c *Cache) start(sent Instant, root registry.Entry, tail string, lost, missed []registry.Change) error {
	if !c.listed {
		return registry.ErrNotListed
	}
	kinds, err := c.judge.kinds(root)
	if err != nil {
		c.reject(err)
		return err
	}
	if c.barred != nil {
		c.lose(c.barred)
		return c.barred
	}
	r, _ := root.Record.(*registry.Root)
	c.flush()
	c.seq, c.applied, c.started = r.Seq, tail, true
	c.view.Store(&view{r, kinds, sent})
	c.past.forget(lost)
	for _, change := range lost {
		c.withhold(change)
	}
	for _, change := range missed {
		c.past.add(change)
		c.release(change)
	}
	c.announce()
	c.complete(sent)
	return nil
}

// Round takes a complete round of the feed that was sent at a time, when seq
// commits had been seen. An error says why it is none. After those that Restarts
// tells everything was dropped, and it begins anew with Start.
func (c *Cache) Round(sent Instant, seq uint64, round registry.Round) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started {
		return errBroken
	}
	c.apply(round.Changes)
	kinds, err := c.judge.kinds(round.Root)
	root, _ := round.Root.Record.(*registry.Root)
	switch {
	case err != nil:
		c.reject(err)
		return err
	case root.Seq < seq:
		c.lose(ErrOldRegistry)
		return ErrOldRegistry
	case c.barred != nil:
		c.lose(c.barred)
		return c.barred
	}
	c.look(&view{root, kinds, sent})
	c.complete(sent)
	if c.looksUp(c.clock()) {
		// What a read may know of beyond that, and a round that was sent after it
		// tells nothing of, is not in the stream any more.
		c.settleWaiting(func(r *reading) bool {
			return !registry.ComesAfter(r.through, c.applied) || len(round.Changes) == 0 && sent.after(r.ended)
		})
	}
	return nil
}

// errBroken says that everything was dropped since the round was sent.
var errBroken = fmt.Errorf("cache: everything was dropped meanwhile: %w", registry.ErrGap)

// Restarts tells errors after which nothing that was known can be believed, and
// following begins anew.
func Restarts(err error) bool {
	return errors.Is(err, registry.ErrGap) || errors.Is(err, registry.ErrNoRegistry) ||
		errors.Is(err, ErrAnotherRegistry) || errors.Is(err, ErrOldRegistry)
}

// Lose takes it that a round failed, or came late: nothing is looked up until
// one is complete, and what is being read fails. After errors that Restarts
// tells everything is dropped besides.
func (c *Cache) Lose(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lose(err)
}

// Drop takes it that the fleet does not list this server any more: that is
// Lose, and everything is dropped until Join and Start.
func (c *Cache) Drop(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listed, c.started = false, false
	c.loseFacts(err, true)
}

// reject takes it that the registry must not be served from at all: neither
// does what is known of it serve.
func (c *Cache) reject(err error) { c.loseFacts(err, true) }

func (c *Cache) lose(err error) { c.loseFacts(err, Restarts(err)) }

// loseFacts notes why there is no contact, and drops what is known where that may
// not be used either: before anybody is told.
func (c *Cache) loseFacts(err error, drops bool) {
	c.cause = err
	at := *c.contact.Load()
	at.following = false
	c.contact.Store(&at)
	facts := make([]*pending, 0, len(c.pending))
	for _, p := range c.pending {
		facts = append(facts, p)
	}
	for _, r := range c.waiting {
		facts = append(facts, r.facts...)
	}
	c.waiting = nil
	c.started = c.started && !Restarts(err)
	if drops {
		c.flush()
	}
	c.fail(facts, c.refusal())
}

// complete notes a complete round.
func (c *Cache) complete(sent Instant) {
	if c.missed {
		c.flush()
	}
	at := *c.contact.Load()
	at.following, at.rounded, at.round, at.completed = true, true, sent, c.clock()
	c.contact.Store(&at)
	c.cause = nil
	c.doubted.Store(false)
}

// Beat notes an accepted heartbeat that was sent at a time.
func (c *Cache) Beat(sent Instant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listed {
		c.beat(sent)
	}
}

func (c *Cache) beat(sent Instant) {
	at := *c.contact.Load()
	at.beaten, at.beat = true, sent
	c.contact.Store(&at)
}

// seen gives how many commits were seen, and the entry that was applied last.
func (c *Cache) seen() (seq uint64, applied string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seq, c.applied
}
