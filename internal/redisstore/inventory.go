package redisstore

import (
	"context"
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"credence/internal/registry"
)

// keyStep is about how many keys are asked for at a time.
const keyStep = 500

// patternQuoter makes a text stand for itself in a pattern of Redis.
var patternQuoter = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// Keys implements registry.Inventory. Redis may tell of a key twice; a hash of
// 8 bytes of each is kept to leave the second out.
func (s *Store) Keys(ctx context.Context) iter.Seq2[[]registry.StoredKey, error] {
	return func(yield func([]registry.StoredKey, error) bool) {
		seed, seen := maphash.MakeSeed(), make(map[uint64]struct{})
		isNew := func(name string) bool {
			hash, before := maphash.String(seed, name), len(seen)
			seen[hash] = struct{}{}
			return len(seen) > before
		}
		for cursor, begun := uint64(0), false; !begun || cursor != 0; begun = true {
			names, next, err := s.scanKeys(ctx, cursor)
			if err != nil {
				yield(nil, s.unavailable("keys", err))
				return
			}
			names = slices.DeleteFunc(names, func(name string) bool { return !isNew(name) })
			keys, err := s.look(ctx, names)
			if err != nil {
				yield(nil, s.unavailable("keys", err))
				return
			}
			if len(keys) > 0 && !yield(keys, nil) {
				return
			}
			cursor = next
		}
	}
}

func (s *Store) scanKeys(ctx context.Context, cursor uint64) ([]string, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.client().Scan(ctx, cursor, patternQuoter.Replace(s.prefix)+"*", keyStep).Result()
}

// look tells what keys hold. Those that are gone meanwhile are left out.
func (s *Store) look(ctx context.Context, names []string) ([]registry.StoredKey, error) {
	types, err := asked(ctx, s, names, func(ctx context.Context, pipe redis.Pipeliner, name string) *redis.StatusCmd {
		return pipe.Type(ctx, name)
	})
	if err != nil {
		return nil, err
	}
	ends, err := asked(ctx, s, names, func(ctx context.Context, pipe redis.Pipeliner, name string) *redis.DurationCmd {
		return pipe.PTTL(ctx, name)
	})
	if err != nil {
		return nil, err
	}
	var keys []registry.StoredKey
	for i, name := range names {
		if types[i].Val() != "none" {
			keys = append(keys, registry.StoredKey{Name: strings.TrimPrefix(name, s.prefix), Type: types[i].Val(), Expires: ends[i].Val() > 0})
		}
	}
	return keys, nil
}

// Members implements registry.Inventory.
func (s *Store) Members(ctx context.Context, set string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for cursor, begun := uint64(0), false; !begun || cursor != 0; begun = true {
			members, next, err := s.scan(ctx, set, cursor)
			switch {
			case isWrongType(err):
				yield(nil, registry.WrongType(set))
				return
			case err != nil:
				yield(nil, s.unavailable("list "+set, err))
				return
			}
			if len(members) > 0 && !yield(members, nil) {
				return
			}
			cursor = next
		}
	}
}

// Values implements registry.Inventory.
func (s *Store) Values(ctx context.Context, names ...string) ([]string, error) {
	answers, err := asked(ctx, s, names, func(ctx context.Context, pipe redis.Pipeliner, name string) *redis.StringCmd {
		return pipe.Get(ctx, s.key(name))
	})
	if err != nil {
		return nil, s.unavailable("values", err)
	}
	values := make([]string, len(names))
	for i, answer := range answers {
		values[i] = answer.Val()
	}
	return values, nil
}

// Listed implements registry.Inventory.
func (s *Store) Listed(ctx context.Context, indexes ...registry.Index) ([]bool, error) {
	answers, err := asked(ctx, s, indexes, func(ctx context.Context, pipe redis.Pipeliner, index registry.Index) *redis.BoolCmd {
		return pipe.SIsMember(ctx, s.key(index.Set), index.Member)
	})
	if err != nil {
		return nil, s.unavailable("listed", err)
	}
	listed := make([]bool, len(indexes))
	for i, answer := range answers {
		listed[i] = answer.Val()
	}
	return listed, nil
}
