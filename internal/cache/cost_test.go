package cache

import (
	"context"
	"net/netip"
	"testing"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/racetest"
	"credence/internal/registry"
)

// TestCostOfKnownClient holds the check of a known client to no allocation, and
// to asking nobody.
func TestCostOfKnownClient(t *testing.T) {
	peppers := peppersOf(t, map[credential.DigestKind]string{"h1": "one"})
	digest, err := peppers.Digest("h1", credential.NewSecret(ownToken))
	if err != nil {
		t.Fatal(err)
	}
	root := registry.Fields{"id": "first", "schema": "1", "digests": "s1", "check_h1": checkOf(t, peppers, "h1")}
	for name, test := range map[string]struct {
		digests string
	}{
		"plain digest":     {"s1"},
		"digest by pepper": {"h1"},
		"both":             {"h1 s1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSubject(t, Options{Peppers: peppers})
			root["digests"] = test.digests
			s.memory.Put(registry.RootRef, root)
			s.memory.Put(registry.TokenRef(digest), registry.Fields{
				"digest": string(digest), "id": "0123456789", "client": "acme", "profile": "partner", "state": "active", "created_at": "2026-01-01T00:00:00Z",
			})
			s.Join(s.dial.read())
			if err := s.startAtTail(); err != nil {
				t.Fatal(err)
			}
			s.decides(ownToken, authz.Allowed, 2)
			ctx, request, token := context.Background(), present(ownToken), credential.NewSecret(ownToken)
			most := 0.0
			if racetest.Enabled {
				most = 4 // pools forget on purpose then
			}
			holds := func(what string, do func() bool) {
				t.Helper()
				good := true
				if got := testing.AllocsPerRun(500, func() { good = do() && good }); got > most || !good {
					t.Errorf("%s: %v allocations, want %v at most; answered %v", what, got, most, good)
				}
			}
			holds("a check", func() bool { return s.check.Check(ctx, noon, request).Reason == authz.Allowed })
			holds("the token", func() bool {
				_, err := s.Token(ctx, netip.Addr{}, token)
				return err == nil
			})
			holds("its client and profile", func() bool {
				client, profile, _ := s.Owner(ctx, "acme", "partner", false)
				return client.Err == nil && profile.Err == nil
			})
			if made := len(s.source.reads()); made != 2 {
				t.Errorf("known clients were read for %d times", made-2)
			}
		})
	}
}
