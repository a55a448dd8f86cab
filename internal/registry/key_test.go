package registry_test

import (
	"strings"
	"testing"

	"credence/internal/registry"
)

func TestParseKeyID(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-"
	for c := range 256 {
		text := string([]byte{byte(c)})
		id, err := registry.ParseKeyID(text)
		if ok := strings.Contains(alphabet, text); ok != (err == nil) || ok && string(id) != text {
			t.Errorf("ParseKeyID(%q): got %q, %v, want that it is one: %v", text, id, err, ok)
		}
	}
	for text, ok := range map[string]bool{"": false, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false, "k1\n": false, "..": true} {
		if _, err := registry.ParseKeyID(text); ok != (err == nil) {
			t.Errorf("ParseKeyID(%q): got %v, want that it is one: %v", text, err, ok)
		}
	}
}

func TestRefOfKey(t *testing.T) {
	ref := registry.KeyRef("acme", "k1")
	if client, kid := ref.OfKey(); ref.Key() != "key:acme:k1" || client != "acme" || kid != "k1" {
		t.Errorf("%s: got client %q, kid %q", ref.Key(), client, kid)
	}
}

// A key belongs under the client and the kid that it names, and nowhere else.
func TestKeyUnderAnothersRef(t *testing.T) {
	fields := (&registry.Key{ID: "k1", Client: "acme", Algorithm: "ES256", JWK: "{}", Profile: "partner", State: registry.Active, Created: now}).Fields()
	for key, field := range map[string]string{"key:globex:k1": "client", "key:acme:k2": "id", "key:globex:k2": "client"} {
		ref, ok := registry.ParseRef(key)
		if !ok {
			t.Fatalf("%s is no ref", key)
		}
		refuses(t, ref, fields, key, field)
	}
	refuses(t, registry.Ref{Kind: registry.KeyKind, ID: "acme"}, fields, "key:acme", "id")
}

func TestKeyExpires(t *testing.T) {
	key := registry.Key{Expires: now}
	if key.Expired(now.Add(-1)) || !key.Expired(now) || (&registry.Key{}).Expired(now) {
		t.Error("a key is expired from expires_at on, and never without it")
	}
}
