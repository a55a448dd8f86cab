package registry

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Tell adds an entry to the change stream as another program writes it.
func (m *Memory) Tell(fields Fields) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tell(fields)
}

// Forget removes all but the newest entries of the change stream.
func (m *Memory) Forget(keep int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stream = slices.Clone(m.stream[max(0, len(m.stream)-keep):])
}

// tell adds an entry, and gives its id: the time of the clock, and a count
// where that stands still or goes back.
func (m *Memory) tell(fields Fields) string {
	ms, count := uint64(m.clock().UnixMilli()), uint64(0)
	if lastMs, lastCount, ok := parseEntry(m.last); ok && lastMs >= ms {
		ms, count = lastMs, lastCount+1
	}
	entry := fmt.Sprintf("%d-%d", ms, count)
	m.stream, m.last = append(m.stream, ParseChange(entry, maps.Clone(fields))), entry
	close(m.told)
	m.told = make(chan struct{})
	return entry
}

// ChangesAfter implements History.
func (m *Memory) ChangesAfter(ctx context.Context, entry string, n int) ([]Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("registry: changes: %w: %w", ErrUnavailable, err)
	}
	changes, _, err := m.behind(entry)
	return changes[:min(n, len(changes))], err
}

// ChangesBefore implements History.
func (m *Memory) ChangesBefore(ctx context.Context, entry string, n int) ([]Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("registry: changes: %w: %w", ErrUnavailable, err)
	}
	all, _, err := m.behind("")
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, change := range slices.Backward(all) {
		if len(changes) < n && (entry == "" || ComesAfter(entry, change.Entry)) {
			changes = append(changes, change)
		}
	}
	return changes, nil
}

// Extent implements History.
func (m *Memory) Extent(ctx context.Context) (Extent, error) {
	if err := ctx.Err(); err != nil {
		return Extent{}, fmt.Errorf("registry: extent: %w: %w", ErrUnavailable, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.other[ChangesKey] {
		return Extent{}, WrongType(ChangesKey)
	}
	extent := Extent{There: m.last != "", Newest: m.last}
	if len(m.stream) > 0 {
		extent.First, extent.Last = m.stream[0].Entry, m.stream[len(m.stream)-1].Entry
	}
	return extent, nil
}

// behind gives the changes behind an entry, and what is closed when there are
// more.
func (m *Memory) behind(entry string) ([]Change, <-chan struct{}, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.other[ChangesKey] {
		return nil, nil, WrongType(ChangesKey)
	}
	first := slices.IndexFunc(m.stream, func(c Change) bool { return ComesAfter(c.Entry, entry) })
	if first < 0 {
		first = len(m.stream)
	}
	return slices.Clone(m.stream[first:]), m.told, nil
}

// holds tells whether an entry is still in the change stream. The beginning
// always is.
func (m *Memory) holds(entry string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return entry == "" || slices.ContainsFunc(m.stream, func(c Change) bool { return c.Entry == entry })
}

// Feed gives the feed of the changes, with rounds of some length.
func (m *Memory) Feed(round time.Duration) Feed { return memoryFeed{m, round} }

type memoryFeed struct {
	memory *Memory
	round  time.Duration
}

// Next implements Feed.
func (f memoryFeed) Next(ctx context.Context, after Position) (Round, error) {
	over := time.NewTimer(f.round)
	defer over.Stop()
	for {
		changes, told, err := f.memory.behind(after.Entry)
		if err != nil {
			return Round{}, err
		}
		if len(changes) == 0 {
			select {
			case <-told:
				continue
			case <-over.C:
			case <-ctx.Done():
			}
		}
		switch {
		case ctx.Err() != nil:
			return Round{}, fmt.Errorf("registry: changes: %w: %w", ErrUnavailable, ctx.Err())
		case !f.memory.holds(after.Entry):
			return Round{}, fmt.Errorf("registry: changes: behind %s: %w", after.Entry, ErrGap)
		}
		entries, err := f.memory.Read(ctx, RootRef)
		if err != nil {
			return Round{}, err
		}
		return Round{changes, entries[0]}, nil
	}
}
