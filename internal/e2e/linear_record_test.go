package e2e

import (
	"context"
	"maps"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// plan notes what a change will be, before anybody is told of it.
func (r *trial) plan(tag string, sets map[string]registry.Fields) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.plans[tag] = plan{tag: tag, sets: sets, sent: r.now()}
}

// newest gives the id of the newest entry of the change stream.
func (r *trial) newest() (entry string) {
	r.t.Helper()
	parts.Await(r.t, patience, "Redis tells of its newest entry", func() error {
		extent, err := r.store.Extent(r.t.Context())
		entry = extent.Newest
		return err
	})
	return entry
}

// recorded gives the id of the newest entry that was recorded.
func (r *trial) recorded() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.entries) == 0 {
		return ""
	}
	return r.entries[len(r.entries)-1].Entry
}

// commits counts the entries that were recorded.
func (r *trial) commits() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.entries)
}

// record keeps every entry of the change stream: what stands there, in that
// order, is what was done, whatever its writer was told.
func (r *trial) record(ctx context.Context) {
	repeat(ctx, 50*time.Millisecond, func() {
		changes, err := r.store.ChangesAfter(ctx, r.recorded(), 1000)
		if err != nil {
			return // Redis is away: it is asked again
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.entries = append(r.entries, changes...)
	})
}

// follow keeps what the servers say that they have applied.
func (r *trial) follow(ctx context.Context) {
	repeat(ctx, 4*time.Millisecond, func() {
		pipe := r.direct.Pipeline()
		said := make([]*redis.StringCmd, len(r.members))
		for i, m := range r.members {
			said[i] = pipe.HGet(ctx, key+registry.ServerKey(m.name), "applied")
		}
		_, _ = pipe.Exec(ctx) // each answer tells
		for i, m := range r.members {
			entry, err := said[i].Result()
			if err == nil && registry.ComesAfter(entry, *m.applied.Load()) {
				m.applied.Store(&entry)
			}
		}
	})
}

// repeat does something again and again.
func repeat(ctx context.Context, every time.Duration, do func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

// states gives all that the registry has been.
func (r *trial) states() *states {
	r.t.Helper()
	s := newStates(maps.Clone(r.first))
	for _, entry := range r.entries {
		p, planned := r.plans[entry.Note]
		if !planned {
			r.t.Fatalf("entry %s was planned by nobody: %v", entry.Entry, entry.Fields)
		}
		s.add(entry.Entry, p)
	}
	return s
}

// wantAsStored fails unless the last state is what stands in Redis: else the
// states are not those of this registry.
func (r *trial) wantAsStored(s *states) {
	r.t.Helper()
	last := len(s.soonest) - 1
	for name := range s.versions {
		stored, err := r.direct.HGetAll(context.Background(), key+name).Result()
		if err != nil {
			r.t.Fatal(err)
		}
		for _, field := range []string{"state", "name", "allow", "scopes", "accepts"} {
			if want := s.at(name, last)[field]; stored[field] != want {
				r.t.Errorf("%s %s: Redis has %q, and the states end with %q", name, field, stored[field], want)
			}
		}
	}
}
