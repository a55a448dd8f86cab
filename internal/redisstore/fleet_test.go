package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/fleet"
	"credence/internal/fleet/fleettest"
	"credence/internal/registry"
)

func TestFleet(t *testing.T) {
	t.Run("redis-server", func(t *testing.T) { conformFleet(t, parts.Redis(t).URL()) })
	t.Run("miniredis", func(t *testing.T) { conformFleet(t, "redis://"+miniredis.RunT(t).Addr()) })
}

// conformFleet runs the suite of all stores, each test under a prefix of its own.
func conformFleet(t *testing.T, url string) {
	raw := rawClient(t, url)
	var fixtures atomic.Int64
	fleettest.Run(t, func(t *testing.T) fleettest.Fixture {
		prefix := fmt.Sprintf("{test-%d}:", fixtures.Add(1))
		do := func(command, key string, args ...any) {
			t.Helper()
			if err := raw.Do(context.Background(), append([]any{command, prefix + key}, args...)...).Err(); err != nil {
				t.Fatalf("%s %s %v: %v", command, key, args, err)
			}
		}
		return fleettest.Fixture{
			Store: open(t, Options{URL: credential.NewSecret(url), Prefix: prefix}),
			Put:   func(name string, beat time.Time) { do("ZADD", "fleet", beat.Unix(), name) },
			PutHash: func(name string, fields registry.Fields) {
				do("DEL", "server:"+name)
				for field, value := range fields {
					do("HSET", "server:"+name, field, value)
				}
			},
			TakeOff:     func(name string) { do("ZREM", "fleet", name) },
			Tell:        func(entry string) { do("XADD", "changes", entry, "keys", "client:acme") },
			ResetStream: func() { do("DEL", "changes") },
		}
	})
}

// What is in Redis is what docs/registry.md says: other programs read it.
func TestFleetAsItStandsInRedis(t *testing.T) {
	server := parts.Redis(t)
	store, raw := open(t, Options{URL: credential.NewSecret(server.URL())}), rawClient(t, server.URL())
	self := fleet.Server{Name: "web-1", Boot: "b", StaleFor: 5 * time.Minute, Schema: 1, Version: "v1", Started: testTime}
	if err := store.Join(t.Context(), self); err != nil {
		t.Fatal(err)
	}
	is := func(want map[string]string) {
		t.Helper()
		got, err := raw.HGetAll(t.Context(), "{credence}:server:web-1").Result()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("server:web-1: %v (-want +got):\n%s", err, diff)
		}
	}
	want := map[string]string{"boot": "b", "stale_for": "5m0s", "schema": "1", "version": "v1", "started_at": "2026-03-01T12:00:00Z"}
	is(want)
	if err := store.Beat(t.Context(), "web-1", "5-0", []string{"client:acme", "token:s1:00"}); err != nil {
		t.Fatal(err)
	}
	want["applied"], want["withheld"] = "5-0", "client:acme token:s1:00"
	is(want)
	now, err := raw.Time(t.Context()).Result()
	if score := raw.ZScore(t.Context(), "{credence}:fleet", "web-1").Val(); err != nil || score < float64(now.Unix()-10) || score > float64(now.Unix()) {
		t.Errorf("fleet: got score %v, want the Unix seconds of a moment ago (now %v)", score, now)
	}
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf("client:c%d", i)
	}
	if err := store.Beat(t.Context(), "web-1", "5-0", many); err != nil {
		t.Fatal(err)
	}
	want["withheld"] = strings.Join(many[:100], " ")
	is(want)
	if _, servers, err := store.List(t.Context()); err != nil || len(servers) != 1 || len(servers[0].Withheld) != 100 {
		t.Errorf("List: got %v, %v, want the server with 100 records that it withholds", servers, err)
	}
}

func TestFleetBeatsWhereRedisTakesNoWrites(t *testing.T) {
	server := parts.Redis(t)
	store := open(t, Options{URL: credential.NewSecret(server.URL())})
	seat := fleet.NewSeat(store, fleet.SeatOptions{StaleFor: time.Minute, Host: "here"})
	server.CLI("CONFIG", "SET", "maxmemory", "1")
	if err := seat.Join(t.Context()); err != nil {
		t.Fatalf("Join where Redis is full: %v", err)
	}
	if err := seat.Beat(t.Context(), "5-0", []string{"client:acme"}); err != nil {
		t.Errorf("Beat where Redis is full: %v", err)
	}
	server.CLI("CONFIG", "SET", "maxmemory", "0")
	server.CLI("REPLICAOF", "127.0.0.1", "1")
	if err := seat.Beat(t.Context(), "5-0", nil); err == nil || IsFull(err) {
		t.Errorf("Beat to a replica: got %v, want an error, and not that it is full", err)
	}
	server.CLI("REPLICAOF", "NO", "ONE")

	// A snapshot that cannot be written: Redis then takes no writes at all.
	server.FailSnapshots()
	if err := seat.Beat(t.Context(), "5-0", nil); !IsFull(err) {
		t.Errorf("Beat where Redis cannot save: got %v, want that IsFull tells it", err)
	}
}

func TestFleetOfAnotherType(t *testing.T) {
	server := parts.Redis(t)
	store := open(t, Options{URL: credential.NewSecret(server.URL())})
	self := fleet.Server{Name: "a", Boot: "b", StaleFor: time.Minute, Started: testTime}
	if err := store.Join(t.Context(), self); err != nil {
		t.Fatal(err)
	}
	server.CLI("DEL", "{credence}:server:a")
	server.CLI("SET", "{credence}:server:a", "x")
	_, servers, err := store.List(t.Context())
	if err != nil || len(servers) != 1 || !errors.Is(servers[0].Invalid, registry.ErrInvalid) || servers[0].StaleFor != fleet.LongestStaleFor {
		t.Errorf("server:a is a string: List: got %+v, %v", servers, err)
	}
	if err := store.Beat(t.Context(), "a", "5-0", nil); err == nil || errors.Is(err, registry.ErrNotListed) {
		t.Errorf("server:a is a string: Beat: got %v, want an error of its own", err)
	}
	server.CLI("DEL", "{credence}:fleet")
	server.CLI("ZADD", "{credence}:fleet", "inf", "late", "-5", "early", "1.5e9", "b")
	sight, err := store.Look(t.Context(), "5-0", []string{"a"})
	if err != nil || len(sight.Servers) != 3 || sight.Servers[0].Beat.Unix() != 1500000000 || sight.Servers[1].Beat.Unix() != 0 || !sight.Servers[2].Beat.Equal(latestBeat) {
		t.Errorf("odd times: got %+v, %v", sight.Servers, err)
	}
	if diff := cmp.Diff([]string{"a"}, sight.Remains); diff != "" {
		t.Errorf("who is not listed, and of whom something stands there (-want +got):\n%s", diff)
	}
	server.CLI("DEL", "{credence}:fleet")
	server.CLI("SET", "{credence}:fleet", "x")
	if _, _, err := store.List(t.Context()); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("fleet is a string: List: got %v, want %v", err, registry.ErrInvalid)
	}
	if err := store.Join(t.Context(), self); err == nil || server.CLI("TYPE", "{credence}:server:a") != "string" {
		t.Errorf("fleet is a string: Join: got %v, want an error before anything is written", err)
	}
	server.Stop()
	if _, _, err := store.List(t.Context()); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("without Redis: List: got %v, want %v", err, registry.ErrUnavailable)
	}
}
