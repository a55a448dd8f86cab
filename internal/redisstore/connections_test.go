package redisstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// connectionsOf gives the connections that there are, redis-cli's own among them.
func connectionsOf(server *parts.RedisServer) (ids []string) {
	for line := range strings.Lines(server.CLI("CLIENT", "LIST")) {
		id, _, _ := strings.Cut(line, " ")
		ids = append(ids, id)
	}
	return ids
}

func TestRenewForgetsEveryConnection(t *testing.T) {
	server := parts.Redis(t)
	store := open(t, Options{URL: credential.NewSecret(server.URL()), Timeout: time.Second})
	read := func() {
		t.Helper()
		if _, err := store.Read(t.Context(), someRefs...); err != nil {
			t.Errorf("Read: %v", err)
		}
	}
	read()
	var before []string
	parts.Await(t, 10*time.Second, "the connections in reserve", func() error {
		if before = connectionsOf(server); len(before) < 1+idleConnections {
			return fmt.Errorf("there are %v", before)
		}
		return nil
	})
	old := store.client()
	store.Renew()
	id, err := store.client().ClientID(t.Context()).Result()
	if err != nil || slices.Contains(before, fmt.Sprintf("id=%d", id)) {
		t.Errorf("asked on connection %d, error %v, which is one of %v", id, err, before)
	}
	parts.Await(t, 10*time.Second, "only new connections", func() error {
		now := connectionsOf(server)
		for _, id := range now {
			if slices.Contains(before, id) {
				return fmt.Errorf("%s is still there, among %v", id, now)
			}
		}
		// Where nobody closes them they may go by themselves, some day.
		if err := old.Ping(t.Context()).Err(); !errors.Is(err, redis.ErrClosed) {
			return errors.New("the old client is not closed")
		}
		return nil
	})
	read()

	store.Renew()
	store.Renew()
	if err := store.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	store.Renew()
	if _, err := store.Read(t.Context(), someRefs...); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("Read behind Close: got error %v, want %v", err, registry.ErrUnavailable)
	}
	parts.Await(t, 10*time.Second, "no connection", func() error {
		if now := connectionsOf(server); len(now) > 1 {
			return fmt.Errorf("there are %v", now)
		}
		return nil
	})
}

// Whatever is under way goes on as if nothing was.
func TestRenewHarmsNobody(t *testing.T) {
	server := parts.Redis(t)
	store := openRegistry(t, server.URL())
	feed := openFeed(t, store, 10*time.Millisecond)
	tracking := track(t, store)
	mustCommit(t, store, testCommit("create", registry.Edit{Now: testClient("acme")}))

	done := make(chan struct{})
	var group sync.WaitGroup
	again := func(name string, call func(i int) error) {
		group.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				if err := call(i); err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
			}
		})
	}
	again("Read", func(int) error { _, err := store.Read(t.Context(), someRefs...); return err })
	again("ReadThrough", func(int) error { _, _, err := store.ReadThrough(t.Context(), someRefs...); return err })
	again("Commit", func(i int) error {
		_, err := store.Commit(t.Context(), testCommit("create", registry.Edit{Now: testClient(registry.ClientID(fmt.Sprint("c", i)))}))
		return err
	})
	again("Clients", func(int) error { _, err := store.Clients(t.Context()); return err })
	again("Extent", func(int) error { _, err := store.Extent(t.Context()); return err })
	var position registry.Position
	again("Next", func(int) error {
		round, err := feed.Next(t.Context(), position)
		if len(round.Changes) > 0 {
			position = round.Changes[len(round.Changes)-1].Position()
		}
		return err
	})
	for range 50 {
		store.Renew()
		if err := store.Ping(t.Context()); err != nil {
			t.Errorf("Ping behind Renew: %v", err)
		}
	}
	close(done)
	group.Wait()
	tracking.stop()
	if err := tracking.end(); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("Track: %v", err)
	}
}

func TestIsFull(t *testing.T) {
	server := parts.Redis(t)
	store := openRegistry(t, server.URL())
	set := func(name, value string) {
		t.Helper()
		if answer := server.CLI("CONFIG", "SET", name, value); answer != "OK" {
			t.Fatalf("CONFIG SET %s %s: %s", name, value, answer)
		}
	}
	tests := []struct {
		name     string
		before   func()
		after    func()
		refusal  string
		wantFull bool
	}{
		{"no memory", func() { set("maxmemory", "1") }, func() { set("maxmemory", "0") }, "OOM", true},
		{"snapshots fail", server.FailSnapshots, func() { set("save", "") }, "MISCONF", true},
		{"too few replicas", func() { set("min-replicas-to-write", "1") }, func() { set("min-replicas-to-write", "0") }, "NOREPLICAS", false},
		{"a replica", func() { server.CLI("REPLICAOF", "127.0.0.1", "1") }, func() { server.CLI("REPLICAOF", "NO", "ONE") }, "READONLY", false},
		{"no right", func() { server.CLI("ACL", "SETUSER", "default", "-xadd") }, func() { server.CLI("ACL", "SETUSER", "default", "+@all") }, "", false},
		{"gone", server.Stop, func() {}, "", false},
	}
	for i, test := range tests {
		test.before()
		_, err := store.Commit(t.Context(), testCommit("create", registry.Edit{Now: testClient(registry.ClientID(fmt.Sprint("c", i)))}))
		if err == nil || !strings.Contains(err.Error(), test.refusal) || IsFull(err) != test.wantFull {
			t.Errorf("%s: got error %v, full %v, want %s, full %v", test.name, err, IsFull(err), test.refusal, test.wantFull)
		}
		test.after()
	}
	if IsFull(nil) {
		t.Error("IsFull(nil): got true")
	}
}
