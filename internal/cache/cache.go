package cache

import (
	"cmp"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// Options say what a Cache keeps, and for how long. Source must be given; of
// the numbers all but NegativeTTL, where zero, are as the configuration's
// defaults.
type Options struct {
	// Source is where facts are read from.
	Source registry.Witness
	// Peppers make the digests that tokens are found by.
	Peppers credential.Peppers
	// Digests, where set, are all the kinds that are accepted, whatever the
	// registry says. Each needs its pepper.
	Digests []credential.DigestKind
	// RegistryID pins the registry; empty: the first that is seen.
	RegistryID string

	// MaxEntries is how many known facts are kept. A token counts once for each
	// kind of digest that is accepted.
	MaxEntries int
	// TTL is when a known fact is read again, if there is contact.
	TTL time.Duration
	// NegativeTTL is when the fact that something is not there, or cannot be
	// read, is. Zero keeps none of them.
	NegativeTTL time.Duration
	// StaleFor is how long known facts serve without contact.
	StaleFor time.Duration
	// Timeout bounds one read.
	Timeout time.Duration

	// Clock tells the time; nil: the machine's.
	Clock func() Instant
	// Renew, where set, is called when a read was answered by something older
	// than what was seen before: whoever answered must not be asked again.
	Renew func()
}

// A Cache is a Directory that keeps facts. It is safe for use by many
// goroutines.
type Cache struct {
	options Options
	clock   func() Instant
	turns   *turns
	revoked *revokedList

	era     atomic.Pointer[era]
	contact atomic.Pointer[contact]
	view    atomic.Pointer[view] // nil: no root was accepted yet
	doubted atomic.Bool          // a read has failed since the last complete round

	// mu guards what follows. Methods that begin with a capital letter take it,
	// and so do those of a lookup: joinAll, begin, finish, noContact and seen.
	// All others are called with it held; find wants none.
	mu       sync.Mutex
	judge    *judge
	pending  map[registry.Ref]*pending // what is being read
	waiting  []*reading                // done, but for changes that they are newer than
	applied  string                    // id of the last entry of the change stream that was applied
	seq      uint64                    // the most commits that were seen
	past     past                      // what was applied
	withheld withheld
	listed   bool          // the fleet lists this server
	started  bool          // the feed is followed from where everything was dropped the last time
	barred   error         // why no round may be complete
	cause    error         // why there is no contact
	renewed  *Instant      // when connections were renewed last; nil: never
	moved    chan struct{} // closed when applied moves
	missed   bool          // writes may have been missed: everything is dropped once there is contact
	flushes  uint64
	changes  uint64
}

// New makes a Cache that has no contact yet, and none until Bar says that it may.
func New(options Options) (*Cache, error) {
	options.MaxEntries = cmp.Or(options.MaxEntries, 100_000)
	options.TTL = cmp.Or(options.TTL, time.Minute)
	options.StaleFor = cmp.Or(options.StaleFor, 5*time.Minute)
	options.Timeout = cmp.Or(options.Timeout, 50*time.Millisecond)
	judge, err := newJudge(options)
	if err != nil {
		return nil, err
	}
	first, err := newEra(options.MaxEntries)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	c := &Cache{
		options: options, clock: options.Clock, turns: newTurns(), revoked: newRevokedList(), judge: judge,
		pending: make(map[registry.Ref]*pending),
		moved:   make(chan struct{}),
		barred:  errNotAsked, // until somebody says that nothing bars it
		cause:   errNotAsked,
	}
	if c.clock == nil {
		c.clock = Clock()
	}
	c.era.Store(first)
	c.contact.Store(&contact{})
	return c, nil
}

// LongestRound is how long a round of the feed may take at most: a second, or
// a third of the time that facts serve without contact.
func (c *Cache) LongestRound() time.Duration { return min(time.Second, c.options.StaleFor/3) }

// lateAfter is after which time without a complete round the next is late. It is
// a little more than a round may take: whoever is late is told so first.
func (c *Cache) lateAfter() time.Duration { return c.LongestRound() * 5 / 4 }

// A State is what a Cache says of itself.
type State struct {
	Contacted bool          // there was contact once
	Follows   bool          // the registry is followed
	Serves    bool          // known facts serve
	Age       time.Duration // of the contact; of no meaning before the first
	Cause     error         // why the registry is not followed, or known facts do not serve

	Known, Absent int    // facts that are kept
	Withheld      int    // records that lost commits had named
	Changes       uint64 // entries of the change stream that were applied
	Flushes       uint64 // how often everything was dropped
}

// State tells how fresh the facts are, and how many.
func (c *Cache) State() State {
	now, at, e := c.clock(), c.contact.Load(), c.era.Load()
	s := State{
		Contacted: at.made(), Follows: at.follows(now, c.lateAfter()), Serves: at.serves(now, c.options.StaleFor),
		Known: e.known.EstimatedSize(), Absent: e.absent.EstimatedSize(),
	}
	if at.made() {
		s.Age = at.age(now)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Withheld, s.Changes, s.Flushes = len(c.withheld.keys()), c.changes, c.flushes
	switch {
	case s.Follows && s.Serves:
	case c.cause != nil:
		s.Cause = c.cause
	case !s.Follows:
		s.Cause = errLate
	default:
		s.Cause = errUnheard
	}
	return s
}

// Applied gives the id of the last entry of the change stream that was
// applied, the records that are withheld, and what is closed when the former
// moves.
func (c *Cache) Applied() (entry string, withheld []string, moved <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied, c.withheld.keys(), c.moved
}
