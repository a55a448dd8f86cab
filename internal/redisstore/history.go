package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"credence/internal/registry"
)

// ChangesAfter implements registry.History, in one round trip.
func (s *Store) ChangesAfter(ctx context.Context, entry string, n int) ([]registry.Change, error) {
	from := "-"
	if entry != "" {
		from = "(" + entry
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.changes(s.client().XRangeN(ctx, s.key(registry.ChangesKey), from, "+", int64(n)))
}

// ChangesBefore implements registry.History, in one round trip.
func (s *Store) ChangesBefore(ctx context.Context, entry string, n int) ([]registry.Change, error) {
	from := "+"
	if entry != "" {
		from = "(" + entry
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.changes(s.client().XRevRangeN(ctx, s.key(registry.ChangesKey), from, "-", int64(n)))
}

func (s *Store) changes(answer *redis.XMessageSliceCmd) ([]registry.Change, error) {
	entries, err := answer.Result()
	switch {
	case isWrongType(err):
		return nil, registry.WrongType(registry.ChangesKey)
	case err != nil:
		return nil, s.unavailable("changes", err)
	}
	return changesOf(entries), nil
}

// changesOf reads entries of the change stream.
func changesOf(entries []redis.XMessage) []registry.Change {
	changes := make([]registry.Change, len(entries))
	for i, entry := range entries {
		fields := make(registry.Fields, len(entry.Values))
		for field, value := range entry.Values {
			fields[field], _ = value.(string) // Redis has nothing else there
		}
		changes[i] = registry.ParseChange(entry.ID, fields)
	}
	return changes
}
