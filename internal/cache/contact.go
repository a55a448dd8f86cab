package cache

import (
	"errors"
	"time"
)

// ErrNoContact is why nothing is looked up while it is not known that all
// changes are.
var ErrNoContact = errors.New("no contact with the registry")

// A contact says how fresh facts are. It never changes; a new one replaces it.
type contact struct {
	rounded   bool    // there was a complete round
	round     Instant // when the last one was sent
	completed Instant // when it was complete
	following bool    // none has failed since
	beaten    bool    // there was an accepted heartbeat
	beat      Instant // when the last one was sent
}

// made tells whether there was contact once.
func (c *contact) made() bool { return c.rounded && c.beaten }

// age gives how old the older of round and heartbeat is.
func (c *contact) age(now Instant) time.Duration {
	return max(now.since(c.round), now.since(c.beat))
}

// serves tells whether known facts may be used.
func (c *contact) serves(now Instant, staleFor time.Duration) bool {
	return c.made() && c.age(now) <= staleFor
}

// follows tells whether the registry can be believed to be followed: no round
// failed, and the one that is under way is not late.
func (c *contact) follows(now Instant, lateAfter time.Duration) bool {
	return c.following && now.since(c.completed) <= lateAfter
}
