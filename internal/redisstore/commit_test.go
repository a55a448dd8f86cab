package redisstore

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

var testTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func testClock() time.Time { return testTime }

func testClient(id registry.ClientID) *registry.Client {
	return &registry.Client{ID: id, State: registry.Active, Created: testTime}
}

func testToken(id credential.TokenID) *registry.Token {
	return &registry.Token{
		Digest: credential.Digest("s1:" + strings.Repeat("0f", 32)), ID: id, Client: "acme", Profile: "partner",
		State: registry.Active, Created: testTime,
	}
}

func testCommit(op string, edits ...registry.Edit) registry.Commit {
	return registry.Commit{Edits: edits, Op: op, By: "alice", Note: "asked for\nby phone", At: testTime}
}

// testRevocation is a commit that revokes a JWT of acme.
func testRevocation(jti string, forget time.Time) registry.Commit {
	commit := testCommit("revoke")
	commit.Revoke = []registry.Revocation{{JTI: registry.JTIOf("acme", jti), Forget: forget}}
	return commit
}

// openRegistry opens a store and makes a registry in it.
func openRegistry(t *testing.T, url string) *Store {
	t.Helper()
	store := open(t, Options{URL: credential.NewSecret(url), Clock: testClock})
	root := &registry.Root{ID: "of-the-tests", Digests: []credential.DigestKind{credential.PlainDigest}}
	if created, err := store.Init(t.Context(), root); err != nil || !created {
		t.Fatalf("Init: got %v, %v", created, err)
	}
	return store
}

func mustCommit(t *testing.T, store *Store, commit registry.Commit) registry.Position {
	t.Helper()
	position, err := store.Commit(t.Context(), commit)
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	return position
}

func entryOf(t *testing.T, store *Store, ref registry.Ref) registry.Entry {
	t.Helper()
	entries, err := store.Read(t.Context(), ref)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return entries[0]
}

func changes(t *testing.T, raw *redis.Client) []redis.XMessage {
	t.Helper()
	entries, err := raw.XRange(t.Context(), "{credence}:changes", "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestCommitTellsTheChangeStream(t *testing.T) {
	server := parts.Redis(t)
	store, raw := openRegistry(t, server.URL()), rawClient(t, server.URL())
	if entries := changes(t, raw); len(entries) != 0 {
		t.Errorf("Init wrote to the change stream: %v", entries)
	}
	token := testToken("0123456789")
	created := mustCommit(t, store, testCommit("create", registry.Edit{Now: testClient("acme")}, registry.Edit{Now: token}))
	if _, err := store.Commit(t.Context(), testCommit("create", registry.Edit{Now: testClient("acme")})); !errors.Is(err, registry.ErrExists) {
		t.Fatalf("second create: got %v", err)
	}
	disabled := *testClient("acme")
	disabled.State = registry.Disabled
	quiet := registry.Commit{Op: "disable", At: testTime, Edits: []registry.Edit{{Was: entryOf(t, store, disabled.Ref()), Now: &disabled}}}
	switchedOff := mustCommit(t, store, quiet)

	want := []redis.XMessage{
		{ID: created.Entry, Values: map[string]any{
			"seq": "1", "keys": "client:acme token:" + string(token.Digest), "op": "create", "by": "alice",
			"at": "2026-03-01T12:00:00Z", "note": "asked for\nby phone",
		}},
		{ID: switchedOff.Entry, Values: map[string]any{
			"seq": "2", "keys": "client:acme", "op": "disable", "by": "", "at": "2026-03-01T12:00:00Z", "note": "",
		}},
	}
	if diff := cmp.Diff(want, changes(t, raw), cmp.FilterPath(func(p cmp.Path) bool {
		return p.Last().String() == ".MillisElapsedFromDelivery" || p.Last().String() == ".DeliveredCount"
	}, cmp.Ignore())); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestCommitTellsBeforeItWrites(t *testing.T) {
	server := parts.Redis(t)
	store, raw := openRegistry(t, server.URL()), rawClient(t, server.URL())
	// A user who may do all but HSET makes the script fail at the first record.
	server.CLI("ACL", "SETUSER", "halfway", "on", ">open sesame", "~*", "+@all", "-hset")
	halfway := open(t, Options{URL: credential.NewSecret("redis://halfway:open%20sesame@" + server.Addr())})
	_, err := halfway.Commit(t.Context(), testCommit("create", registry.Edit{Now: testClient("acme")}))
	if err == nil || errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("Commit without the right to HSET: got %v, want that Redis refused it", err)
	}
	if entry := entryOf(t, store, registry.ClientRef("acme")); entry.Fields != nil {
		t.Errorf("client:acme: got %v, want none", entry.Fields)
	}
	entries := changes(t, raw)
	if len(entries) != 1 || entries[0].Values["keys"] != "client:acme" {
		t.Errorf("changes: got %v, want the entry that tells of client:acme", entries)
	}
}

func TestCommitWhereRedisIsFull(t *testing.T) {
	server := parts.Redis(t)
	store := openRegistry(t, server.URL())
	client, token := testClient("acme"), testToken("0123456789")
	key := &registry.Key{ID: "k1", Client: "acme", Algorithm: "ES256", JWK: "{}", Profile: "partner", State: registry.Active, Created: testTime}
	binding := &registry.Binding{Issuer: "https://idp.example", Subject: "svc", Client: "acme", Profile: "partner", State: registry.Active, Created: testTime}
	mustCommit(t, store, testCommit("create", registry.Edit{Now: client}, registry.Edit{Now: token}, registry.Edit{Now: key}, registry.Edit{Now: binding}))
	server.CLI("CONFIG", "SET", "maxmemory", "1")

	_, err := store.Commit(t.Context(), testCommit("create", registry.Edit{Now: testClient("globex")}))
	if err == nil || errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "maxmemory") {
		t.Errorf("create: got %v, want an error that tells of maxmemory", err)
	}
	renamed := *client
	renamed.Name = "Acme"
	if _, err := store.Commit(t.Context(), testCommit("update", registry.Edit{Was: entryOf(t, store, client.Ref()), Now: &renamed})); err == nil {
		t.Error("update: got no error")
	}
	root := entryOf(t, store, registry.RootRef).Record.(*registry.Root)
	if root.Seq != 1 {
		t.Errorf("seq after refused commits: got %d, want 1", root.Seq)
	}

	disabled, revoked := *client, *token
	disabled.State, revoked.State = registry.Disabled, registry.Revoked
	disabled.Changed = registry.Annotation{By: "alice", At: testTime, Reason: strings.Repeat("a long reason ", 100)}
	mustCommit(t, store, testCommit("disable",
		registry.Edit{Was: entryOf(t, store, client.Ref()), Now: &disabled},
		registry.Edit{Was: entryOf(t, store, token.Ref()), Now: &revoked}))
	got := entryOf(t, store, client.Ref()).Record.(*registry.Client)
	if got.State != registry.Disabled || got.Changed.Reason != disabled.Changed.Reason {
		t.Errorf("client:acme: got %v, want it disabled", got.Fields())
	}
	if got := entryOf(t, store, token.Ref()).Record.(*registry.Token); got.State != registry.Revoked {
		t.Errorf("token: got %v, want it revoked", got.Fields())
	}
	old, removed := *key, *binding
	old.State, removed.State = registry.Revoked, registry.Revoked
	last := testCommit("revoke", registry.Edit{Was: entryOf(t, store, key.Ref()), Now: &old}, registry.Edit{Was: entryOf(t, store, binding.Ref()), Now: &removed})
	last.Revoke = testRevocation("beside", testTime.Add(time.Hour)).Revoke
	mustCommit(t, store, last)
	mustCommit(t, store, testRevocation("alone", testTime.Add(time.Hour)))
	jwts, ok := entryOf(t, store, registry.RevokedRef).Record.(*registry.Revocations)
	if !ok || !jwts.Has(registry.JTIOf("acme", "beside")) || !jwts.Has(registry.JTIOf("acme", "alone")) {
		t.Errorf("revoked JWTs: got %v, want both", jwts)
	}
	for _, ref := range []registry.Ref{key.Ref(), binding.Ref()} {
		if state := entryOf(t, store, ref).Fields["state"]; state != "revoked" {
			t.Errorf("%s: got %s, want it revoked", ref.Key(), state)
		}
	}
}

func TestCommitOfUnknownOutcome(t *testing.T) {
	store := open(t, Options{URL: credential.NewSecret("redis://" + hangUpServer(t))})
	_, err := store.Commit(t.Context(), testCommit("create", registry.Edit{Now: testClient("acme")}))
	if !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "not known whether it was done") {
		t.Errorf("Commit: got %v, want that its outcome is not known", err)
	}
}

// hangUpServer takes a connection's second command and closes it: the first is
// HELLO, which it does not know.
func hangUpServer(t *testing.T) string {
	return serve(t, func(conn net.Conn) {
		buffer := make([]byte, 4096)
		if _, err := conn.Read(buffer); err == nil {
			_, _ = conn.Write([]byte("-ERR unknown command\r\n"))
			_, _ = conn.Read(buffer)
		}
	})
}

func TestCommitThatWasNeverSent(t *testing.T) {
	store := open(t, Options{URL: credential.NewSecret("redis://" + closedPort(t)), Timeout: time.Second})
	_, err := store.Commit(t.Context(), testCommit("create", registry.Edit{Now: testClient("acme")}))
	if !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "nothing was written") {
		t.Errorf("Commit: got %v, want that nothing was written", err)
	}
}

// closedPort gives an address that nobody listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
