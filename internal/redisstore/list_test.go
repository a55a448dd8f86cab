package redisstore

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// Lists that are longer than what is asked for at a time.
func TestLongLists(t *testing.T) {
	server := parts.Redis(t)
	store, raw := open(t, Options{URL: credential.NewSecret(server.URL())}), rawClient(t, server.URL())
	var trips roundTrips
	store.client().AddHook(&trips)

	var clients []registry.ClientID
	var members []any
	for i := range 5 * scanStep {
		id := fmt.Sprintf("client-%05d", i)
		clients, members = append(clients, registry.ClientID(id)), append(members, id)
	}
	if err := raw.SAdd(t.Context(), "{credence}:clients", members...).Err(); err != nil {
		t.Fatal(err)
	}
	got, err := store.Clients(t.Context())
	if err != nil || !slices.Equal(clients, got) {
		t.Errorf("Clients: got %d, error %v, want %d in order", len(got), err, len(clients))
	}
	if n := trips.n.Swap(0); n < 3 {
		t.Errorf("Clients: got %d round trips of %d members, want them in several", n, len(clients))
	}

	var ids []credential.TokenID
	var want []credential.Digest
	var pairs []any
	for i := range 2*getStep + 1 {
		id := credential.TokenID(fmt.Sprintf("%010d", i))
		digest := credential.Digest(fmt.Sprintf("s1:%064x", i))
		if i%3 == 0 { // of a third there is none
			digest = ""
		} else {
			pairs = append(pairs, "{credence}:token-id:"+string(id), string(digest))
		}
		ids, want = append(ids, id), append(want, digest)
	}
	if err := raw.MSet(t.Context(), pairs...).Err(); err != nil {
		t.Fatal(err)
	}
	digests, err := store.Digests(t.Context(), ids...)
	if diff := cmp.Diff(want, digests); diff != "" || err != nil {
		t.Errorf("Digests: error %v (-want +got):\n%s", err, diff)
	}
	if n := trips.n.Load(); n != 3 {
		t.Errorf("Digests: got %d round trips of %d ids, want 3", n, len(ids))
	}
	if digests, err := store.Digests(t.Context()); err != nil || len(digests) != 0 {
		t.Errorf("Digests of nothing: got %v, error %v", digests, err)
	}
}
