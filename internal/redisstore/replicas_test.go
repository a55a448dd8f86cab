package redisstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// replicaOf starts a Redis that copies another, and waits until it does.
func replicaOf(t *testing.T, server *parts.RedisServer) *parts.RedisServer {
	t.Helper()
	host, port, _ := strings.Cut(server.Addr(), ":")
	replica := parts.Redis(t, "--replicaof", host+" "+port)
	parts.Await(t, 30*time.Second, "a replica that is in step", func() error {
		if info := server.CLI("INFO", "replication"); !strings.Contains(info, "state=online") {
			return errors.New(info)
		}
		return nil
	})
	return replica
}

// primary is a Redis that sends what it has to its replicas at once.
func primary(t *testing.T) *parts.RedisServer {
	t.Helper()
	return parts.Redis(t, "--repl-diskless-sync-delay", "0")
}

func replicated(t *testing.T, server *parts.RedisServer, replicas int) *Store {
	t.Helper()
	openRegistry(t, server.URL())
	return open(t, Options{URL: credential.NewSecret(server.URL()), Clock: testClock, Replicas: replicas})
}

// acknowledged makes a commit, and gives how many replicas have it.
func acknowledged(t *testing.T, store *Store, id registry.ClientID, within time.Duration) int {
	t.Helper()
	position := mustCommit(t, store, testCommit("create", registry.Edit{Now: testClient(id)}))
	count, err := store.Acknowledged(t.Context(), position, within)
	if err != nil {
		t.Errorf("Acknowledged: %v", err)
	}
	return count
}

func TestAcknowledged(t *testing.T) {
	server := primary(t)
	store := replicated(t, server, 1)
	if count := acknowledged(t, store, "none", 50*time.Millisecond); count != 0 {
		t.Errorf("without a replica: got %d, want 0", count)
	}

	replica := replicaOf(t, server)
	begin := time.Now()
	if count := acknowledged(t, store, "one", 30*time.Second); count != 1 || time.Since(begin) > 10*time.Second {
		t.Errorf("with one: got %d after %v, want 1 at once", count, time.Since(begin))
	}
	if found := replica.CLI("HGET", "{credence}:client:one", "id"); found != "one" {
		t.Errorf("the replica has %q, want what it has acknowledged", found)
	}
	two := open(t, Options{URL: credential.NewSecret(server.URL()), Clock: testClock, Replicas: 2})
	if count := acknowledged(t, two, "two", 50*time.Millisecond); count != 1 {
		t.Errorf("where two are wanted and one is there: got %d, want 1", count)
	}

	// One that hangs is connected, and has nothing.
	replica.Pause()
	position := mustCommit(t, store, testCommit("create", registry.Edit{Now: testClient("hangs")}))
	if count, err := store.Acknowledged(t.Context(), position, 50*time.Millisecond); count != 0 || err != nil {
		t.Errorf("a replica that hangs: got %d, %v, want 0", count, err)
	}
	// Whoever asks again has no such connection any more.
	if count, err := store.Acknowledged(t.Context(), position, 50*time.Millisecond); count != 0 || err != nil {
		t.Errorf("asked again: got %d, %v, want 0", count, err)
	}
	replica.Resume()
	if count, err := store.Acknowledged(t.Context(), position, 30*time.Second); count != 1 || err != nil {
		t.Errorf("it goes on: got %d, %v, want 1", count, err)
	}
}

// Only the last commit's connection is kept, and each goes back in the end.
func TestAcknowledgedTakesNoConnections(t *testing.T) {
	server := primary(t)
	replicaOf(t, server)
	openRegistry(t, server.URL())
	store := open(t, Options{URL: credential.NewSecret(server.URL()), Clock: testClock, Replicas: 1, Connections: 2, Timeout: 10 * time.Second})
	var position registry.Position
	for i := range 5 {
		position = mustCommit(t, store, testCommit("create", registry.Edit{Now: testClient(registry.ClientID(fmt.Sprintf("c%d", i)))}))
	}
	if count, err := store.Acknowledged(t.Context(), position, 10*time.Second); count != 1 || err != nil {
		t.Errorf("of the last of five: got %d, %v, want 1", count, err)
	}
	_, err := store.Commit(t.Context(), testCommit("create", registry.Edit{Now: testClient("c0")}))
	if !errors.Is(err, registry.ErrExists) {
		t.Errorf("Commit of what is there: got %v, want %v", err, registry.ErrExists)
	}
	for range 3 {
		if _, err := store.Read(t.Context(), registry.RootRef); err != nil {
			t.Errorf("Read behind all: %v", err)
		}
	}
}

func TestAcknowledgedWithoutRedis(t *testing.T) {
	server := primary(t)
	store := replicated(t, server, 1)
	position := mustCommit(t, store, testCommit("create", registry.Edit{Now: testClient("acme")}))
	server.Stop()
	for _, which := range []registry.Position{position, {Entry: "5-0"}} {
		if count, err := store.Acknowledged(t.Context(), which, time.Second); !errors.Is(err, registry.ErrUnavailable) || count != 0 {
			t.Errorf("%v: got %d, %v, want %v", which, count, err, registry.ErrUnavailable)
		}
	}
}
