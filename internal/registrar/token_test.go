package registrar

import (
	"fmt"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"

	"github.com/google/go-cmp/cmp"
)

func TestIssuedTokenIsFoundByItsIDAndDigest(t *testing.T) {
	d := stocked(t)
	allow, err := registry.ParseNetworks("10.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	issued, err := d.IssueToken(t.Context(), alice, registry.Token{
		Client: "acme", Profile: "partner", Label: "ci", Allow: allow, NotBefore: noon, Expires: noon.Add(time.Hour),
		ID: "0000000000", Digest: "s1:forged", State: registry.Revoked, ReplacedBy: "1111111111",
	})
	if err != nil {
		t.Fatal(err)
	}
	id, whole := credential.IdentifyToken(issued.Token)
	if !whole || id != issued.Record.ID || id == "0000000000" {
		t.Errorf("token of id %q (whole: %v), record of id %q", id, whole, issued.Record.ID)
	}
	item, err := d.Token(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	want := registry.Fields{
		"digest": string(issued.Record.Digest), "id": string(id), "client": "acme", "profile": "partner", "state": "active",
		"state_by": "alice", "state_at": "2026-01-31T12:00:00Z", "state_reason": "because", "label": "ci", "allow": "10.0.0.0/8",
		"created_at": "2026-01-31T12:00:00Z", "not_before": "2026-01-31T12:00:00Z", "expires_at": "2026-01-31T13:00:00Z",
	}
	if diff := cmp.Diff(want, item.Fields); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if issued.Client.ID != "acme" || issued.Profile.ID != "partner" {
		t.Errorf("owners: got %q and %q", issued.Client.ID, issued.Profile.ID)
	}
}

func TestTokenIsIssuedToADisabledClient(t *testing.T) {
	d := stocked(t)
	if _, err := d.DisableClient(t.Context(), alice, "acme"); err != nil {
		t.Fatal(err)
	}
	issued, err := d.IssueToken(t.Context(), alice, registry.Token{Client: "acme", Profile: "partner"})
	if err != nil || issued.Client.State != registry.Disabled {
		t.Errorf("got state %v, error %v: a client may be prepared while it is off", issued.Client, err)
	}
}

func TestListsGoThroughAllPages(t *testing.T) {
	d := stocked(t)
	const many = 2*page + 1
	var clients, tokens []string
	for i := range many {
		id := fmt.Sprintf("c%04d", i)
		d.memory.Put(registry.ClientRef(registry.ClientID(id)), registry.Fields{"id": id, "state": "active", "created_at": "2026-01-31T11:00:00Z"})
		d.memory.PutMember(registry.ClientsKey, id)
		clients = append(clients, "client/"+id)
		if i >= page+1 {
			continue
		}
		digest := fmt.Sprintf("s1:%064x", i)
		token := fmt.Sprintf("t%09d", i)
		d.memory.Put(registry.TokenRef(credential.Digest(digest)), registry.Fields{
			"digest": digest, "id": token, "client": "c0000", "profile": "partner", "state": "active", "created_at": "2026-01-31T11:00:00Z",
		})
		d.memory.PutMember(registry.TokensOfKey("c0000"), token)
		d.memory.PutName(registry.TokenIDKey(credential.TokenID(token)), digest)
		tokens = append(tokens, "token/"+token)
	}
	d.memory.PutMember(registry.ClientsKey, "ghost")                // an index entry without a record
	d.memory.PutMember(registry.TokensOfKey("c0000"), "z000000000") // one without a digest
	broken := registry.ClientRef("d-broken")
	d.memory.Put(broken, registry.Fields{"id": "d-broken"})
	d.memory.PutMember(registry.ClientsKey, "d-broken")

	names, invalid := collect(t, d.Clients(t.Context()))
	if diff := cmp.Diff(append(append([]string{"client/acme"}, clients...), "client/d-broken"), names); diff != "" {
		t.Errorf("clients (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"client/d-broken"}, invalid); diff != "" {
		t.Errorf("invalid (-want +got):\n%s", diff)
	}
	for what, client := range map[string]registry.ClientID{"of one client": "c0000", "of all": ""} {
		names, _ := collect(t, d.Tokens(t.Context(), client))
		if diff := cmp.Diff(tokens, names); diff != "" {
			t.Errorf("tokens %s (-want +got):\n%s", what, diff)
		}
	}
	if names, _ := collect(t, d.Profiles(t.Context())); len(names) != 1 || names[0] != "profile/partner" {
		t.Errorf("profiles: got %v", names)
	}
	for item, err := range d.Clients(t.Context()) { // who stops is not called again
		if err != nil || item.Name() != "client/acme" {
			t.Errorf("first: got %q, %v", item.Name(), err)
		}
		break
	}
}

func collect(t *testing.T, items Items) (names, invalid []string) {
	t.Helper()
	for item, err := range items {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, item.Name())
		if item.Invalid != nil {
			invalid = append(invalid, item.Name())
		}
	}
	return names, invalid
}

func TestTokensOfAStranger(t *testing.T) {
	d := stocked(t)
	err := last(d.Tokens(t.Context(), "nobody"))
	if err == nil || err.Error() != "client/nobody: no such client" {
		t.Errorf("got %v", err)
	}
}
