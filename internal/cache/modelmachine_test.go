package cache

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"credence/internal/registry"
)

// What the cache of the model is told. A round may take a second.
const (
	modelTTL      = 10 * time.Second
	modelNegative = 2 * time.Second
	modelStaleFor = 30 * time.Second
	modelLatest   = 1250 * time.Millisecond
)

var (
	errModelFails = fmt.Errorf("the model fails: %w", registry.ErrUnavailable)
	errModelBars  = errors.New("the model evicts")
)

// A machine drives a Cache beside a world, one method at a time, and knows what
// the Cache must know.
type machine struct {
	w   *world
	c   *Cache
	now Instant

	apart   bool // a check does not look and ask in one step
	fills   []*fill
	checks  []*checking
	feed    feeding
	listed  bool // in the fleet
	rounds  bool // a round is under way
	stopped bool // the feed was broken: it begins anew with Start
	start   *starting
	barred  bool

	// What was applied: of each slot, the newest state that is known of; of all,
	// the newest that was.
	low     [slots]int
	since   int
	told    map[int]bool // entries, by number
	noticed int          // fail-overs
	// Contact.
	follows, rounded, beaten bool
	completed, round, beat   Instant
	lost, named              [slots]bool // withheld, and named since all were
	allLost                  bool
	missed                   bool // writes: what is known goes with the next complete round

	known     map[*held]*knowledge
	ended     map[string]int // how checks have ended
	reads     int            // that were begun
	undecided int            // checks that no facts have decided
	err       error          // the first property that did not hold
}

// A knowledge is what a fact says: what stood in which slot, in which state.
type knowledge struct {
	slots  []slot
	states []int
}

// A fill is a read that is under way.
type fill struct {
	r       *reading
	stage   int // how much of it was read: nothing, the first half, all
	refs    []registry.Ref
	entries []registry.Entry
	states  []int
	through string
	foreign bool
	ended   bool // it was finished; its facts may wait
	counted map[*pending]bool
}

// A feeding is the round of the feed that is under way.
type feeding struct {
	sent    Instant
	seq     uint64
	after   string
	brought *brought
}

// A brought is what a round has found.
type brought struct {
	entries []told
	gap     bool
	root    registry.Entry
}

// A starting is what is known where the feed begins anew.
type starting struct {
	sent   Instant
	root   registry.Entry
	extent registry.Extent
	stream []registry.Change
	failed int
}

// modelCache makes the Cache of a machine, once. The machine renews it.
func modelCache(t testing.TB, k *kit) *Cache {
	t.Helper()
	c, err := New(Options{
		Peppers: k.peppers, MaxEntries: 1000, TTL: modelTTL, NegativeTTL: modelNegative, StaleFor: modelStaleFor,
	})
	if err != nil {
		t.Fatal(err)
	}
	if fields := reflect.TypeFor[Cache]().NumField(); fields != 25 {
		t.Fatalf("a Cache has %d fields: does newMachine renew all of them?", fields)
	}
	c.turns = k.turns
	return c
}

// newMachine makes a machine in contact that knows nothing, with a Cache that
// another one has used. It keeps negative facts for a time.
func newMachine(k *kit, c *Cache, apart bool, negative time.Duration) *machine {
	m := &machine{
		w: newWorld(k), c: c, apart: apart, now: Instant{Run: time.Hour, Wall: 1000 * time.Hour},
		known: make(map[*held]*knowledge), told: make(map[int]bool), ended: make(map[string]int),
	}
	first, err := newEra(c.options.MaxEntries)
	if err != nil {
		panic(err)
	}
	c.options.NegativeTTL = negative
	c.clock, c.options.Source = func() Instant { return m.now }, m
	c.era.Store(first)
	c.contact.Store(&contact{})
	c.view.Store(nil)
	c.doubted.Store(false)
	c.judge.id = ""
	c.pending, c.waiting = make(map[registry.Ref]*pending), nil
	c.applied, c.seq, c.past = "", 0, past{}
	c.withheld, c.barred, c.cause, c.renewed = withheld{}, nil, errNotAsked, nil
	c.listed, c.started = false, false
	c.missed = false
	c.moved, c.flushes, c.changes = make(chan struct{}), 0, 0
	m.stopped = true
	m.doJoin()
	m.doStartSnap()
	m.doStartEnd()
	return m
}

// fails notes that a property did not hold.
func (m *machine) fails(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf(format, args...)
	}
}

// following tells whether lookups may be made, by what the machine did.
func (m *machine) following() bool { return m.follows && m.now.since(m.completed) <= modelLatest }

// serving tells whether known facts may be used.
func (m *machine) serving() bool {
	return m.rounded && m.beaten && max(m.now.since(m.round), m.now.since(m.beat)) <= modelStaleFor
}

// flushed notes that the Cache knows nothing any more.
func (m *machine) flushed() {
	m.missed = false
	m.w.flushed = append(m.w.flushed, m.w.state)
	m.since = m.w.state
	for s := range m.low {
		if slot(s) != rootSlot {
			m.low[s] = m.w.state
		}
	}
}

// apply notes that the Cache was told of an entry.
func (m *machine) apply(one told) {
	m.since = max(m.since, one.state)
	m.told[one.number] = true
	for _, s := range one.slots {
		m.low[s] = max(m.low[s], one.state)
	}
	m.release(one.change)
	if one.change.Everything() || slices.Contains(one.slots, rootSlot) {
		m.flushed()
	}
}

// withhold notes that a change was lost.
func (m *machine) withhold(change registry.Change) {
	if change.Everything() {
		m.allLost, m.named = true, [slots]bool{}
	}
	for s := range slots {
		m.lost[s] = m.lost[s] || slices.Contains(change.Keys, m.w.kit.refs[s].Key())
	}
}

// release notes that the Cache was told of a change.
func (m *machine) release(change registry.Change) {
	if change.Everything() {
		m.allLost = false
	}
	for s := range slots {
		if slices.Contains(change.Keys, m.w.kit.refs[s].Key()) {
			m.lost[s], m.named[s] = false, true
		}
	}
}

// withheld tells whether a record is withheld.
func (m *machine) withheld(s slot) bool { return m.lost[s] || m.allLost && !m.named[s] }

// complete notes a complete round.
func (m *machine) complete(sent Instant) {
	if m.missed {
		m.flushed()
	}
	m.follows, m.rounded, m.round, m.completed = true, true, sent, m.now
}

// beginRound sends the next round of the feed.
func (m *machine) beginRound() {
	m.feed, m.rounds = feeding{sent: m.now}, true
	m.feed.seq, m.feed.after = m.c.seen()
}

// broken notes that nothing is known and that the feed begins anew.
func (m *machine) broken() {
	m.follows, m.stopped, m.start = false, true, nil
	m.flushed()
}

// settled looks at what the reads that have ended gave: while the registry is
// not followed, none may give a fact that can be used.
func (m *machine) settled() {
	m.fills = slices.DeleteFunc(m.fills, func(f *fill) bool {
		over := f.ended
		for _, p := range f.r.facts {
			if !p.over() {
				over = false
				continue
			}
			if f.counted[p] {
				continue
			}
			f.counted[p] = true
			switch {
			case p.err != nil || p.held.Touched():
			case !m.following() || !m.serving():
				m.fails("a lookup was answered by the registry while it was not followed")
			case f.foreign:
				m.fails("a lookup was answered by another registry")
			}
		}
		return over
	})
}

// doJoin has the fleet list the server, if it does not.
func (m *machine) doJoin() bool {
	if m.listed || m.rounds {
		return false
	}
	m.c.Join(m.now)
	m.listed, m.beaten, m.beat = true, true, m.now
	return true
}

// doBeat has a heartbeat accepted.
func (m *machine) doBeat() bool {
	m.c.Beat(m.now)
	if m.listed {
		m.beat = m.now
	}
	return m.listed
}

// doTime lets time pass: by the monotonic clock, and by the other one.
func (m *machine) doTime(run, wall time.Duration) {
	m.now.Run += run
	m.now.Wall += wall
}
