package registry

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"credence/internal/credential"
)

// Clients implements Lister.
func (m *Memory) Clients(ctx context.Context) ([]ClientID, error) {
	return listed(ctx, m, ClientsKey, ParseID[ClientID])
}

// Profiles implements Lister.
func (m *Memory) Profiles(ctx context.Context) ([]ProfileID, error) {
	return listed(ctx, m, ProfilesKey, ParseID[ProfileID])
}

// TokensOf implements Lister.
func (m *Memory) TokensOf(ctx context.Context, client ClientID) ([]credential.TokenID, error) {
	return listed(ctx, m, TokensOfKey(client), credential.ParseTokenID)
}

// KeysOf implements Lister.
func (m *Memory) KeysOf(ctx context.Context, client ClientID) ([]KeyID, error) {
	return listed(ctx, m, KeysOfKey(client), ParseKeyID)
}

// BindingsOf implements Lister.
func (m *Memory) BindingsOf(ctx context.Context, client ClientID) ([]BindingID, error) {
	return listed(ctx, m, BindingsOfKey(client), ParseBindingID)
}

// RevokedUntil implements Lister.
func (m *Memory) RevokedUntil(ctx context.Context, jtis ...JTI) ([]time.Time, error) {
	key := RevokedRef.Key()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("registry: look into %s: %w: %w", key, ErrUnavailable, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.other[key] {
		return nil, WrongType(key)
	}
	until := make([]time.Time, len(jtis))
	for i, jti := range jtis {
		if forget, revoked := m.revoked[jti.String()]; revoked {
			until[i] = time.Unix(forget, 0).UTC()
		}
	}
	return until, nil
}

func listed[T ~string](ctx context.Context, m *Memory, set string, parse func(string) (T, error)) ([]T, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("registry: list %s: %w: %w", set, ErrUnavailable, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.other[set] {
		return nil, WrongType(set)
	}
	return ParseMembers(set, slices.Collect(maps.Keys(m.sets[set])), parse)
}

// Digests implements Lister.
func (m *Memory) Digests(ctx context.Context, ids ...credential.TokenID) ([]credential.Digest, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("registry: digests: %w: %w", ErrUnavailable, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	digests := make([]credential.Digest, len(ids))
	for i, id := range ids {
		key := TokenIDKey(id)
		if m.other[key] {
			return nil, WrongType(key)
		}
		text, found := m.names[key]
		if !found {
			continue
		}
		digest, err := ParseTokenIDValue(id, text)
		if err != nil {
			return nil, err
		}
		digests[i] = digest
	}
	return digests, nil
}

// Expire gives what a key holds an end, as a TTL does.
func (m *Memory) Expire(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expires[key] = true
}

// Keys implements Inventory, in one page.
func (m *Memory) Keys(ctx context.Context) iter.Seq2[[]StoredKey, error] {
	return func(yield func([]StoredKey, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(nil, fmt.Errorf("registry: keys: %w: %w", ErrUnavailable, err))
			return
		}
		if keys := m.keys(); len(keys) > 0 {
			yield(keys, nil)
		}
	}
}

func (m *Memory) keys() []StoredKey {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var keys []StoredKey
	add := func(name, kind string) { keys = append(keys, StoredKey{name, kind, m.expires[name]}) }
	for name := range m.records {
		add(name, "hash")
	}
	for name := range m.sets {
		add(name, "set")
	}
	for name := range m.names {
		add(name, "string")
	}
	for name := range m.other {
		add(name, "list")
	}
	if len(m.revoked) > 0 {
		add(RevokedRef.Key(), "zset")
	}
	if len(m.stream) > 0 {
		add(ChangesKey, "stream")
	}
	return keys
}

// Members implements Inventory, in one page.
func (m *Memory) Members(ctx context.Context, set string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(nil, fmt.Errorf("registry: list %s: %w: %w", set, ErrUnavailable, err))
			return
		}
		m.mu.RLock()
		other, members := m.other[set], slices.Collect(maps.Keys(m.sets[set]))
		m.mu.RUnlock()
		switch {
		case other:
			yield(nil, WrongType(set))
		case len(members) > 0:
			yield(members, nil)
		}
	}
}

// Values implements Inventory.
func (m *Memory) Values(ctx context.Context, names ...string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("registry: values: %w: %w", ErrUnavailable, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = m.names[name]
	}
	return values, nil
}

// Listed implements Inventory.
func (m *Memory) Listed(ctx context.Context, indexes ...Index) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("registry: listed: %w: %w", ErrUnavailable, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	listed := make([]bool, len(indexes))
	for i, index := range indexes {
		listed[i] = m.sets[index.Set][index.Member]
	}
	return listed, nil
}
