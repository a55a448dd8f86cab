package credential

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func twoPeppers(t *testing.T) Peppers {
	t.Helper()
	peppers, err := NewPeppers(map[DigestKind]Secret{"h1": NewSecret("pepper one"), "h2": NewSecret(" \n\tpepper two\r\n")})
	if err != nil {
		t.Fatal(err)
	}
	return peppers
}

// TestDigest holds digests to vectors computed with Python, apart from this
// code:
//
//	inner = hashlib.sha256(token).digest()
//	inner.hex(); hmac.new(pepper, inner, "sha256").hexdigest()
//	hmac.new(pepper, b"credence pepper check", "sha256").hexdigest()[:16]
//
// The second pepper is given with white space at its ends, which is dropped.
func TestDigest(t *testing.T) {
	peppers := twoPeppers(t)
	for _, test := range []struct {
		token string
		want  Digest
	}{
		{vector, "s1:9d31f46af52e80085534ce40c8941839411f29a25cba1181dca01a13e3d0a426"},
		{vector, "h1:771644348663d54367dec0087388eef0f402be4eabe2b5fde62efef036a08b5d"},
		{"legacy-key-0123456789", "s1:ac6c9e907e7d1e81b12322c1f3ce43e8048307e86dbb0c372a272c3b8abc8e6b"},
		{"legacy-key-0123456789", "h2:0d9468c5c2d6800ce5ade75fe59e4e2a22e88d56cd72a37e566468b26b9ff535"},
	} {
		got, err := peppers.Digest(test.want.Kind(), NewSecret(test.token))
		if err != nil || got != test.want {
			t.Errorf("digest %s of %s: got %s, %v; want %s", test.want.Kind(), test.token, got, err, test.want)
		}
		if parsed, err := ParseDigest(string(got)); err != nil || parsed != got {
			t.Errorf("digest %s is not read back: %s, %v", got, parsed, err)
		}
	}
	for kind, want := range map[DigestKind]string{"h1": "2d0e3ae0587aea13", "h2": "768a358c8134f2d6"} {
		if got, err := peppers.Check(kind); err != nil || got != want {
			t.Errorf("check of %s: got %s, %v; want %s", kind, got, err, want)
		}
	}
}

func TestPeppersThatAreMissing(t *testing.T) {
	var none Peppers
	if !none.Has("s1") || none.Has("h1") {
		t.Errorf("no peppers: has s1 %v, h1 %v; want true, false", none.Has("s1"), none.Has("h1"))
	}
	if _, err := none.Digest("h1", NewSecret(vector)); !errors.Is(err, ErrPepperMissing) {
		t.Errorf("digest without its pepper: got %v, want %v", err, ErrPepperMissing)
	}
	for _, kind := range []DigestKind{"h1", "s1"} {
		if check, err := none.Check(kind); err == nil {
			t.Errorf("check of %s without a pepper: got %q", kind, check)
		}
	}
}

func TestKindsNewestFirst(t *testing.T) {
	peppers, err := NewPeppers(map[DigestKind]Secret{"h2": NewSecret("b"), "h10": NewSecret("c"), "h1": NewSecret("a")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]DigestKind{"h10", "h2", "h1", "s1"}, peppers.Kinds()); diff != "" {
		t.Errorf("want (-) got (+):\n%s", diff)
	}
	if diff := cmp.Diff([]DigestKind{"s1"}, Peppers{}.Kinds()); diff != "" {
		t.Errorf("without peppers: want (-) got (+):\n%s", diff)
	}
}

func TestNewPeppersRefuses(t *testing.T) {
	for name, given := range map[string]map[DigestKind]Secret{
		"empty":                {"h1": NewSecret("")},
		"white space alone":    {"h1": NewSecret(" \n\t")},
		"one of two empty":     {"h1": NewSecret("a"), "h2": NewSecret("\n")},
		"kind that takes none": {"s1": NewSecret("a")},
		"kind that is none":    {"h0": NewSecret("a")},
	} {
		_, err := NewPeppers(given)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestPeppersAreTheirOwn holds the map that peppers were made of to have no
// say later.
func TestPeppersAreTheirOwn(t *testing.T) {
	given := map[DigestKind]Secret{"h1": NewSecret("pepper one")}
	peppers, err := NewPeppers(given)
	if err != nil {
		t.Fatal(err)
	}
	given["h1"], given["h2"] = NewSecret("changed"), NewSecret("added")
	if check, err := peppers.Check("h1"); err != nil || check != "2d0e3ae0587aea13" || peppers.Has("h2") {
		t.Errorf("check %s, %v, has h2 %v: the peppers changed with the map", check, err, peppers.Has("h2"))
	}
}

func TestParseDigestKind(t *testing.T) {
	for text, good := range map[string]bool{
		"s1": true, "h1": true, "h9": true, "h10": true, "h99": true,
		"": false, "s": false, "s2": false, "s01": false, "S1": false, "h": false, "h0": false, "h01": false, "h100": false,
		"h-1": false, "h+1": false, "h1 ": false, " h1": false, "H1": false, "x1": false, "1": false, "h1.0": false,
	} {
		if kind, err := ParseDigestKind(text); (err == nil) != good || good && string(kind) != text {
			t.Errorf("kind %q: got %q, %v; want good %v", text, kind, err, good)
		}
	}
}

func TestParseDigest(t *testing.T) {
	sum := strings.Repeat("0123456789abcdef", 4)
	for text, good := range map[string]bool{
		"s1:" + sum: true, "h7:" + sum: true,
		"": false, sum: false, ":" + sum: false, "s1" + sum: false, "s1:": false, "s2:" + sum: false,
		"s1:" + sum[1:]: false, "s1:" + sum + "0": false, "s1:" + strings.ToUpper(sum): false, "s1:" + sum[1:] + "g": false,
		"s1:" + sum[1:] + ":": false, " s1:" + sum: false, "s1: " + sum[1:]: false,
	} {
		if digest, err := ParseDigest(text); (err == nil) != good || good && string(digest) != text {
			t.Errorf("digest %q: got %q, %v; want good %v", text, digest, err, good)
		}
	}
}
