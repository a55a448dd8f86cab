package redisstore

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

var someRefs = []registry.Ref{registry.RootRef, registry.ClientRef("acme"), registry.ProfileRef("partner")}

// roundTrips counts what a client sends.
type roundTrips struct{ n atomic.Int64 }

func (r *roundTrips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (r *roundTrips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		r.n.Add(1)
		return next(ctx, command)
	}
}

func (r *roundTrips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		r.n.Add(1)
		return next(ctx, commands)
	}
}

func TestReadIsOneRoundTrip(t *testing.T) {
	store := openRegistry(t, parts.Redis(t).URL())
	var trips roundTrips
	store.client().AddHook(&trips)
	for range 3 {
		if _, err := store.Read(t.Context(), someRefs...); err != nil {
			t.Fatal(err)
		}
		if _, _, err := store.ReadThrough(t.Context(), someRefs...); err != nil {
			t.Fatal(err)
		}
	}
	if n := trips.n.Load(); n != 6 {
		t.Errorf("6 reads of %d refs: got %d round trips, want 6", len(someRefs), n)
	}
}

// cannotRead wants that every way to read says that nobody knows, never that
// there is nothing; it gives what Read says.
func cannotRead(t *testing.T, store *Store) error {
	t.Helper()
	var first error
	calls := map[string]func() error{
		"Ping":    func() error { return store.Ping(t.Context()) },
		"Read":    func() error { _, first = store.Read(t.Context(), someRefs...); return first },
		"Through": func() error { _, _, err := store.ReadThrough(t.Context(), someRefs...); return err },
		"Extent":  func() error { _, err := store.Extent(t.Context()); return err },
		"Clients": func() error { _, err := store.Clients(t.Context()); return err },
		"Digests": func() error { _, err := store.Digests(t.Context(), "0123456789", "abcdefghij"); return err },
		"Set":     func() error { _, err := store.Read(t.Context(), registry.RevokedRef); return err },
		"Revoked": func() error { _, err := store.RevokedUntil(t.Context(), registry.JTIOf("acme", "1")); return err },
		"KeysOf":  func() error { _, err := store.KeysOf(t.Context(), "acme"); return err },
		"Values":  func() error { _, err := store.Values(t.Context(), "token-id:0123456789"); return err },
		"Listed":  func() error { _, err := store.Listed(t.Context(), registry.IndexOf(testClient("acme"))); return err },
		"Changes": func() error { _, err := store.ChangesAfter(t.Context(), "", 1); return err },
		"Feed": func() error {
			_, err := openFeed(t, store, time.Millisecond).Next(t.Context(), registry.Position{})
			return err
		},
		"Keys": func() (last error) {
			for _, last = range store.Keys(t.Context()) {
			}
			return last
		},
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("%s: got error %v, want %v", name, err, registry.ErrUnavailable)
		}
	}
	return first
}

func TestReadFromARedisThatHangs(t *testing.T) {
	server := parts.Redis(t)
	url := credential.NewSecret(server.URL())
	const timeout = 50 * time.Millisecond
	warm := open(t, Options{URL: url, Timeout: timeout})
	parts.Await(t, 10*time.Second, "a first read", func() error { return warm.Ping(t.Context()) })
	cold := open(t, Options{URL: url, Timeout: timeout})
	patient := open(t, Options{URL: url})
	parts.Await(t, 10*time.Second, "a first read", func() error { return patient.Ping(t.Context()) })
	server.Pause()
	hurried, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	tests := []struct {
		name  string
		ctx   context.Context
		store *Store
	}{
		{"a deadline of the caller", hurried, patient},
		{"a connection made before", t.Context(), warm},
		{"a connection to be made", t.Context(), cold},
	}
	for _, test := range tests {
		start := time.Now()
		_, err := test.store.Read(test.ctx, someRefs...)
		if took := time.Since(start); took > 10*timeout {
			t.Errorf("%s: Read took %v, want about %v", test.name, took, timeout)
		}
		if !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "no answer in time") {
			t.Errorf("%s: got error %v, want %v and why", test.name, err, registry.ErrUnavailable)
		}
	}
	server.Resume()
	for _, store := range []*Store{warm, cold, patient} {
		parts.Await(t, 10*time.Second, "a read after the pause", func() error {
			_, err := store.Read(t.Context(), someRefs...)
			return err
		})
	}
}

func TestReadFromARedisThatIsNotThere(t *testing.T) {
	store := open(t, Options{URL: credential.NewSecret("redis://" + closedPort(t))})
	start := time.Now()
	_, err := store.Read(t.Context(), someRefs...)
	if took := time.Since(start); took > 300*time.Millisecond { // go-redis by itself tries for 400 ms and more
		t.Errorf("Read took %v, want it to fail at once", took)
	}
	if !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("Read: got %v, want that the connection was refused", err)
	}
	_ = cannotRead(t, store)
}

func TestReadAfterRedisCameBack(t *testing.T) {
	server := parts.Redis(t)
	store := open(t, Options{URL: credential.NewSecret(server.URL())})
	if err := store.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	_ = cannotRead(t, store)
	server.Restart()
	parts.Await(t, 10*time.Second, "a read after the restart", func() error {
		_, err := store.Read(t.Context(), someRefs...)
		return err
	})
}

func TestReadFromARedisThatRefusesUs(t *testing.T) {
	server := parts.Redis(t)
	server.CLI("ACL", "SETUSER", "app", "on", ">right", "~{credence}:*", "+@all")
	server.CLI("ACL", "SETUSER", "blind", "on", ">right", "~other:*", "+@all")
	server.CLI("ACL", "SETUSER", "default", "resetpass", ">right")
	tests := []struct{ name, user, password, says string }{
		{"wrong password", "", "hunter2", "WRONGPASS"},
		{"wrong password of a user", "app", "hunter2", "WRONGPASS"},
		{"unknown user", "nobody", "hunter2", "WRONGPASS"},
		{"no password", "", "", "NOAUTH"},
		{"no right to the keys", "blind", "right", "NOPERM"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, database := range []string{"/0", "/1"} {
				options := Options{URL: credential.NewSecret("redis://" + server.Addr() + database), Username: test.user}
				if test.password != "" {
					options.Password = func() (credential.Secret, error) { return credential.NewSecret(test.password), nil }
				}
				store := open(t, options)
				_, err := store.Read(t.Context(), someRefs...)
				if !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("Read: got error %v, want %v with %s", err, registry.ErrUnavailable, test.says)
				}
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("Read: the error tells the password: %v", err)
				}
				if _, err := store.Digests(t.Context(), "0123456789"); !errors.Is(err, registry.ErrUnavailable) {
					t.Errorf("Digests: got error %v", err)
				}
				if _, err := store.TokensOf(t.Context(), "acme"); !errors.Is(err, registry.ErrUnavailable) {
					t.Errorf("TokensOf: got error %v", err)
				}
			}
		})
	}
}

// A reply of its own to one command of many must fail the whole call.
func TestReadWithoutTheRightToOneKey(t *testing.T) {
	server := parts.Redis(t)
	store := openRegistry(t, server.URL())
	mustCommit(t, store, testCommit("create", registry.Edit{Now: testClient("acme")}))
	server.CLI("ACL", "SETUSER", "half", "on", ">open", "~{credence}:registry", "~{credence}:client:*", "+@all")
	half := open(t, Options{URL: credential.NewSecret("redis://half:open@" + server.Addr()), Clock: testClock})
	if entries, err := half.Read(t.Context(), someRefs[:2]...); err != nil || entries[1].Record == nil {
		t.Errorf("Read of what may be read: got %v, error %v", entries, err)
	}
	if entries, err := half.Read(t.Context(), someRefs...); !errors.Is(err, registry.ErrUnavailable) || entries != nil {
		t.Errorf("Read of what may not be read: got %v, error %v, want %v", entries, err, registry.ErrUnavailable)
	}
	entries, through, err := half.ReadThrough(t.Context(), someRefs[:2]...)
	if !errors.Is(err, registry.ErrUnavailable) || entries != nil || through != "" {
		t.Errorf("ReadThrough without the right to the change stream: got %v, %q, error %v, want %v", entries, through, err, registry.ErrUnavailable)
	}
}

func TestPasswordIsReadAgain(t *testing.T) {
	server := parts.Redis(t, "--requirepass", "first")
	file := filepath.Join(t.TempDir(), "password")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store := open(t, Options{URL: credential.NewSecret(server.URL()), Password: func() (credential.Secret, error) {
		text, err := os.ReadFile(file)
		return credential.NewSecret(string(text)), err
	}})
	if err := cannotRead(t, store); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Read without the file: got %v, want %v", err, os.ErrNotExist)
	}
	write("")
	if err := cannotRead(t, store); !strings.Contains(err.Error(), "password is empty") {
		t.Errorf("Read with an empty file: got %v, want that the password is empty", err)
	}
	write("first")
	if err := store.Ping(t.Context()); err != nil {
		t.Fatalf("Ping: %v", err)
	}
	server.CLI("-a", "first", "CONFIG", "SET", "requirepass", "second")
	server.CLI("-a", "second", "CLIENT", "KILL", "TYPE", "normal")
	write("second")
	if err := store.Ping(t.Context()); err != nil {
		t.Errorf("Ping after the password changed: %v", err)
	}
}

func TestSocketAndDatabase(t *testing.T) {
	server := parts.Redis(t)
	server.CLI("-n", "3", "HSET", "{credence}:client:acme", "id", "acme", "state", "active", "created_at", "2026-01-01T00:00:00Z")
	urls := map[string]bool{
		"unix://" + server.Socket() + "?db=3": true,
		"unix://" + server.Socket():           false,
		"redis://" + server.Addr() + "/3":     true,
		"redis://" + server.Addr() + "/0":     false,
	}
	for url, there := range urls {
		entry := entryOf(t, open(t, Options{URL: credential.NewSecret(url)}), registry.ClientRef("acme"))
		if (entry.Record != nil) != there {
			t.Errorf("%s: got record %v, want one: %v", url, entry.Record, there)
		}
	}
}

func TestReadFromWhatIsNoRedis(t *testing.T) {
	address := serve(t, func(conn net.Conn) {
		buffer := make([]byte, 4096)
		for {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
			if _, err := conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")); err != nil {
				return
			}
		}
	})
	_ = cannotRead(t, open(t, Options{URL: credential.NewSecret("redis://" + address), Timeout: time.Second}))
}

// TestReadWithoutATurn has five ask at once over one connection to a Redis that
// hangs: one of them waits for its answer, and nobody came to ask for the rest.
func TestReadWithoutATurn(t *testing.T) {
	server := parts.Redis(t)
	store := open(t, Options{URL: credential.NewSecret(server.URL()), Connections: 1, Timeout: time.Second, Turn: 20 * time.Millisecond})
	parts.Await(t, 10*time.Second, "a first read", func() error { return store.Ping(t.Context()) })
	server.Pause()
	const asking = 5
	errs := make(chan error, asking)
	for range asking {
		go func() {
			_, err := store.Read(t.Context(), someRefs...)
			errs <- err
		}()
	}
	var overloaded, unavailable int
	for range asking {
		switch err := <-errs; {
		case errors.Is(err, registry.ErrOverloaded):
			overloaded++
		case errors.Is(err, registry.ErrUnavailable):
			unavailable++
		}
	}
	if overloaded != asking-1 || unavailable != 1 {
		t.Errorf("%d were overloaded and %d unavailable, want %d and 1", overloaded, unavailable, asking-1)
	}
}
