package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
)

// publicForms are what an attacker has of a public key, to use as a secret.
func publicForms() map[string][]byte {
	public := p256Key().Public()
	key := must(newKey("k1", public, AnyAlgorithm))
	return map[string][]byte{
		"PEM": publicPEM(public),
		"DER": must(x509.MarshalPKIXPublicKey(public)),
		"JWK": []byte(key.JWK("k1")),
		"raw": must(p256Key().PublicKey.Bytes()),
		"":    {},
	}
}

func newP256() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// derText signs as those do who take the DER of package crypto for what JWTs
// have (RFC 7518 §3.4).
func (d draft) derText() string {
	text := encode([]byte(jsonOf(d.header))) + "." + encode([]byte(jsonOf(d.claims)))
	return text + "." + encode(must(ecdsa.SignASN1(rand.Reader, p256Key(), digestOf(crypto.SHA256, text))))
}

// hashedText signs with the hash of one algorithm and the key of another.
func (d draft) hashedText(a Algorithm, private crypto.Signer) string {
	text := encode([]byte(jsonOf(d.header))) + "." + encode([]byte(jsonOf(d.claims)))
	return text + "." + encode(signBare(a, private, text))
}
