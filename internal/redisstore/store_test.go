package redisstore

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
	"credence/internal/registry/registrytest"
)

func TestStore(t *testing.T) {
	t.Run("redis-server", func(t *testing.T) { conform(t, parts.Redis(t).URL()) })
	t.Run("miniredis", func(t *testing.T) { conform(t, "redis://"+miniredis.RunT(t).Addr()) })
}

// conform runs the suite of all stores, each test under a prefix of its own.
func conform(t *testing.T, url string) {
	raw := rawClient(t, url)
	var fixtures atomic.Int64
	registrytest.Run(t, func(t *testing.T, clock func() time.Time) registrytest.Fixture {
		prefix := fmt.Sprintf("{test-%d}:", fixtures.Add(1))
		// The embedded server takes its time over a large commit, on a busy machine.
		store := open(t, Options{URL: credential.NewSecret(url), Prefix: prefix, Clock: clock, Timeout: time.Minute})
		return fixtureOf(t, raw, prefix, store)
	})
}

// fixtureOf gives the hands of another program in a registry.
func fixtureOf(t *testing.T, raw *redis.Client, prefix string, store *Store) registrytest.Fixture {
	do := func(commands ...[]any) {
		t.Helper()
		for _, command := range commands {
			command[1] = prefix + command[1].(string)
			if err := raw.Do(context.Background(), command...).Err(); err != nil {
				t.Fatalf("%v: %v", command, err)
			}
		}
	}
	return registrytest.Fixture{
		Store: store,
		Feed:  func(round time.Duration) registry.Feed { return openFeed(t, store, round) },
		Put: func(ref registry.Ref, fields registry.Fields) {
			do([]any{"DEL", ref.Key()})
			for field, value := range fields {
				do([]any{"HSET", ref.Key(), field, value})
			}
		},
		PutMember: func(set, member string) { do([]any{"SADD", set, member}) },
		PutName:   func(name, value string) { do([]any{"SET", name, value}) },
		PutRevoked: func(forget int64, members ...string) {
			command := []any{"ZADD", "revoked-jtis"}
			for _, member := range members {
				command = append(command, forget, member)
			}
			do(command)
		},
		PutOtherType: func(key string) { do([]any{"DEL", key}, []any{"RPUSH", key, "a list"}) },
		Remove:       func(key string) { do([]any{"DEL", key}) },
		Expire:       func(key string) { do([]any{"PEXPIRE", key, 3600000}) },
		Tell: func(fields registry.Fields) {
			command := []any{"XADD", "changes", "*"}
			for field, value := range fields {
				command = append(command, field, value)
			}
			do(command)
		},
		Forget: func(keep int) { do([]any{"XTRIM", "changes", "MAXLEN", keep}) },
	}
}

// open makes a store that is closed after the test.
func open(t *testing.T, options Options) *Store {
	t.Helper()
	if options.Prefix == "" {
		options.Prefix = "{credence}:"
	}
	store, err := Open(options)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return store
}

// openFeed makes a feed that is closed after the test.
func openFeed(t *testing.T, store *Store, round time.Duration) *Feed {
	t.Helper()
	feed, err := store.Feed(round)
	if err != nil {
		t.Fatalf("Feed: %v", err)
	}
	t.Cleanup(func() {
		if err := feed.Close(); err != nil {
			t.Errorf("Close of a feed: %v", err)
		}
	})
	return feed
}

// rawClient is how a test looks past the store.
func rawClient(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("raw client: %v", err)
		}
	})
	return client
}
