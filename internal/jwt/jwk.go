package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"credence/internal/credential"
)

// A curve is one of EC keys, with the size of a coordinate in bytes.
type curve struct {
	elliptic  elliptic.Curve
	size      int
	algorithm Algorithm
}

// curves are bound to their algorithms (RFC 7518 §3.4), by the names of JWKs
// and of package elliptic alike.
var curves = map[string]curve{
	"P-256": {elliptic.P256(), 32, ES256},
	"P-384": {elliptic.P384(), 48, ES384},
	"P-521": {elliptic.P521(), 66, ES512},
}

// ParseJWK reads a public JWK (RFC 7517 §4) for those of the allowed algorithms
// that fit it: that which its own alg names, or else all that its kind can be
// for. Errors are ErrPrivateKey, or say what is wrong.
func ParseJWK(text []byte, allowed Algorithms) (*Key, error) {
	members, why := scanObject(string(text), jwkLimits)
	if why != "" {
		return nil, fmt.Errorf("JWK: %s", why)
	}
	return keyOf(members, allowed)
}

// keyOf makes a Key of a public JWK.
func keyOf(jwk object, allowed Algorithms) (*Key, error) {
	j := jwkReader{members: jwk}
	if kty := j.text("kty"); kty == "oct" || jwk.get("k").kind != absent {
		return nil, fmt.Errorf("JWK: %w", errSymmetricKey)
	}
	if isPrivateJWK(jwk) {
		return nil, fmt.Errorf("JWK: %w", ErrPrivateKey)
	}
	allowed = j.purpose("verify", allowed)
	public := j.public()
	id := j.optional("kid")
	if j.err != nil {
		return nil, fmt.Errorf("JWK: %w", j.err)
	}
	k, err := newKey(id, public, allowed)
	if err != nil {
		return nil, fmt.Errorf("JWK: %w", err)
	}
	return k, nil
}

// isPrivateJWK looks for the members that only private keys have (RFC 7518 §6.2.2,
// §6.3.2).
func isPrivateJWK(jwk object) bool {
	return slices.ContainsFunc(jwk, func(m member) bool {
		return slices.Contains([]string{"d", "p", "q", "dp", "dq", "qi", "oth"}, m.name)
	})
}

// A jwkReader reads the members of a JWK and keeps the first error.
type jwkReader struct {
	members object
	err     error
}

func (j *jwkReader) fail(err error) {
	if j.err == nil {
		j.err = err
	}
}

// text reads a member that must be there.
func (j *jwkReader) text(name string) string {
	text, ok := j.members.get(name).text()
	if !ok {
		j.fail(fmt.Errorf("%s: is missing or no text", name))
	}
	return text
}

// optional reads a member that may be missing.
func (j *jwkReader) optional(name string) string {
	if j.members.get(name).kind == absent {
		return ""
	}
	return j.text(name)
}

// bytes reads a member in base64url; size is how many bytes it must have, 0: any.
func (j *jwkReader) bytes(name string, size int) []byte {
	decoded, ok := decode(j.text(name))
	if !ok {
		j.fail(fmt.Errorf("%s: is not base64url", name))
	}
	if size != 0 && len(decoded) != size {
		j.fail(fmt.Errorf("%s: has %d bytes: want %d", name, len(decoded), size))
	}
	return decoded
}

// purpose reads what a key is meant for: the algorithms that are left of those
// allowed. operation is what key_ops must name, if it is there.
func (j *jwkReader) purpose(operation string, allowed Algorithms) Algorithms {
	if use := j.members.get("use"); use.kind != absent && j.text("use") != "sig" {
		j.fail(errors.New("use: is not sig"))
	}
	if operations := j.members.get("key_ops"); operations.kind != absent {
		if list, ok := operations.texts(); !ok || !slices.Contains(list, operation) {
			j.fail(fmt.Errorf("key_ops: is no list that names %s", operation))
		}
	}
	if j.members.get("alg").kind == absent {
		return allowed
	}
	own, err := ParseAlgorithm(j.text("alg"))
	if err != nil {
		j.fail(fmt.Errorf("alg: %w", err))
	}
	if !allowed.Has(own) {
		j.fail(fmt.Errorf("alg: is %s: want %s", own, allowed))
	}
	return AlgorithmSet(own)
}

// public reads a public key of any kind.
func (j *jwkReader) public() crypto.PublicKey {
	switch kty := j.text("kty"); {
	case kty == "RSA":
		return j.rsa()
	case kty == "EC":
		return j.ec()
	case kty == "OKP" && j.text("crv") == "Ed25519":
		return ed25519.PublicKey(j.bytes("x", ed25519.PublicKeySize))
	case kty == "OKP":
		j.fail(fmt.Errorf("crv: is %s: want Ed25519", credential.Shown(j.text("crv"))))
	default:
		j.fail(fmt.Errorf("kty: is %s: want RSA, EC or OKP", credential.Shown(kty)))
	}
	return nil
}

func (j *jwkReader) rsa() *rsa.PublicKey {
	n, e := new(big.Int).SetBytes(j.bytes("n", 0)), new(big.Int).SetBytes(j.bytes("e", 0))
	if j.err == nil { // before e is cut down to an int
		j.fail(checkRSA(n, e))
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}
}

func (j *jwkReader) ec() *ecdsa.PublicKey {
	name := j.text("crv")
	curve, known := curves[name]
	if !known {
		j.fail(fmt.Errorf("crv: is %s: want P-256, P-384 or P-521", credential.Shown(name)))
		return nil
	}
	const uncompressed = 4 // SEC 1 §2.3.3
	point := slices.Concat([]byte{uncompressed}, j.bytes("x", curve.size), j.bytes("y", curve.size))
	public, err := ecdsa.ParseUncompressedPublicKey(curve.elliptic, point)
	if err != nil {
		j.fail(errors.New("x, y: are no point of the curve"))
	}
	return public
}
