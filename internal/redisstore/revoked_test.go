package redisstore

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// As many as there may be are read in one piece. How long that takes is told, not
// held to anything: the machine may be busy.
func TestReadOfAllThatMayBeRevoked(t *testing.T) {
	server := parts.Redis(t)
	raw := rawClient(t, server.URL())
	members := make([]redis.Z, registry.MaxRevoked)
	for i := range members {
		members[i] = redis.Z{Score: float64(testTime.Unix()), Member: registry.JTIOf("acme", fmt.Sprint(i)).String()}
	}
	if err := raw.ZAdd(t.Context(), "{credence}:revoked-jtis", members...).Err(); err != nil {
		t.Fatal(err)
	}
	const timeout = time.Second // of records; a server has 50 ms, and so half a second for these
	store := open(t, Options{URL: credential.NewSecret(server.URL()), Timeout: timeout})
	for range 3 {
		begin := time.Now()
		revoked, ok := entryOf(t, store, registry.RevokedRef).Record.(*registry.Revocations)
		took := time.Since(begin)
		if !ok || revoked.Len() != registry.MaxRevoked || !revoked.Has(registry.JTIOf("acme", "0")) {
			t.Fatalf("got %v, want %d revoked", revoked, registry.MaxRevoked)
		}
		t.Logf("%d revoked JWTs were read in %v", revoked.Len(), took)
	}
}

// A Redis that hangs is waited for longer where the revoked JWTs are asked for.
func TestRevokedAreWaitedForLonger(t *testing.T) {
	server := parts.Redis(t)
	const timeout = 50 * time.Millisecond
	store := open(t, Options{URL: credential.NewSecret(server.URL()), Timeout: timeout})
	parts.Await(t, 10*time.Second, "a first read", func() error { return store.Ping(t.Context()) })
	server.Pause()
	for _, refs := range [][]registry.Ref{{registry.RevokedRef}, {registry.RootRef, registry.RevokedRef}} {
		begin := time.Now()
		_, err := store.Read(t.Context(), refs...)
		if took := time.Since(begin); took < registry.LongRead(timeout) {
			t.Errorf("%v: gave up after %v, want %v at least", refs, took, registry.LongRead(timeout))
		}
		if !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("%v: got error %v, want %v", refs, err, registry.ErrUnavailable)
		}
	}
}
