package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"credence/internal/registry"
)

// A checking is a check that is under way. It gathers as authz does: a token,
// then its client and profile, and again where one of them was touched. What
// has to wait there is a step here.
type checking struct {
	token int
	at    phase
	again int
	// What was applied when it began.
	low   [slots]int
	since int

	fact  *held   // of the token
	wants []*want // what is asked for
	facts []*held // of client and profile
}

type phase uint8

const (
	looksForToken phase = iota
	asksForToken
	waitsForToken
	looksForOwner
	asksForOwner
	waitsForOwner
	isDone
)

// mostAgain is how often authz gathers again.
const mostAgain = 3

// doCheck begins a check of a token.
func (m *machine) doCheck(token int) {
	m.checks = append(m.checks, &checking{token: token, low: m.low, since: m.since})
	if !m.apart {
		m.doStep(len(m.checks) - 1)
	}
}

// canStep tells whether a check has something to do.
func (k *checking) canStep() bool {
	if k.at != waitsForToken && k.at != waitsForOwner {
		return k.at != isDone
	}
	return !slices.ContainsFunc(k.wants, func(w *want) bool { return w.read != nil && !w.read.over() })
}

// doStep has a check go on.
func (m *machine) doStep(i int) bool {
	if i >= len(m.checks) || !m.checks[i].canStep() {
		return false
	}
	k := m.checks[i]
	m.step(k)
	if !m.apart && (k.at == asksForToken || k.at == asksForOwner) {
		m.step(k)
	}
	if k.at == isDone {
		m.checks = slices.Delete(m.checks, i, i+1)
	}
	return true
}

func (m *machine) step(k *checking) {
	switch k.at {
	case looksForToken:
		m.lookForToken(k)
	case asksForToken, asksForOwner:
		m.ask(k)
	case waitsForToken:
		m.takeToken(k)
	case looksForOwner:
		m.lookForOwner(k)
	case waitsForOwner:
		m.takeOwner(k)
	}
}

// find is Cache.find, held to what may serve from memory.
func (m *machine) find(ref registry.Ref) (*held, bool) {
	h, fresh := m.c.find(ref, m.now)
	if !fresh {
		return h, false
	}
	age := m.now.since(h.sent)
	switch {
	case !m.serving():
		m.fails("a fact serves from memory beyond stale_for without contact")
	case h.Absent() && !m.following():
		m.fails("a negative fact serves out of contact")
	case h.Absent() && age > m.c.options.NegativeTTL, m.following() && !m.c.doubted.Load() && age > modelTTL:
		m.fails("a fact serves in contact that is %v old", age)
	case age > modelTTL+modelStaleFor && m.following():
		m.fails("a fact serves that is %v old", age)
	}
	return h, true
}

func (m *machine) lookForToken(k *checking) {
	v := m.c.view.Load()
	refs := m.w.kit.tokenRefs(k.token, v.kinds)
	h, fresh := m.find(refs[0])
	if fresh {
		m.tokenIs(k, h)
		return
	}
	k.wants, k.at = []*want{{refs: refs, view: v, held: h}}, asksForToken
}

func (m *machine) lookForOwner(k *checking) {
	owner := m.w.kit.owners[k.token]
	k.wants, k.facts = nil, make([]*held, 2)
	for i, ref := range []registry.Ref{registry.ClientRef(owner.client), registry.ProfileRef(owner.profile)} {
		h, fresh := m.find(ref)
		if fresh {
			k.facts[i] = h
			continue
		}
		k.wants = append(k.wants, &want{refs: []registry.Ref{ref}, held: h})
	}
	if len(k.wants) == 0 {
		m.judge(k)
		return
	}
	k.at = asksForOwner
}

// ask is the first half of Cache.lookUp, up to where a read has begun.
func (m *machine) ask(k *checking) {
	k.at++
	joined, err := m.c.joinAll(k.wants)
	if joined {
		return
	}
	var r *reading
	if err == nil {
		r, err = m.c.begin(k.wants)
	}
	if err != nil {
		for _, w := range k.wants {
			if w.fail(err); w.err != nil {
				m.failed(k, w.err)
				return
			}
		}
		return
	}
	if r == nil {
		return
	}
	m.reads++
	f := &fill{r: r, refs: r.refs(), counted: make(map[*pending]bool)}
	f.entries, f.states = make([]registry.Entry, len(f.refs)), make([]int, len(f.refs))
	m.fills = append(m.fills, f)
	if !m.following() || !m.serving() {
		m.fails("a read begins while the registry is not followed")
	}
	for _, ref := range f.refs[1:] {
		if m.withheld(m.w.kit.slotOf(ref)) {
			m.fails("a record is read that is withheld: %s", ref.Key())
		}
	}
}

// await is the second half of Cache.lookUp, once all has come.
func (m *machine) await(k *checking) error {
	for _, w := range k.wants {
		if err := w.await(context.Background()); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) takeToken(k *checking) {
	if err := m.await(k); err != nil {
		m.failed(k, err)
		return
	}
	m.tokenIs(k, k.wants[0].held)
}

func (m *machine) tokenIs(k *checking, h *held) {
	k.fact, k.at = h, looksForOwner
	if h.Absent() || h.Invalid() != nil {
		m.judge(k) // absent or invalid: that decides
	}
}

func (m *machine) takeOwner(k *checking) {
	if err := m.await(k); err != nil {
		if k.fact.Touched() {
			m.gatherAgain(k)
			return
		}
		m.failed(k, err)
		return
	}
	for i, w := 0, k.wants; i < len(k.facts); i++ {
		if k.facts[i] == nil {
			k.facts[i], w = w[0].held, w[1:]
		}
	}
	m.judge(k)
}

// failed ends a check that is denied because nobody knows.
func (m *machine) failed(k *checking, err error) {
	k.at = isDone
	m.undecided++
	switch {
	case errors.Is(err, ErrWithheld):
		m.ended["withheld"]++
	case errors.Is(err, registry.ErrUnavailable):
		m.ended["unavailable"]++
	default:
		m.fails("a lookup fails with %v", err)
	}
}

func (m *machine) gatherAgain(k *checking) {
	if k.again++; k.again > mostAgain {
		k.at = isDone
		m.undecided++
		m.ended["touched"]++
		return
	}
	*k = checking{token: k.token, again: k.again, low: k.low, since: k.since}
}

// judge ends a check that has its facts, if nothing has touched them, and holds
// them to the properties.
func (m *machine) judge(k *checking) {
	facts := append([]*held{k.fact}, k.facts...)
	if slices.ContainsFunc(facts, func(h *held) bool { return h.Touched() }) {
		m.gatherAgain(k)
		return
	}
	k.at = isDone
	m.ended[fmt.Sprintf("decided by %d", len(facts))]++
	for _, h := range facts {
		m.judgeFact(k, h)
	}
	kinds := m.w.kit.kindsOf(m.known[k.fact].slots)
	for state := k.since; state <= m.w.state; state++ {
		if m.w.says(kinds, state) && !slices.ContainsFunc(facts, func(h *held) bool { return !m.holds(h, state) }) {
			return
		}
	}
	m.fails("what a check goes by never held together since state %d: %v, by digests %v", k.since, m.describe(facts), kinds)
}

// judgeFact holds one fact to what was applied when a check began.
func (m *machine) judgeFact(k *checking, h *held) {
	what := m.known[h]
	for i, s := range what.deciding(m.w) {
		at, end := m.w.spanAt(s, what.states[i])
		if end <= k.low[s] {
			m.fails("a check goes by %s of state %d, which ended in state %d; state %d was applied when it began",
				m.w.kit.refs[s].Key(), what.states[i], end, k.low[s])
		}
		if at.taint || m.withheld(s) {
			m.fails("a check goes by %s, of which commits were lost", m.w.kit.refs[s].Key())
		}
	}
}

// deciding gives the slots that decide what a fact says: where one digest of a
// token is found, those behind it do not count.
func (what *knowledge) deciding(w *world) []slot {
	for i, s := range what.slots {
		if at, _ := w.spanAt(s, what.states[i]); !at.entry.Absent() {
			return what.slots[:i+1]
		}
	}
	return what.slots
}

// holds tells whether a fact held in a state.
func (m *machine) holds(h *held, state int) bool {
	what := m.known[h]
	for i, s := range what.deciding(m.w) {
		if !m.w.holds(s, what.states[i], state) {
			return false
		}
	}
	return true
}

func (m *machine) describe(facts []*held) (text []string) {
	for _, h := range facts {
		what := m.known[h]
		for i, s := range what.deciding(m.w) {
			text = append(text, fmt.Sprintf("%s of state %d", m.w.kit.refs[s].Key(), what.states[i]))
		}
	}
	return text
}

// doSnap has a read find what is there: half of it, or all.
func (m *machine) doSnap(i int, half bool) bool {
	if i >= len(m.fills) || m.fills[i].stage == 2 {
		return false
	}
	f := m.fills[i]
	from, to := 0, len(f.refs)
	if f.stage == 1 {
		from = len(f.refs) / 2
	} else if half {
		to = len(f.refs) / 2
	}
	for j := from; j < to; j++ {
		f.states[j] = m.w.state
		f.entries[j] = m.w.now(m.w.kit.slotOf(f.refs[j]))
	}
	f.foreign = f.foreign || m.w.foreign
	f.stage++
	if !half || f.stage == 2 {
		f.stage, f.through = 2, m.w.newest()
	}
	return true
}

// doEnd has a read end that has found all.
func (m *machine) doEnd(i int) bool {
	if i >= len(m.fills) || m.fills[i].stage < 2 || m.fills[i].ended {
		return false
	}
	f := m.fills[i]
	next := 1
	for _, p := range f.r.facts {
		what := &knowledge{}
		for range p.refs {
			what.slots = append(what.slots, m.w.kit.slotOf(f.refs[next]))
			what.states = append(what.states, f.states[next])
			next++
		}
		m.known[p.held] = what
	}
	f.ended = true
	m.c.finish(f.r, f.entries, f.through, nil)
	if root, _ := f.entries[0].Record.(*registry.Root); isForeign(root) {
		m.broken()
	}
	return true
}

// doEndInVain has a read fail.
func (m *machine) doEndInVain(i int) bool {
	if i >= len(m.fills) || m.fills[i].ended {
		return false
	}
	m.fills[i].ended = true
	m.c.finish(m.fills[i].r, nil, "", errModelFails)
	return true
}
