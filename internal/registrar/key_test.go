package registrar

import (
	"errors"
	"testing"
	"time"

	"credence/internal/registry"

	"github.com/google/go-cmp/cmp"
)

// ed25519JWK is the public key of RFC 8037 A.2.
const ed25519JWK = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`

// signing is a stocked desk with the client globex too, and the profile api, which
// accepts JWTs.
func signing(t *testing.T) *desk {
	t.Helper()
	d := stocked(t)
	if _, err := d.CreateClient(t.Context(), alice, registry.Client{ID: "globex"}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CreateProfile(t.Context(), alice, registry.Profile{ID: "api", Accepts: registry.Kinds{Token: true, JWT: true}}); err != nil {
		t.Fatal(err)
	}
	return d
}

func draftKey(client registry.ClientID, kid registry.KeyID) registry.Key {
	return registry.Key{ID: kid, Client: client, Algorithm: "EdDSA", JWK: ed25519JWK, Profile: "api"}
}

// mustAdd adds a key.
func mustAdd(t *testing.T, d *desk, client registry.ClientID, kid registry.KeyID) Outcome {
	t.Helper()
	outcome, err := d.AddKey(t.Context(), alice, draftKey(client, kid))
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func TestKeyIsAddedAndRevoked(t *testing.T) {
	d := signing(t)
	draft := draftKey("acme", "k1")
	draft.RequireCnf, draft.Expires, draft.ManagedBy = true, noon.Add(time.Hour), "portal"
	draft.State, draft.Created = registry.Revoked, noon.Add(-time.Hour) // not looked at
	outcome, err := d.AddKey(t.Context(), alice, draft)
	if err != nil {
		t.Fatal(err)
	}
	if outcome.Name() != "key/acme/k1" || !outcome.Changed() || outcome.Commit.Op != "add" || outcome.Position.Seq != d.seq() {
		t.Errorf("add: got %s, %+v", outcome.Name(), outcome.Commit)
	}
	want := registry.Fields{
		"id": "k1", "client": "acme", "alg": "EdDSA", "jwk": ed25519JWK, "profile": "api", "state": "active", "require_cnf": "true",
		"created_at": "2026-01-31T12:00:00Z", "expires_at": "2026-01-31T13:00:00Z", "managed_by": "portal",
	}
	item, err := d.Key(t.Context(), "acme", "k1")
	if err != nil {
		t.Fatal(err)
	}
	if item.Name() != "key/acme/k1" || item.ID != "acme/k1" || item.Kind != registry.KeyKind {
		t.Errorf("item: got %s of id %s", item.Name(), item.ID)
	}
	if diff := cmp.Diff(want, item.Fields); diff != "" {
		t.Errorf("added (-want +got):\n%s", diff)
	}

	d.memory.Put(registry.KeyRef("acme", "k1"), with(want, "x_crm", "42"))
	want = with(with(want, "state", "revoked"), "x_crm", "42")
	for _, changed := range []bool{true, false} {
		before := d.seq()
		outcome, err := d.RevokeKey(t.Context(), alice, "acme", "k1")
		if err != nil || outcome.Changed() != changed || (d.seq() != before) != changed {
			t.Errorf("revoke: changed %v, error %v, want %v", outcome.Changed(), err, changed)
		}
		if changed && (!outcome.Commit.Restricts() || outcome.Commit.Op != "revoke") {
			t.Errorf("revoke: %+v must restrict: it has to succeed where Redis is full", outcome.Commit)
		}
		for name, fields := range map[string]registry.Fields{"there": d.fields(registry.KeyRef("acme", "k1")), "told": outcome.Fields()} {
			if diff := cmp.Diff(want, fields); diff != "" {
				t.Errorf("revoked, %s (-want +got):\n%s", name, diff)
			}
		}
	}
}

func with(fields registry.Fields, field, text string) registry.Fields {
	changed := registry.Fields{field: text}
	for name, value := range fields {
		if name != field {
			changed[name] = value
		}
	}
	return changed
}

func TestKeysThatAreRefused(t *testing.T) {
	const (
		private   = `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
		symmetric = `{"kty":"oct","k":"AAAA"}`
	)
	tests := []struct {
		name   string
		do     func(*desk)
		change func(*registry.Key)
		cause  error
		want   string
	}{
		{"no client", nil, func(k *registry.Key) { k.Client = "nobody" }, ErrNotFound, "client/nobody: no such client"},
		{"no profile", nil, func(k *registry.Key) { k.Profile = "none" }, ErrNotFound, "profile/none: no such profile"},
		{"a deleted client", func(d *desk) { mustDelete(d, "globex") }, func(k *registry.Key) { k.Client = "globex" }, ErrDeleted, "client/globex: is deleted, and stays so"},
		{"a profile for tokens only", nil, func(k *registry.Key) { k.Profile = "partner" }, nil, "profile/partner: accepts token only: a JWT would be denied always"},
		{"expired", nil, func(k *registry.Key) { k.Expires = noon }, nil, "key/acme/k1: expires_at 2026-01-31T12:00:00Z is past"},
		{"no algorithm", nil, func(k *registry.Key) { k.Algorithm = "HS256" }, registry.ErrInvalid, `key/acme/k1: alg: "HS256" is no algorithm for JWTs here`},
		{"another key's algorithm", nil, func(k *registry.Key) { k.Algorithm = "ES256" }, registry.ErrInvalid, "key/acme/k1: jwk: "},
		{"no JWK", nil, func(k *registry.Key) { k.JWK = "{" }, registry.ErrInvalid, "key/acme/k1: jwk: "},
		{"a private key", nil, func(k *registry.Key) { k.JWK = private }, registry.ErrInvalid, "key/acme/k1: jwk: JWK: is a private key"},
		{"a symmetric key", nil, func(k *registry.Key) { k.JWK = symmetric }, registry.ErrInvalid, "key/acme/k1: jwk: JWK: is a symmetric key"},
		{"no kid", nil, func(k *registry.Key) { k.ID = "a:b" }, registry.ErrInvalid, "registry: key:acme:a:b: id: "},
		{"a kid that is taken", func(d *desk) { mustAdd(d.t, d, "acme", "k1") }, nil, registry.ErrExists, "key/acme/k1: exists already"},
		{"a kid that is revoked", func(d *desk) {
			mustAdd(d.t, d, "acme", "k1")
			if _, err := d.RevokeKey(d.t.Context(), alice, "acme", "k1"); err != nil {
				d.t.Fatal(err)
			}
		}, nil, registry.ErrExists, "key/acme/k1: is revoked, and a kid is never used again: choose another"},
		{"a kid that is not readable", func(d *desk) {
			d.memory.Put(registry.KeyRef("acme", "k1"), registry.Fields{"id": "k1"})
		}, nil, registry.ErrExists, "key/acme/k1: exists already"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := signing(t)
			if test.do != nil {
				test.do(d)
			}
			draft, before := draftKey("acme", "k1"), d.seq()
			if test.change != nil {
				test.change(&draft)
			}
			outcome, err := d.AddKey(t.Context(), alice, draft)
			d.wantRefused(t, outcome, err, before, test.cause, test.want)
		})
	}
}

func mustDelete(d *desk, id registry.ClientID) {
	d.t.Helper()
	if _, err := d.DeleteClient(d.t.Context(), alice, id); err != nil {
		d.t.Fatal(err)
	}
}

// A kid is one of its client's only.
func TestKeysOfTwoClientsMayHaveOneKid(t *testing.T) {
	d := signing(t)
	mustAdd(t, d, "globex", "k1")
	mustAdd(t, d, "acme", "k2")
	mustAdd(t, d, "acme", "k1")
	if _, err := d.RevokeKey(t.Context(), alice, "acme", "k2"); err != nil {
		t.Fatal(err)
	}
	d.memory.PutMember("keys-of:acme", "ghost") // an index entry without a record
	d.memory.Put(registry.KeyRef("acme", "k0"), registry.Fields{"id": "k0"})
	d.memory.PutMember("keys-of:acme", "k0")
	acmes := []string{"key/acme/k0", "key/acme/k1", "key/acme/k2"}
	names, invalid := collect(t, d.Keys(t.Context(), "acme"))
	if diff := cmp.Diff(acmes, names); diff != "" {
		t.Errorf("of acme (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(acmes[:1], invalid); diff != "" {
		t.Errorf("invalid (-want +got):\n%s", diff)
	}
	names, _ = collect(t, d.Keys(t.Context(), ""))
	if diff := cmp.Diff(append(acmes, "key/globex/k1"), names); diff != "" {
		t.Errorf("of all (-want +got):\n%s", diff)
	}
	if err := last(d.Keys(t.Context(), "nobody")); err == nil || err.Error() != "client/nobody: no such client" {
		t.Errorf("of nobody: got error %v", err)
	}
	_, err := d.Key(t.Context(), "acme", "k9")
	_, errRevoke := d.RevokeKey(t.Context(), alice, "globex", "k2")
	for err, want := range map[error]string{err: "key/acme/k9: no such key", errRevoke: "key/globex/k2: no such key"} {
		if !errors.Is(err, ErrNotFound) || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}
