package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/credential"
	"credence/internal/registry"
)

const (
	scanStep = 1000 // members asked for at a time: Redis is not kept from others' lookups
	getStep  = 500  // token ids looked up at a time
)

// Clients implements registry.Lister.
func (s *Store) Clients(ctx context.Context) ([]registry.ClientID, error) {
	return members(ctx, s, registry.ClientsKey, registry.ParseID[registry.ClientID])
}

// Profiles implements registry.Lister.
func (s *Store) Profiles(ctx context.Context) ([]registry.ProfileID, error) {
	return members(ctx, s, registry.ProfilesKey, registry.ParseID[registry.ProfileID])
}

// TokensOf implements registry.Lister.
func (s *Store) TokensOf(ctx context.Context, client registry.ClientID) ([]credential.TokenID, error) {
	return members(ctx, s, registry.TokensOfKey(client), credential.ParseTokenID)
}

// KeysOf implements registry.Lister.
func (s *Store) KeysOf(ctx context.Context, client registry.ClientID) ([]registry.KeyID, error) {
	return members(ctx, s, registry.KeysOfKey(client), registry.ParseKeyID)
}

// BindingsOf implements registry.Lister.
func (s *Store) BindingsOf(ctx context.Context, client registry.ClientID) ([]registry.BindingID, error) {
	return members(ctx, s, registry.BindingsOfKey(client), registry.ParseBindingID)
}

// members gives a whole set, asked for piece by piece. A member that was there
// from beginning to end is among them; of one that came or went meanwhile
// nothing is said.
func members[T ~string](ctx context.Context, s *Store, set string, parse func(string) (T, error)) ([]T, error) {
	var all []string
	var cursor uint64
	for {
		some, next, err := s.scan(ctx, set, cursor)
		switch {
		case isWrongType(err):
			return nil, registry.WrongType(set)
		case err != nil:
			return nil, s.unavailable("list "+set, err)
		}
		all, cursor = append(all, some...), next
		if cursor == 0 {
			return registry.ParseMembers(set, all, parse)
		}
	}
}

func (s *Store) scan(ctx context.Context, set string, cursor uint64) ([]string, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.client().SScan(ctx, s.key(set), cursor, "", scanStep).Result()
}

// RevokedUntil implements registry.Lister.
func (s *Store) RevokedUntil(ctx context.Context, jtis ...registry.JTI) ([]time.Time, error) {
	key := registry.RevokedRef.Key()
	scores, err := asked(ctx, s, jtis, func(ctx context.Context, pipe redis.Pipeliner, jti registry.JTI) *redis.FloatCmd {
		return pipe.ZScore(ctx, s.key(key), jti.String())
	})
	if err != nil {
		return nil, s.unavailable("look into "+key, err)
	}
	until := make([]time.Time, len(jtis))
	for i := range jtis {
		score, err := scores[i].Result()
		switch {
		case errors.Is(err, redis.Nil):
			continue
		case err != nil:
			return nil, registry.WrongType(key)
		}
		until[i] = time.Unix(int64(score), 0).UTC()
	}
	return until, nil
}

// Digests implements registry.Lister.
func (s *Store) Digests(ctx context.Context, ids ...credential.TokenID) ([]credential.Digest, error) {
	values, err := asked(ctx, s, ids, func(ctx context.Context, pipe redis.Pipeliner, id credential.TokenID) *redis.StringCmd {
		return pipe.Get(ctx, s.key(registry.TokenIDKey(id)))
	})
	if err != nil {
		return nil, s.unavailable("find tokens", err)
	}
	digests := make([]credential.Digest, len(ids))
	for i, id := range ids {
		text, err := values[i].Result()
		switch {
		case errors.Is(err, redis.Nil):
			continue
		case err != nil:
			return nil, registry.WrongType(registry.TokenIDKey(id))
		}
		if digests[i], err = registry.ParseTokenIDValue(id, text); err != nil {
			return nil, err
		}
	}
	return digests, nil
}
