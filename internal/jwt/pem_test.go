package jwt

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// certificateOf makes a certificate for a key, signed by itself.
func certificateOf(private crypto.Signer) []byte {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: testNow, NotAfter: testNow.Add(time.Hour)}
	return must(x509.CreateCertificate(rand.Reader, template, template, private.Public(), private))
}

func TestReadKeys(t *testing.T) {
	ec, ed := keyFor(t, ES256), keyFor(t, EdDSA)
	anyRSA := newKeyFor(t, rsaKey().Public(), AnyAlgorithm.List()...)
	ecPEM := string(publicPEM(p256Key().Public()))
	for _, test := range []struct {
		name string
		text string
		want []*Key
	}{
		{"JWK", ec.JWK("a"), []*Key{ec}},
		{"JWK with space about", "\n " + ec.JWK("a") + "\r\n", []*Key{ec}},
		{"JWKS", jwks(ec.JWK("a"), ed.JWK("b")), []*Key{ec, ed}},
		{"PEM", ecPEM, []*Key{ec}},
		{"PEM of Ed25519", string(publicPEM(edKey().Public())), []*Key{ed}},
		{"PEM of RSA", string(publicPEM(rsaKey().Public())), []*Key{anyRSA}},
		{"PEM of PKCS #1", string(pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey))), []*Key{anyRSA}},
		{"PEM with text about", "my key:\n" + ecPEM + "\nthat was it\n", []*Key{ec}},
		{"certificate", string(pemOf("CERTIFICATE", certificateOf(p256Key()))), []*Key{ec}},
	} {
		got, err := ReadKeys([]byte(test.text), AnyAlgorithm)
		if err != nil || !slices.EqualFunc(got, test.want, func(a, b *Key) bool { return a.Sum() == b.Sum() }) {
			t.Errorf("%s: %v, %v; want %v", test.name, got, err, test.want)
		}
	}
	if keys, err := ReadKeys(publicPEM(rsaKey().Public()), AlgorithmSet(PS384)); err != nil || keys[0].Algorithms() != AlgorithmSet(PS384) {
		t.Errorf("RSA in PEM for PS384: %v, %v", keys, err)
	}
}

// secp256k1 is the generator of that curve as a public key.
const secp256k1 = `-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEeb5mfvncu6xVoGKVzocLBwKb/NstzijZ
WfKBWxb4F5hIOtp3JqPEZV2k+/wOEQio/Re0SKaFVBmcR9CP+xDUuA==
-----END PUBLIC KEY-----`

func TestReadKeysRefuses(t *testing.T) {
	ecPEM := string(publicPEM(p256Key().Public()))
	ecJWK := keyFor(t, ES256).JWK("a")
	private := jsonOf(with(membersOf(t, p256Key().Public()), "d", `"AQAB"`))
	for _, test := range []struct {
		name, text, want string
		is               error
	}{
		{"nothing", " \n", "there is no key in it", nil},
		{"anything", "ssh-ed25519 AAAA", "neither a JWK nor PEM", nil},
		{"broken JSON", "{", "JWK: is not JSON", nil},
		{"broken PEM", ecPEM[:60], "neither a JWK nor PEM", nil},
		{"broken DER", string(pemOf("PUBLIC KEY", []byte("x"))), "PEM: ", nil},
		{"a curve that is not taken", secp256k1, "PEM: is of a curve that verifies no JWT: want P-256, P-384 or P-521", nil},
		{"broken certificate", string(pemOf("CERTIFICATE", []byte("x"))), "PEM: ", nil},
		{"two in PEM", ecPEM + ecPEM, "more than one", nil},
		{"another PEM", string(pemOf("CERTIFICATE REQUEST", []byte("x"))), "want PUBLIC KEY or CERTIFICATE", nil},
		{"an empty JWKS", jwks(), "has no key", nil},
		{"a JWKS with an unfit key", jwks(ecJWK, `{"kty":"x","kid":"b"}`), `key "b"`, nil},
		{"a JWKS with a key that has no kid", jwks(keyFor(t, ES256).JWK("")), "has no kid", nil},
		{"a private JWK", private, "is a private key", ErrPrivateKey},
		{"a private JWK after an unfit one", jwks(`{"kty":"x"}`, private), "is a private key", ErrPrivateKey},
		{"a symmetric JWK", `{"kty":"oct","k":"AQAB"}`, "is a symmetric key", errSymmetricKey},
		{"PKCS #8", string(privatePEM(p256Key())), "is a private key", ErrPrivateKey},
		{"PKCS #1", string(pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()))), "is a private key", ErrPrivateKey},
		{"SEC 1", string(pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p256Key())))), "is a private key", ErrPrivateKey},
		{"encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----", "is a private key", ErrPrivateKey},
		{"OpenSSH", "-----BEGIN OPENSSH PRIVATE KEY-----", "is a private key", ErrPrivateKey},
		{"private after public", ecPEM + string(privatePEM(p256Key())), "is a private key", ErrPrivateKey},
	} {
		keys, err := ReadKeys([]byte(test.text), AnyAlgorithm)
		if err == nil || keys != nil || !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: %v, %v; want %s", test.name, keys, err, test.want)
		}
	}
	if keys, err := ReadKeys([]byte(ecPEM), AlgorithmSet(RS256)); err == nil {
		t.Errorf("P-256 in PEM for RS256: %v", keys)
	}
}
