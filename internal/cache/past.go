package cache

import "credence/internal/registry"

// rememberedEntries is how many entries of the change stream are remembered
// once they were applied.
const rememberedEntries = 10_000

// A past is the entries that were applied last, oldest first: what must still
// be there after a fail-over. The zero past is empty.
type past struct {
	ring []registry.Change
	next int // where the next one goes, once the ring is full
}

// add remembers an entry.
func (p *past) add(change registry.Change) {
	change.Fields, change.By, change.Note = nil, "", "" // what it named is all that is needed
	if len(p.ring) < rememberedEntries {
		p.ring = append(p.ring, change)
		return
	}
	p.ring[p.next] = change
	p.next = (p.next + 1) % rememberedEntries
}

// all gives a copy of what is remembered, oldest first.
func (p *past) all() []registry.Change {
	return append(append([]registry.Change(nil), p.ring[p.next:]...), p.ring[:p.next]...)
}

// forget forgets those that are lost: they were told of.
func (p *past) forget(lost []registry.Change) {
	gone := make(map[string]bool, len(lost))
	for _, change := range lost {
		gone[change.Entry] = true
	}
	var kept past
	for _, change := range p.all() {
		if !gone[change.Entry] {
			kept.add(change)
		}
	}
	*p = kept
}
