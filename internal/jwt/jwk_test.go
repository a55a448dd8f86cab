package jwt

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// with sets a member of a JWK as JSON; no JSON removes it.
func with(jwk []raw, name, json string) []raw { return set(jwk, name, json) }

// membersOf gives the public JWK of a key as a draft of one.
func membersOf(t testing.TB, public crypto.PublicKey) []raw {
	t.Helper()
	members, why := scanObject(newKeyFor(t, public, AnyAlgorithm.List()...).JWK("k1"), jwkLimits)
	if why != "" {
		t.Fatal(why)
	}
	var jwk []raw
	for _, m := range members {
		jwk = append(jwk, raw{m.name, m.value.raw})
	}
	return jwk
}

// modulus gives an odd number of so many bits in base64url: no prime factors
// are asked of what nothing is verified by.
func modulus(bits int) string {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return `"` + encode(n.Add(n, big.NewInt(12345)).Bytes()) + `"`
}

func TestParseJWK(t *testing.T) {
	rsaJWK, ecJWK, edJWK := membersOf(t, rsaKey().Public()), membersOf(t, p256Key().Public()), membersOf(t, edKey().Public())
	p521JWK := membersOf(t, p521Key().Public())
	coordinate := func(size int) string { return `"` + encode(make([]byte, size)) + `"` }
	for _, test := range []struct {
		name    string
		jwk     []raw
		allowed Algorithms
		want    string // the algorithms, or else part of the error
	}{
		{"RSA without alg", rsaJWK, AnyAlgorithm, "RS256, RS384, RS512, PS256, PS384, PS512"},
		{"RSA, one allowed", rsaJWK, AlgorithmSet(PS256), "PS256"},
		{"RSA, two allowed", rsaJWK, AlgorithmSet(PS256, RS512, ES256), "RS512, PS256"},
		{"RSA with alg", with(rsaJWK, "alg", `"RS384"`), AnyAlgorithm, "RS384"},
		{"EC", ecJWK, AnyAlgorithm, "ES256"},
		{"EC without alg", with(ecJWK, "alg", ""), AnyAlgorithm, "ES256"},
		{"P-521", p521JWK, AnyAlgorithm, "ES512"},
		{"Ed25519", edJWK, AnyAlgorithm, "EdDSA"},
		{"no use", with(ecJWK, "use", ""), AnyAlgorithm, "ES256"},
		{"key_ops", with(ecJWK, "key_ops", `["sign","verify"]`), AnyAlgorithm, "ES256"},
		{"no kid", with(ecJWK, "kid", ""), AnyAlgorithm, "ES256"},
		{"members of nobody's", with(with(ecJWK, "x5c", `["AAAA"]`), "D", `"x"`), AnyAlgorithm, "ES256"},
		{"leading zeros", with(rsaJWK, "e", `"AAEAAQ"`), AlgorithmSet(RS256), "RS256"},
		{"RSA 2048", with(rsaJWK, "n", modulus(2048)), AlgorithmSet(RS256), "RS256"},
		{"RSA 4096", with(rsaJWK, "n", modulus(4096)), AlgorithmSet(RS256), "RS256"},
		{"e of 3", with(rsaJWK, "e", `"Aw"`), AlgorithmSet(RS256), "RS256"},
		{"e of 31 bits", with(rsaJWK, "e", `"f____w"`), AlgorithmSet(RS256), "RS256"},

		{"RSA 2047", with(rsaJWK, "n", modulus(2047)), AnyAlgorithm, "2047 bits"},
		{"RSA 1024", with(rsaJWK, "n", modulus(1024)), AnyAlgorithm, "1024 bits"},
		{"RSA 4097", with(rsaJWK, "n", modulus(4097)), AnyAlgorithm, "4097 bits"},
		{"RSA of a megabit", with(rsaJWK, "n", modulus(1<<20)), AnyAlgorithm, "bits: want"},
		{"even modulus", with(rsaJWK, "n", `"`+encode(append(bytesOf(1, 255), 2))+`"`), AnyAlgorithm, "even modulus"},
		{"e of 1", with(rsaJWK, "e", `"AQ"`), AnyAlgorithm, "exponent"},
		{"e of 2", with(rsaJWK, "e", `"Ag"`), AnyAlgorithm, "exponent"},
		{"e even", with(rsaJWK, "e", `"AQAA"`), AnyAlgorithm, "exponent"},
		{"e of 0", with(rsaJWK, "e", `""`), AnyAlgorithm, "exponent"},
		{"e of 32 bits", with(rsaJWK, "e", `"_____w"`), AnyAlgorithm, "exponent"},
		{"e of 64 bits and one", with(rsaJWK, "e", `"AQAAAAAAAQAB"`), AnyAlgorithm, "exponent"},
		{"n missing", with(rsaJWK, "n", ""), AnyAlgorithm, "n: is missing"},
		{"n a number", with(rsaJWK, "n", "1"), AnyAlgorithm, "n: is missing or no text"},
		{"n with padding", with(rsaJWK, "n", `"AQ=="`), AnyAlgorithm, "n: is not base64url"},
		{"x in the other alphabet", with(edJWK, "x", `"`+strings.Repeat("+", 43)+`"`), AnyAlgorithm, "x: is not base64url"},
		{"x too long", with(ecJWK, "x", coordinate(33)), AnyAlgorithm, "x: has 33 bytes: want 32"},
		{"x without its zeros", with(p521JWK, "x", coordinate(65)), AnyAlgorithm, "x: has 65 bytes: want 66"},
		{"not on the curve", with(ecJWK, "y", coordinate(32)), AnyAlgorithm, "no point of the curve"},
		{"zero point", with(with(ecJWK, "x", coordinate(32)), "y", coordinate(32)), AnyAlgorithm, "no point of the curve"},
		{"another curve's point", with(ecJWK, "crv", `"P-384"`), AnyAlgorithm, "x: has 32 bytes: want 48"},
		{"secp256k1", with(ecJWK, "crv", `"secp256k1"`), AnyAlgorithm, "crv"},
		{"P-224", with(ecJWK, "crv", `"P-224"`), AnyAlgorithm, "crv"},
		{"no crv", with(ecJWK, "crv", ""), AnyAlgorithm, "crv: is missing"},
		{"Ed448", with(edJWK, "crv", `"Ed448"`), AnyAlgorithm, "want Ed25519"},
		{"X25519", with(edJWK, "crv", `"X25519"`), AnyAlgorithm, "want Ed25519"},
		{"Ed25519 too short", with(edJWK, "x", coordinate(31)), AnyAlgorithm, "x: has 31 bytes"},
		{"Ed25519 of small order", with(edJWK, "x", coordinate(32)), AnyAlgorithm, "small order"},
		{"no kty", with(ecJWK, "kty", ""), AnyAlgorithm, "kty: is missing"},
		{"kty in lower case", with(ecJWK, "kty", `"ec"`), AnyAlgorithm, "kty: is"},
		{"kty of another", with(ecJWK, "kty", `"AKP"`), AnyAlgorithm, "kty: is"},
		{"use for encryption", with(ecJWK, "use", `"enc"`), AnyAlgorithm, "use: is not sig"},
		{"use no text", with(ecJWK, "use", `["sig"]`), AnyAlgorithm, "use: is"},
		{"key_ops to sign", with(ecJWK, "key_ops", `["sign"]`), AnyAlgorithm, "key_ops"},
		{"key_ops empty", with(ecJWK, "key_ops", `[]`), AnyAlgorithm, "key_ops"},
		{"key_ops no list", with(ecJWK, "key_ops", `"verify"`), AnyAlgorithm, "key_ops"},
		{"key_ops null", with(ecJWK, "key_ops", `null`), AnyAlgorithm, "key_ops"},
		{"alg of another curve", with(ecJWK, "alg", `"ES384"`), AnyAlgorithm, "is for ES256"},
		{"alg of another kind", with(ecJWK, "alg", `"RS256"`), AnyAlgorithm, "is for ES256"},
		{"alg to encrypt", with(rsaJWK, "alg", `"RSA-OAEP"`), AnyAlgorithm, "no algorithm for JWTs"},
		{"alg Ed25519", with(edJWK, "alg", `"Ed25519"`), AnyAlgorithm, "no algorithm for JWTs"},
		{"alg no text", with(ecJWK, "alg", `null`), AnyAlgorithm, "alg: is missing or no text"},
		{"alg not the record's", with(rsaJWK, "alg", `"RS256"`), AlgorithmSet(PS256), "alg: is RS256: want PS256"},
		{"algorithm of another kind", ecJWK, AlgorithmSet(EdDSA), "alg: is ES256: want EdDSA"},
		{"algorithm of another kind, no alg", with(ecJWK, "alg", ""), AlgorithmSet(EdDSA), "is for ES256: want a key for EdDSA"},
		{"none allowed", with(ecJWK, "alg", ""), 0, "is for ES256"},
		{"kid no text", with(ecJWK, "kid", "1"), AnyAlgorithm, "kid: is"},
		{"a member twice", append(ecJWK, raw{"kty", `"EC"`}), AnyAlgorithm, "has a member twice"},
	} {
		key, err := ParseJWK([]byte(jsonOf(test.jwk)), test.allowed)
		if err != nil {
			if key != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, %v; want %s", test.name, key, err, test.want)
			}
			continue
		}
		if got := key.Algorithms().String(); got != test.want {
			t.Errorf("%s: a key for %s; want %s", test.name, got, test.want)
		}
	}
}

// bytesOf gives a first byte and zeros after it.
func bytesOf(first byte, zeros int) []byte { return append([]byte{first}, make([]byte, zeros)...) }

// TestPrivateJWK refuses each private member by an error of its own, whatever
// else the JWK holds.
func TestPrivateJWK(t *testing.T) {
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth"} {
		for kind, public := range map[string]crypto.PublicKey{"RSA": rsaKey().Public(), "EC": p256Key().Public(), "OKP": edKey().Public()} {
			for _, json := range []string{`"AQAB"`, `null`, `[]`} {
				jwk := with(membersOf(t, public), name, json)
				if key, err := ParseJWK([]byte(jsonOf(jwk)), AnyAlgorithm); key != nil || !errors.Is(err, ErrPrivateKey) {
					t.Errorf("%s with %s: %s: %v, %v; want ErrPrivateKey", kind, name, json, key, err)
				}
			}
		}
	}
	for _, jwk := range []string{`{"kty":"oct","k":"AQAB"}`, `{"kty":"oct"}`, `{"kty":"oct","k":"AQAB","alg":"ES256"}`, jsonOf(with(membersOf(t, p256Key().Public()), "k", `"AQAB"`))} {
		if key, err := ParseJWK([]byte(jwk), AnyAlgorithm); key != nil || !errors.Is(err, errSymmetricKey) {
			t.Errorf("%s: %v, %v; want errSymmetricKey", jwk, key, err)
		}
	}
}

// TestJWKReadsBack writes each kind of key and reads the same.
func TestJWKReadsBack(t *testing.T) {
	for _, a := range AnyAlgorithm.List() {
		want := keyFor(t, a)
		got, err := ParseJWK([]byte(want.JWK("a/b=")), AnyAlgorithm)
		if err != nil {
			t.Errorf("%s: %v", a, err)
			continue
		}
		if got.ID() != "a/b=" || got.Sum() != want.Sum() || got.Thumbprint() != want.Thumbprint() || got.Algorithms() != AlgorithmSet(a) {
			t.Errorf("%s: reads back as %s", a, got.JWK("k1"))
		}
		if strings.Contains(want.JWK(""), "kid") {
			t.Errorf("%s: %s names no key, and has a kid", a, want.JWK(""))
		}
	}
}

// TestKeysOfOtherKinds refuses what package crypto has besides.
func TestKeysOfOtherKinds(t *testing.T) {
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	x25519 := must(ecdh.X25519().GenerateKey(rand.Reader))
	for name, public := range map[string]crypto.PublicKey{
		"P-224": p224.Public(), "X25519": x25519.Public(), "none": nil, "private": rsaKey(), "RSA by value": rsaKey().PublicKey,
		"small RSA": &rsa.PublicKey{N: big.NewInt(3233), E: 17},
	} {
		if key, err := newKey("", public, AnyAlgorithm); err == nil {
			t.Errorf("%s becomes %v", name, key)
		}
	}
}

// TestEd25519Points tells points of the curve from others. The low-order points
// are those of "Taming the many EdDSAs" (IACR ePrint 2020/1244).
func TestEd25519Points(t *testing.T) {
	for name, test := range map[string]struct {
		point, want string
	}{
		"base point":               {"5866666666666666666666666666666666666666666666666666666666666666", ""},
		"RFC 8032 §7.1 TEST 1":     {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", ""},
		"RFC 8032 §7.1 TEST 2":     {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", ""},
		"order 1":                  {"0100000000000000000000000000000000000000000000000000000000000000", "small order"},
		"order 2":                  {"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "small order"},
		"order 4":                  {"0000000000000000000000000000000000000000000000000000000000000000", "small order"},
		"order 4, the other":       {"0000000000000000000000000000000000000000000000000000000000000080", "small order"},
		"order 8":                  {"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "small order"},
		"order 8, x negative":      {"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", "small order"},
		"order 8, y negative":      {"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "small order"},
		"order 8, both":            {"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", "small order"},
		"order 1, x of minus zero": {"0100000000000000000000000000000000000000000000000000000000000080", "no point"},
		"order 2, x of minus zero": {"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "no point"},
		"p for zero":               {"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "canonical"},
		"p and one":                {"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "canonical"},
		"all ones":                 {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "canonical"},
		"y of 2, where no x fits":  {"0200000000000000000000000000000000000000000000000000000000000000", "no point"},
		"y of 2, x negative":       {"0200000000000000000000000000000000000000000000000000000000000080", "no point"},
	} {
		point := must(hex.DecodeString(test.point))
		got := ""
		if err := checkEd25519(point); err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%s: %q; want %q", name, got, test.want)
		}
	}
}

func TestAlgorithms(t *testing.T) {
	for _, a := range AnyAlgorithm.List() {
		if got, err := ParseAlgorithm(a.String()); got != a || err != nil {
			t.Errorf("%s reads back as %v, %v", a, got, err)
		}
		if methods[a].Alg() != a.String() {
			t.Errorf("%s is verified by %s", a, methods[a].Alg())
		}
	}
	for _, name := range []string{"", "none", "HS256", "rs256", "RS256 ", "ES256K", "Ed25519"} {
		if got, err := ParseAlgorithm(name); got != NoAlgorithm || err == nil {
			t.Errorf("%q is the algorithm %v", name, got)
		}
	}
	set := AlgorithmSet(RS256, NoAlgorithm, EdDSA, algorithmsEnd)
	if diff := cmp.Diff([]Algorithm{RS256, EdDSA}, set.List()); diff != "" || set.Has(NoAlgorithm) || set.Has(algorithmsEnd) || set.Has(200) {
		t.Errorf("a set of RS256 and EdDSA is %s", set)
	}
	if NoAlgorithm.String() != "" || algorithmsEnd.String() != "" || len(AnyAlgorithm.List()) != 10 {
		t.Errorf("all algorithms are %s", AnyAlgorithm)
	}
}
