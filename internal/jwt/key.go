package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
)

// ErrPrivateKey is a private key where a public one belongs. Who gave it should
// be told that it is known to others now.
var ErrPrivateKey = errors.New("is a private key: give the public one, and keep this one to whom it belongs")

// errSymmetricKey is a key that verifies and signs alike.
var errSymmetricKey = errors.New("is a symmetric key: who could verify by it could sign by it")

// A Key is a public key that verifies JWTs, and the algorithms it is for. It is
// immutable and fit: RSA of 2048 to 4096 bits, P-256, P-384, P-521 or Ed25519.
type Key struct {
	id         string
	public     crypto.PublicKey
	algorithms Algorithms
	members    jwkMembers
	thumbprint [sha256.Size]byte
	sum        [sha256.Size]byte
}

// jwkMembers are those of a public JWK that say which key it is (RFC 7638 §3.2).
type jwkMembers map[string]string

// newKey makes a Key of a public key of package crypto, for those of allowed
// that fit it.
func newKey(id string, public crypto.PublicKey, allowed Algorithms) (*Key, error) {
	members, fitting, err := describe(public)
	if err != nil {
		return nil, err
	}
	if fitting&allowed == 0 {
		return nil, fmt.Errorf("is for %s: want a key for %s", fitting, allowed)
	}
	k := &Key{id: id, public: public, algorithms: fitting & allowed, members: members}
	canonical := textOf(members)
	k.thumbprint = sha256.Sum256(canonical)
	k.sum = sha256.Sum256(append([]byte(k.algorithms.String()+"\n"), canonical...))
	return k, nil
}

// textOf gives a JWK as JSON, its names in order and without spaces, as RFC 7638
// §3 asks.
func textOf(members jwkMembers) []byte {
	text, _ := json.Marshal(members) // texts always have a form
	return text
}

// describe tells what a public key is, and which algorithms fit it.
func describe(public crypto.PublicKey) (jwkMembers, Algorithms, error) {
	switch public := public.(type) {
	case *rsa.PublicKey:
		if err := checkRSA(public.N, big.NewInt(int64(public.E))); err != nil {
			return nil, 0, err
		}
		exponent := big.NewInt(int64(public.E)).Bytes()
		return jwkMembers{"kty": "RSA", "n": encode(public.N.Bytes()), "e": encode(exponent)},
			AlgorithmSet(RS256, RS384, RS512, PS256, PS384, PS512), nil
	case *ecdsa.PublicKey:
		name := public.Params().Name
		curve, known := curves[name]
		if !known {
			return nil, 0, fmt.Errorf("is of the curve %s: want P-256, P-384 or P-521", name)
		}
		point, err := public.Bytes()
		if err != nil {
			return nil, 0, err
		}
		x, y := point[1:1+curve.size], point[1+curve.size:]
		return jwkMembers{"kty": "EC", "crv": name, "x": encode(x), "y": encode(y)}, AlgorithmSet(curve.algorithm), nil
	case ed25519.PublicKey:
		if err := checkEd25519(public); err != nil {
			return nil, 0, err
		}
		return jwkMembers{"kty": "OKP", "crv": "Ed25519", "x": encode(public)}, AlgorithmSet(EdDSA), nil
	}
	return nil, 0, errors.New("is of a kind that verifies no JWT: want RSA, EC or Ed25519")
}

// Bits of an RSA modulus: fewer can be broken, more cost too much to verify.
const minRSA, maxRSA = 2048, 4096

// checkRSA holds a modulus and an exponent to what crypto/rsa verifies by.
func checkRSA(n, e *big.Int) error {
	switch bits := n.BitLen(); {
	case bits < minRSA || bits > maxRSA:
		return fmt.Errorf("is RSA of %d bits: want %d to %d", bits, minRSA, maxRSA)
	case n.Bit(0) == 0:
		return errors.New("is RSA with an even modulus")
	case e.BitLen() > 31 || e.Cmp(big.NewInt(3)) < 0 || e.Bit(0) == 0:
		return errors.New("is RSA with a public exponent that is even, below 3 or beyond 31 bits")
	}
	return nil
}

func encode(b []byte) string { return strict64.EncodeToString(b) }

// ID gives the kid of the JWK that the key was read from; empty: none.
func (k *Key) ID() string { return k.id }

// Algorithms gives those that the key verifies: one, unless it is an RSA key and
// nobody said which.
func (k *Key) Algorithms() Algorithms { return k.algorithms }

// Accepts tells whether the key verifies an algorithm.
func (k *Key) Accepts(a Algorithm) bool { return k.algorithms.Has(a) }

// Thumbprint names the key by what it is (RFC 7638): 43 characters of base64url.
func (k *Key) Thumbprint() string { return encode(k.thumbprint[:]) }

// Sum is a SHA-256 that two keys share only where they verify the same.
func (k *Key) Sum() [sha256.Size]byte { return k.sum }

// JWK gives the key as a public JWK under a key id, if there is one, and with
// its algorithm, if it has but one.
func (k *Key) JWK(id string) string {
	all := maps.Clone(k.members)
	all["use"] = "sig"
	if id != "" {
		all["kid"] = id
	}
	if list := k.algorithms.List(); len(list) == 1 {
		all["alg"] = list[0].String()
	}
	return string(textOf(all))
}

// Verify tells whether a JWT was signed with the private half of a key, by an
// algorithm of the key's. It is KeyUnknown where there is no key.
func Verify(p Peeked, k *Key) Problem {
	if k == nil {
		return Problem{KeyUnknown, "kid: names no key that is known"}
	}
	if !k.Accepts(p.Algorithm) {
		return Problem{BadAlgorithm, "alg: is not the key's, which is for " + k.algorithms.String()}
	}
	if !k.verifies(p.Algorithm, p.whole.Expose()[:p.signed], []byte(p.signature.Expose())) {
		return Problem{BadSignature, "signature: does not verify with the key"}
	}
	return Problem{}
}

// verifies tells whether a signature is of a text. The algorithm is one that the
// key accepts.
func (k *Key) verifies(a Algorithm, signed string, signature []byte) bool {
	return methods[a].Verify(signed, signature, k.public) == nil
}
