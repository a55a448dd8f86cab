package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
)

// privateJWK writes a private key as a JWK with the kid k1.
func privateJWK(t testing.TB, private crypto.Signer) []raw {
	t.Helper()
	jwk := membersOf(t, private.Public())
	text := func(b []byte) string { return `"` + encode(b) + `"` }
	switch private := private.(type) {
	case *rsa.PrivateKey:
		jwk = with(jwk, "d", text(private.D.Bytes()))
		jwk = with(jwk, "p", text(private.Primes[0].Bytes()))
		return with(jwk, "q", text(private.Primes[1].Bytes()))
	case *ecdsa.PrivateKey:
		return with(jwk, "d", text(must(private.Bytes())))
	case ed25519.PrivateKey:
		return with(jwk, "d", text(private.Seed()))
	}
	t.Fatalf("no JWK of %T", private)
	return nil
}

// TestSign signs by each algorithm, with keys in each form, what Verify takes.
func TestSign(t *testing.T) {
	claims := map[string]any{"iss": "acme", "aud": []string{"https://api.example.com"}, "exp": testNow.Unix() + 60, "scope": "a b"}
	for _, a := range AnyAlgorithm.List() {
		forms := map[string]string{"PKCS #8": string(privatePEM(privateFor(a))), "JWK": jsonOf(privateJWK(t, privateFor(a)))}
		switch private := privateFor(a).(type) {
		case *rsa.PrivateKey:
			forms["PKCS #1"] = string(pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private)))
		case *ecdsa.PrivateKey:
			forms["SEC 1 after its parameters"] = string(pemOf("EC PARAMETERS", []byte("x"))) + string(pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(private))))
		}
		for form, text := range forms {
			signer, err := ReadSigner(credential.NewSecret(text+"\n"), AnyAlgorithm)
			if err != nil {
				t.Errorf("%s as %s: %v", a, form, err)
				continue
			}
			token, err := signer.Sign(a, "k1", claims)
			if err != nil {
				t.Errorf("%s as %s: %v", a, form, err)
				continue
			}
			peeked := peek(t, token.Expose())
			if problem := Verify(peeked, keyFor(t, a)); problem.Fault != None || peeked.KeyID != "k1" || peeked.Algorithm != a {
				t.Errorf("%s as %s: %+v, of %s", a, form, problem, peeked.Header())
			}
			got, problem := peeked.Evaluate(Rules{Audiences: []string{"https://api.example.com"}})
			if diff := cmp.Diff([]string{"a", "b"}, got.Scopes); problem.Fault != None || diff != "" {
				t.Errorf("%s as %s: %+v, of %s", a, form, problem, peeked.Payload())
			}
			if form == "JWK" && signer.Key().ID() != "k1" || !signer.Key().Accepts(a) {
				t.Errorf("%s as %s: the key is %s", a, form, signer.Key().JWK(signer.Key().ID()))
			}
		}
	}
}

func TestSignRefuses(t *testing.T) {
	signer, err := ReadSigner(credential.NewSecret(string(privatePEM(rsaKey()))), AlgorithmSet(RS256))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		algorithm Algorithm
		claims    map[string]any
		want      string
	}{
		"no claims":          {RS256, nil, "is no JSON object"},
		"another algorithm":  {PS256, nil, "the key is for RS256"},
		"no algorithm":       {NoAlgorithm, nil, "the key is for RS256"},
		"what has no form":   {RS256, map[string]any{"x": func() {}}, "signing"},
		"longer than 8 KiB":  {RS256, map[string]any{"x": strings.Repeat("x", MaxLength)}, "longer than 8 KiB"},
		"deeper than we see": {RS256, map[string]any{"x": nested(20)}, "nested too deep"},
	} {
		if token, err := signer.Sign(test.algorithm, "k1", test.claims); err == nil || !strings.Contains(err.Error(), test.want) || !token.Empty() {
			t.Errorf("%s: %v; want %s", name, err, test.want)
		}
	}
	if token, err := signer.Sign(RS256, "", map[string]any{}); err != nil || peek(t, token.Expose()).KeyID != "" {
		t.Errorf("no kid: %v", err)
	}
}

func nested(depth int) any {
	if depth == 0 {
		return 1
	}
	return []any{nested(depth - 1)}
}

func TestReadSignerRefuses(t *testing.T) {
	ec, ed, rs := privateJWK(t, p256Key()), privateJWK(t, edKey()), privateJWK(t, rsaKey())
	other := privateJWK(t, must(newP256()))
	dOf := func(jwk []raw) string {
		for _, m := range jwk {
			if m.name == "d" {
				return m.json
			}
		}
		return ""
	}
	const halves = "do not belong"
	for _, test := range []struct {
		name, text, want string
		is               error
	}{
		{"nothing", "", "neither a private JWK nor", nil},
		{"anything", "x", "neither a private JWK nor", nil},
		{"a public JWK", keyFor(t, ES256).JWK("k1"), "is a public key", errPublicKey},
		{"a public key in PEM", string(publicPEM(p256Key().Public())), "is a public key", errPublicKey},
		{"a symmetric JWK", `{"kty":"oct","k":"AQAB"}`, "is a symmetric key", errSymmetricKey},
		{"broken JSON", "{", "not JSON", nil},
		{"broken PEM", "-----BEGIN PRIVATE KEY-----\nx", "is broken", nil},
		{"broken DER", string(pemOf("PRIVATE KEY", []byte("x"))), "PEM: ", nil},
		{"encrypted", string(pemOf("ENCRYPTED PRIVATE KEY", []byte("x"))), "is encrypted", nil},
		{"OpenSSH", string(pemOf("OPENSSH PRIVATE KEY", []byte("x"))), "want PRIVATE KEY", nil},
		{"another's d", jsonOf(with(ec, "d", dOf(other))), halves, nil},
		{"d of zero", jsonOf(with(ec, "d", `"`+encode(make([]byte, 32))+`"`)), halves, nil},
		{"d too short", jsonOf(with(ec, "d", `"AQAB"`)), "d: has 3 bytes", nil},
		{"another's seed", jsonOf(with(ed, "d", `"`+encode(make([]byte, 32))+`"`)), halves, nil},
		{"seed too short", jsonOf(with(ed, "d", `"AQAB"`)), "d: has 3 bytes", nil},
		{"RSA without primes", jsonOf(with(rs, "p", "")), "p: is missing", nil},
		{"RSA with wrong primes", jsonOf(with(rs, "p", `"Aw"`)), halves, nil},
		{"RSA with three primes", jsonOf(with(rs, "oth", `[]`)), "oth: ", nil},
		{"for encryption", jsonOf(with(ec, "use", `"enc"`)), "use: is not sig", nil},
		{"to verify", jsonOf(with(ec, "key_ops", `["verify"]`)), "names sign", nil},
	} {
		signer, err := ReadSigner(credential.NewSecret(test.text), AnyAlgorithm)
		if err == nil || signer != nil || !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: %v, %v; want %s", test.name, signer, err, test.want)
		}
	}
	for _, text := range []string{jsonOf(ec), string(privatePEM(p256Key()))} {
		if signer, err := ReadSigner(credential.NewSecret(text), AlgorithmSet(RS256)); err == nil {
			t.Errorf("P-256 for RS256: %v", signer)
		}
	}
}
