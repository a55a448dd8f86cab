package cache

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"time"

	"credence/internal/registry"
)

// A print is what tells one state of a machine, its Cache and its world from
// another: states with the same print have the same future.
type print struct {
	m    *machine
	text []byte
}

var printSeed = maphash.MakeSeed()

// print gives the print of a machine.
func (m *machine) print(into []byte) (uint64, []byte) {
	p := &print{m, into[:0]}
	p.world()
	p.cache()
	p.reads()
	p.checks()
	return maphash.Bytes(printSeed, p.text), p.text
}

func (p *print) number(n int)         { p.text = binary.AppendVarint(p.text, int64(n)) }
func (p *print) time(d time.Duration) { p.text = binary.AppendVarint(p.text, int64(d)) }

func (p *print) instant(i Instant) {
	p.time(i.Run)
	p.time(i.Wall)
}

func (p *print) bools(bools ...bool) {
	n := 0
	for i, b := range bools {
		if b {
			n |= 1 << i
		}
	}
	p.number(n)
}

func (p *print) words(s string) {
	p.number(len(s))
	p.text = append(p.text, s...)
}

func (p *print) kinds(v *view) {
	if v == nil {
		p.number(-1)
		return
	}
	p.number(p.m.w.roots[v.root])
	p.instant(v.sent)
}

func (p *print) world() {
	w := p.m.w
	for s, history := range w.history {
		if slot(s) == rootSlot {
			continue // it follows from the commits
		}
		p.number(len(history))
		for _, one := range history {
			p.number(one.from)
			p.number(int(one.by))
			p.number(one.told)
			p.bools(one.taint, one.entry.Record != nil, one.entry.Invalid != nil)
		}
	}
	p.number(len(w.stream))
	for _, one := range w.stream {
		p.number(one.number)
		p.number(one.state)
	}
	for _, s := range w.plain {
		p.number(int(s))
	}
	p.number(-1)
	for _, n := range w.flushed {
		p.number(n)
	}
	p.number(w.state)
	p.number(w.last)
	p.number(int(w.seq))
	p.number(w.digests)
	p.number(w.failed - p.m.noticed)
	p.bools(w.foreign)
}

func (p *print) cache() {
	m := p.m
	c, at := m.c, m.c.contact.Load()
	p.instant(m.now)
	p.instant(at.round)
	p.instant(at.completed)
	p.instant(at.beat)
	p.bools(at.rounded, at.following, at.beaten, c.doubted.Load(), m.stopped, m.rounds, m.listed, m.barred, m.start != nil, m.feed.brought != nil)
	p.kinds(c.view.Load())
	p.words(c.applied)
	p.number(int(c.seq))
	p.number(len(c.past.ring))
	p.bools(m.allLost, m.missed)
	for s := range slots {
		ref := m.w.kit.refs[s]
		p.bools(c.withheld.holds(ref), m.withheld(s))
		p.number(m.low[s])
		h, ok := c.era.Load().find(ref)
		if p.bools(ok); ok {
			p.fact(h)
		}
		if q := c.pending[ref]; q != nil {
			p.pending(q)
		}
	}
	p.number(m.since)
	if s := m.start; s != nil {
		p.number(m.w.roots[s.root.Record.(*registry.Root)])
		p.instant(s.sent)
		p.words(s.extent.Last)
		p.number(len(s.stream))
		p.number(s.failed)
	}
	p.instant(m.feed.sent)
	p.words(m.feed.after)
	p.number(int(m.feed.seq))
	if b := m.feed.brought; b != nil {
		p.number(len(b.entries))
		p.bools(b.gap)
		p.number(m.w.roots[b.root.Record.(*registry.Root)])
	}
}

// fact prints a fact. One that was touched is good for nothing any more.
func (p *print) fact(h *held) {
	if h == nil {
		p.number(-2)
		return
	}
	what := p.m.known[h]
	if h.Touched() || what == nil {
		p.bools(h.Touched(), what == nil)
		return
	}
	for i, s := range what.slots {
		p.number(int(s))
		p.number(what.states[i])
		kept, ok := p.m.c.era.Load().find(p.m.w.kit.refs[s])
		p.bools(ok && kept == h)
	}
	p.instant(h.sent)
}

// pending prints which read brings a fact, and how far it is.
func (p *print) pending(q *pending) {
	for i, f := range p.m.fills {
		if j := slices.Index(f.r.facts, q); j >= 0 {
			p.number(i)
			p.number(j)
			return
		}
	}
	p.bools(q.over(), q.err != nil)
	if q.over() && q.err == nil {
		p.fact(q.held)
	}
}

func (p *print) reads() {
	for _, f := range p.m.fills {
		p.number(f.stage)
		p.bools(f.ended, f.foreign, slices.Contains(p.m.c.waiting, f.r))
		for i, s := range f.states {
			p.number(int(p.m.w.kit.slotOf(f.refs[i])))
			p.number(s)
		}
		p.words(f.through)
		p.instant(f.r.sent)
		p.instant(f.r.ended)
		p.number(int(f.r.seq))
		p.kinds(f.r.view)
		for _, q := range f.r.facts {
			p.bools(q.over(), q.err != nil, q.held.Touched(), p.m.c.pending[q.refs[0]] == q)
		}
	}
	p.number(-1)
}

func (p *print) checks() {
	for _, k := range p.m.checks {
		p.number(k.token)
		p.number(int(k.at))
		p.number(k.again)
		p.number(k.since)
		for _, n := range k.low {
			p.number(n)
		}
		p.fact(k.fact)
		for _, w := range k.wants {
			p.number(int(p.m.w.kit.slotOf(w.refs[0])))
			p.kinds(w.view)
			p.fact(w.held)
			if w.read != nil {
				p.pending(w.read)
			}
		}
		p.number(-1)
		for _, h := range k.facts {
			p.fact(h)
		}
		p.number(-1)
	}
}
