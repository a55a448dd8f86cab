package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"credence/internal/registry"
)

// noEntry is the id that stands before all: that of the newest entry of a
// stream that never had one.
const noEntry = "0-0"

// Extent implements registry.History, in one round trip; in two where there is
// no change stream, or where Redis does not say all of it in one answer.
func (s *Store) Extent(ctx context.Context) (registry.Extent, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	info, err := s.client().XInfoStream(ctx, s.key(registry.ChangesKey)).Result()
	switch {
	case isWrongType(err):
		return registry.Extent{}, registry.WrongType(registry.ChangesKey)
	case isRefused(err), err == nil && info.Length > 0 && info.FirstEntry.ID == "":
		// There is no such key; or the user may not ask, or the server (a
		// managed one, or the embedded one of credence dev) does not tell.
		return s.seenExtent(ctx)
	case err != nil:
		return registry.Extent{}, s.unavailable("changes", err)
	}
	extent := registry.Extent{There: true, First: info.FirstEntry.ID, Last: info.LastEntry.ID}
	if info.LastGeneratedID != noEntry {
		extent.Newest = info.LastGeneratedID
	}
	return extent, nil
}

// seenExtent is what can be seen by looking at the entries.
func (s *Store) seenExtent(ctx context.Context) (registry.Extent, error) {
	key := s.key(registry.ChangesKey)
	var kind *redis.StatusCmd
	var first, last *redis.XMessageSliceCmd
	err := exchange(ctx, s.client(), func(pipe redis.Pipeliner) {
		kind = pipe.Type(ctx, key)
		first = pipe.XRangeN(ctx, key, "-", "+", 1)
		last = pipe.XRevRangeN(ctx, key, "+", "-", 1)
	})
	if err == nil {
		err = kind.Err()
	}
	if err != nil {
		return registry.Extent{}, s.unavailable("changes", err)
	}
	extent := registry.Extent{There: kind.Val() != "none"}
	if extent.First, err = s.onlyEntry(first); err != nil {
		return registry.Extent{}, err
	}
	if extent.Last, err = s.onlyEntry(last); err != nil {
		return registry.Extent{}, err
	}
	extent.Newest = extent.Last
	return extent, nil
}

// onlyEntry gives the id of the only entry of an answer; empty: there is none.
func (s *Store) onlyEntry(answer *redis.XMessageSliceCmd) (string, error) {
	changes, err := s.changes(answer)
	if err != nil || len(changes) == 0 {
		return "", err
	}
	return changes[0].Entry, nil
}
