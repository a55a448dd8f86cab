package fleettest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"credence/internal/fleet"
	"credence/internal/registry"
)

// A Memory is a fleet.Store in memory: the simplest that behaves like Redis. It
// is safe for concurrent use. All methods but those of fleet.Store are the hands
// of others, and what befalls a Redis.
type Memory struct {
	clock func() time.Time

	mu      sync.Mutex
	offset  time.Duration // of the store's clock to the given one
	beats   map[string]time.Time
	hashes  map[string]registry.Fields
	entries []string // of the change stream
	newest  string   // of all that ever were
	down    error    // why it does not answer
	full    error    // why it takes no writes
}

var _ fleet.Store = (*Memory)(nil)

// NewMemory makes a Memory that goes by a clock.
func NewMemory(clock func() time.Time) *Memory {
	return &Memory{clock: clock, beats: make(map[string]time.Time), hashes: make(map[string]registry.Fields)}
}

// Tell adds an entry to the change stream.
func (m *Memory) Tell(entry string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries, m.newest = append(m.entries, entry), entry
}

// ResetStream removes the change stream.
func (m *Memory) ResetStream() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries, m.newest = nil, ""
}

// Reset removes everything, as FLUSHALL does.
func (m *Memory) Reset() {
	m.ResetStream()
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.beats)
	clear(m.hashes)
}

// Step sets the store's clock by so much.
func (m *Memory) Step(by time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.offset += by
}

// Down makes every call fail; nil: none any more.
func (m *Memory) Down(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = err
}

// Full makes every write fail; nil: none any more.
func (m *Memory) Full(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.full = err
}

// Put lists a server with a heartbeat of some time.
func (m *Memory) Put(name string, beat time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.beats[name] = beat.Truncate(time.Second)
}

// PutHash makes fields all that is said of a server; none: nothing is.
func (m *Memory) PutHash(name string, fields registry.Fields) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.hashes, name)
	if len(fields) > 0 {
		m.hashes[name] = maps.Clone(fields)
	}
}

// TakeOff takes a server off the list, and leaves what is said of it.
func (m *Memory) TakeOff(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.beats, name)
}

func (m *Memory) now() time.Time { return m.clock().Add(m.offset) }

// writable tells whether something can be written.
func (m *Memory) writable(ctx context.Context) error {
	if err := m.readable(ctx); err != nil {
		return err
	}
	return m.full
}

func (m *Memory) readable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("fleettest: %w: %w", registry.ErrUnavailable, err)
	}
	return m.down
}

// Join implements fleet.Store.
func (m *Memory) Join(ctx context.Context, server fleet.Server) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.writable(ctx); err != nil {
		return err
	}
	m.beats[server.Name], m.hashes[server.Name] = m.now().Truncate(time.Second), server.Fields()
	return nil
}

// Beat implements fleet.Store.
func (m *Memory) Beat(ctx context.Context, name, applied string, withheld []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.writable(ctx); err != nil {
		return err
	}
	hash := m.hashes[name]
	if _, listed := m.beats[name]; !listed || hash == nil {
		return registry.ErrNotListed
	}
	m.beats[name] = m.now().Truncate(time.Second)
	for field, text := range map[string]string{"applied": applied, "withheld": fleet.Withheld(withheld)} {
		delete(hash, field)
		if text != "" {
			hash[field] = text
		}
	}
	return nil
}

// Leave implements fleet.Store.
func (m *Memory) Leave(ctx context.Context, name string) error {
	return m.Forget(ctx, name, time.Time{})
}

// Forget implements fleet.Store.
func (m *Memory) Forget(ctx context.Context, name string, seen time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.writable(ctx); err != nil {
		return err
	}
	if beat, listed := m.beats[name]; listed && !seen.IsZero() && !beat.Equal(seen) {
		return fleet.ErrHeardOf
	}
	delete(m.beats, name)
	delete(m.hashes, name)
	return nil
}

// List implements fleet.Store.
func (m *Memory) List(ctx context.Context) (time.Time, []fleet.Server, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return time.Time{}, nil, err
	}
	return m.now(), m.servers(), nil
}

func (m *Memory) servers() []fleet.Server {
	var servers []fleet.Server
	for _, name := range slices.Sorted(maps.Keys(m.beats)) {
		servers = append(servers, fleet.Parse(name, m.beats[name], m.hashes[name]))
	}
	return servers
}

// Look implements fleet.Lookout.
func (m *Memory) Look(ctx context.Context, entry string, names []string) (fleet.Sight, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return fleet.Sight{}, err
	}
	sight := fleet.Sight{Now: m.now(), Servers: m.servers(), Newest: m.newest, Kept: slices.Contains(m.entries, entry)}
	for _, name := range names {
		if _, listed := m.beats[name]; !listed && m.hashes[name] != nil {
			sight.Remains = append(sight.Remains, name)
		}
	}
	return sight, nil
}
