package jwt

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// jwks makes a JWKS of JWKs.
func jwks(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func TestParseSet(t *testing.T) {
	ec, ed := keyFor(t, ES256), keyFor(t, EdDSA)
	rsaAny := newKeyFor(t, rsaKey().Public(), AnyAlgorithm.List()...)
	rs, ps, other := keyFor(t, RS256), keyFor(t, PS256), newKeyFor(t, otherRSAKey().Public(), RS256)
	private := jsonOf(with(membersOf(t, p256Key().Public()), "d", `"AQAB"`))
	type found struct {
		ID  string
		Alg Algorithm
	}
	for _, test := range []struct {
		name    string
		text    string
		allowed Algorithms
		keys    int
		skipped int
		finds   map[found]*Key // nil: none
	}{
		{"empty", jwks(), AnyAlgorithm, 0, 0, map[found]*Key{{"a", ES256}: nil, {"", ES256}: nil}},
		{"two", jwks(ec.JWK("a"), ed.JWK("b")), AnyAlgorithm, 2, 0,
			map[found]*Key{{"a", ES256}: ec, {"b", EdDSA}: ed, {"a", EdDSA}: ec, {"A", ES256}: nil, {"c", ES256}: nil, {"", ES256}: nil}},
		{"members of nobody's", `{"keys":[` + ec.JWK("a") + `],"x":{"keys":[]}}`, AnyAlgorithm, 1, 0, map[found]*Key{{"a", ES256}: ec}},
		{"algorithms of the issuer", jwks(rsaAny.JWK("a")), AlgorithmSet(RS256), 1, 0, map[found]*Key{{"a", RS256}: rs}},
		{"not of the issuer", jwks(ec.JWK("a"), ed.JWK("b")), AlgorithmSet(EdDSA), 1, 1, map[found]*Key{{"a", ES256}: nil, {"b", EdDSA}: ed}},
		{"unfit", jwks(`{}`, `1`, `null`, `{"kty":"oct","k":"AQAB","kid":"s"}`, private, ec.JWK("a"), `{"kty":"RSA","kid":"x","n":"AQAB","e":"AQAB"}`),
			AnyAlgorithm, 1, 6, map[found]*Key{{"a", ES256}: ec, {"k1", ES256}: nil}},
		{"no kid", jwks(ec.JWK(""), ed.JWK("b")), AnyAlgorithm, 1, 1, map[found]*Key{{"", ES256}: nil, {"b", EdDSA}: ed}},
		{"there twice", jwks(ec.JWK("a"), ec.JWK("a"), ec.JWK("b")), AnyAlgorithm, 2, 0, map[found]*Key{{"a", ES256}: ec, {"b", ES256}: ec}},
		{"one kid, two kinds", jwks(ec.JWK("a"), ed.JWK("a")), AnyAlgorithm, 2, 0, map[found]*Key{{"a", ES256}: ec, {"a", EdDSA}: ed, {"a", RS256}: ed}},
		{"one kid, two algorithms", jwks(rs.JWK("a"), ps.JWK("a")), AnyAlgorithm, 2, 0, map[found]*Key{{"a", RS256}: rs, {"a", PS256}: ps}},
		{"one kid, two keys", jwks(rs.JWK("a"), other.JWK("a"), ec.JWK("b"), ed.JWK("a")), AnyAlgorithm, 2, 2,
			map[found]*Key{{"a", RS256}: ed, {"b", ES256}: ec, {"a", EdDSA}: ed}},
		{"one kid, one of many algorithms", jwks(rsaAny.JWK("a"), other.JWK("a")), AnyAlgorithm, 0, 2, map[found]*Key{{"a", RS256}: nil}},
		{"one kid, one unfit", jwks(rs.JWK("a"), `{"kty":"RSA","kid":"a","use":"enc","n":"AQAB","e":"AQAB"}`), AnyAlgorithm, 1, 1, map[found]*Key{{"a", RS256}: rs}},
		{"100 keys", jwks(append(repeated(`{"kty":"x"}`, 99), ec.JWK("a"))...), AnyAlgorithm, 1, 99, map[found]*Key{{"a", ES256}: ec}},
	} {
		set, err := ParseSet([]byte(test.text), test.allowed)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if len(set.Keys()) != test.keys || len(set.Skipped()) != test.skipped {
			t.Errorf("%s: %d keys, skipped %v; want %d, %d", test.name, len(set.Keys()), set.Skipped(), test.keys, test.skipped)
		}
		for at, want := range test.finds {
			got := set.Find(at.ID, at.Alg)
			if (got == nil) != (want == nil) || got != nil && got.Sum() != want.Sum() {
				t.Errorf("%s: %+v finds %v; want %v", test.name, at, got, want)
			}
		}
	}
}

func repeated(text string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = text
	}
	return all
}

// TestSetsRefusedWhole are no JWKS, or larger than one may be.
func TestSetsRefusedWhole(t *testing.T) {
	ec := keyFor(t, ES256)
	for name, test := range map[string]struct{ text, want string }{
		"HTML":            {"<!doctype html>", "no JSON object"},
		"empty":           {"", "no JSON object"},
		"a JWK":           {ec.JWK("a"), "keys: is missing"},
		"keys no list":    {`{"keys":{}}`, "keys: is missing or no list"},
		"Keys":            {`{"Keys":[]}`, "keys: is missing"},
		"keys twice":      {`{"keys":[],"keys":[` + ec.JWK("a") + `]}`, "member twice"},
		"a member twice":  {jwks(`{"kid":"a","kid":"b"}`), "member twice"},
		"cut off":         {jwks(ec.JWK("a"))[:50], "not JSON"},
		"101 keys":        {jwks(repeated(ec.JWK("a"), 101)...), "101 keys: want at most 100"},
		"101 of any kind": {jwks(repeated("1", 101)...), "101 keys"},
		"much else":       {`{"keys":[],"x":[` + strings.Repeat("1,", 20000) + `1]}`, "too many values"},
	} {
		set, err := ParseSet([]byte(test.text), AnyAlgorithm)
		if err == nil || !strings.Contains(err.Error(), test.want) || len(set.Keys()) > 0 {
			t.Errorf("%s: %v, %v; want %s", name, set.Keys(), err, test.want)
		}
	}
}

// TestSkippedSay which key is not used, and why.
func TestSkippedSay(t *testing.T) {
	set, err := ParseSet([]byte(jwks(jsonOf(with(membersOf(t, p256Key().Public()), "d", `"AQAB"`)), `{"kty":"oct"}`)), AnyAlgorithm)
	if err != nil {
		t.Fatal(err)
	}
	skipped := set.Skipped()
	if !errors.Is(skipped[0], ErrPrivateKey) || !errors.Is(skipped[1], errSymmetricKey) {
		t.Errorf("skipped %v; want a private and a symmetric key", skipped)
	}
	want := []string{
		`key "k1": JWK: is a private key: give the public one, and keep this one to whom it belongs`,
		`a key without kid: JWK: is a symmetric key: who could verify by it could sign by it`,
	}
	if diff := cmp.Diff(want, []string{skipped[0].Error(), skipped[1].Error()}); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}
