package cache

import (
	"context"
	"errors"
	"slices"

	"credence/internal/registry"
)

// doRoundSnap has the round that is under way find what is there.
func (m *machine) doRoundSnap() bool {
	if !m.rounds || m.feed.brought != nil {
		return false
	}
	entries, there := m.w.behind(m.feed.after)
	m.feed.brought = &brought{entries: entries, gap: !there, root: m.w.now(rootSlot)}
	return true
}

// doRoundEnd tells the Cache what the round has found, as a Follower does.
func (m *machine) doRoundEnd() bool {
	b := m.feed.brought
	if !m.rounds || b == nil {
		return false
	}
	m.rounds = false
	if b.gap {
		m.c.Lose(registry.ErrGap)
		m.broken()
		return true
	}
	round := registry.Round{Root: b.root}
	for _, one := range b.entries {
		round.Changes = append(round.Changes, one.change)
	}
	stopped := m.stopped
	err := m.c.Round(m.feed.sent, m.feed.seq, round)
	if !stopped {
		for _, one := range b.entries {
			m.apply(one)
		}
	}
	root := b.root.Record.(*registry.Root)
	bad := stopped || m.barred || root.Seq < m.feed.seq || isForeign(root)
	switch {
	case bad && err == nil:
		m.fails("a round counts as complete that must not: stopped %v, barred %v, seq %d after %d, of %s",
			stopped, m.barred, root.Seq, m.feed.seq, root.ID)
	case !bad && err != nil:
		m.fails("a round does not count as complete: %v", err)
	}
	switch {
	case err == nil:
		m.complete(m.feed.sent)
	case Restarts(err):
		m.c.Lose(err)
		m.broken()
		return true
	default:
		m.follows = false
		m.c.Lose(err)
	}
	m.beginRound()
	return true
}

func isForeign(root *registry.Root) bool { return root.ID != "the registry" }

// doRoundFail has the round fail.
func (m *machine) doRoundFail() bool {
	if !m.rounds {
		return false
	}
	m.c.Lose(errModelFails)
	m.follows, m.rounds = false, false
	if !m.stopped {
		m.beginRound()
	}
	return true
}

// doDrop has the server be missing from the fleet. The round that is under way
// may still come.
func (m *machine) doDrop() bool {
	if !m.listed {
		return false
	}
	m.c.Drop(registry.ErrNotListed)
	m.listed = false
	m.broken()
	return true
}

// doStartSnap finds out where the feed begins.
func (m *machine) doStartSnap() bool {
	if !m.stopped || m.rounds || m.start != nil {
		return false
	}
	m.start = &starting{sent: m.now, root: m.w.now(rootSlot), extent: m.w.extent(), failed: m.w.failed}
	for _, one := range m.w.stream {
		m.start.stream = append(m.start.stream, one.change)
	}
	return true
}

// doStartEnd begins there.
func (m *machine) doStartEnd() bool {
	if !m.stopped || m.start == nil {
		return false
	}
	s := m.start
	m.start = nil
	bad := !m.listed || m.barred || isForeign(s.root.Record.(*registry.Root))
	_, missed := compare(m.c.past.all(), s.stream, s.extent, s.root.Record.(*registry.Root))
	lost, err := m.c.Start(s.sent, s.root, s.extent, s.stream)
	if bad != (err != nil) {
		m.fails("the feed begins with %v: listed %v, barred %v", err, m.listed, m.barred)
	}
	if err != nil {
		m.c.Lose(err)
		m.follows = false
		if Restarts(err) {
			m.flushed()
		}
		return true
	}
	m.flushed()
	for _, change := range lost {
		m.withhold(change)
	}
	for _, change := range missed {
		m.release(change)
		m.told[slices.Index(m.w.kit.numbers, change.Entry)] = true // it is remembered as if
	}
	m.stopped, m.noticed = false, s.failed
	m.complete(s.sent)
	m.beginRound()
	return true
}

// doTold has tracking tell of the oldest plain write.
func (m *machine) doTold() bool {
	if len(m.w.plain) == 0 {
		return false
	}
	s := m.w.plain[0]
	m.w.plain = m.w.plain[1:]
	m.c.Invalidate([]registry.Ref{m.w.kit.refs[s]})
	if s == rootSlot {
		m.doReadRoot()
		return true
	}
	m.w.toldOf(s)
	for _, one := range m.w.history[s] {
		if one.by == byPlain {
			m.low[s] = max(m.low[s], one.from)
		}
	}
	return true
}

// doReadRoot has the Cache read the root record.
func (m *machine) doReadRoot() {
	m.c.ReadRoot()
	if m.w.foreign {
		m.broken()
		return
	}
	m.w.toldOf(rootSlot)
}

// doTrackAgain has tracking begin anew.
func (m *machine) doTrackAgain() {
	m.c.Missed()
	m.w.plain = nil
	if m.following() && m.serving() {
		m.flushed()
	} else {
		m.missed = true
	}
	m.doReadRoot() // as all may have been written, that may have been too
}

// doBar says whether rounds may be complete.
func (m *machine) doBar(bar bool) bool {
	if m.barred == bar {
		return false
	}
	m.barred = bar
	if !bar {
		m.c.Bar(nil)
		return true
	}
	m.c.Bar(errModelBars)
	m.follows = false
	return true
}

// doTrim has the stream lose all entries but the newest some. Two things nobody
// could notice, and they are left out: that a feed stands at the beginning, and
// that there was a fail-over before, so that what was lost looks as if it had
// been trimmed.
func (m *machine) doTrim(keep int) bool {
	_, applied := m.c.seen()
	if applied == "" || len(m.w.stream) <= keep || m.w.failed > m.noticed {
		return false
	}
	m.w.stream = slices.Clone(m.w.stream[len(m.w.stream)-keep:])
	return true
}

// doFailOver has the registry lose its newest entries.
func (m *machine) doFailOver(lose int) bool {
	_, applied := m.c.seen()
	if len(m.w.stream) < 2 || applied == "" {
		return false
	}
	m.w.failOver(lose, func(number int) bool { return m.told[number] })
	return true
}

// doEvict has all that is kept be pushed out.
func (m *machine) doEvict() {
	e := m.c.era.Load()
	for _, facts := range []interface{ SetMaximum(uint64) }{e.known, e.absent} {
		facts.SetMaximum(0)
		facts.SetMaximum(1000)
	}
}

// ReadThrough implements registry.Witness for what the Cache reads by itself:
// the root record, at once.
func (m *machine) ReadThrough(_ context.Context, refs ...registry.Ref) ([]registry.Entry, string, error) {
	if len(refs) != 1 || refs[0] != registry.RootRef {
		return nil, "", errors.New("model: who reads that?")
	}
	return []registry.Entry{m.w.now(rootSlot)}, m.w.newest(), nil
}
