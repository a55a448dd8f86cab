package jwt

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha256" // of RS256, PS256 and ES256
	_ "crypto/sha512" // of all others
	"fmt"
	"strings"

	golangjwt "github.com/golang-jwt/jwt/v5"

	"credence/internal/credential"
)

// An Algorithm is one by which JWTs are signed (RFC 7518 §3.1, RFC 8037 §3.1).
// There is none for HMAC: who can verify by it can sign by it.
type Algorithm uint8

// The algorithms. The zero Algorithm is none that is supported.
const (
	NoAlgorithm Algorithm = iota
	RS256
	RS384
	RS512
	PS256
	PS384
	PS512
	ES256
	ES384
	ES512
	EdDSA // Ed25519 only
	algorithmsEnd
)

var algorithmNames = [...]string{
	RS256: "RS256", RS384: "RS384", RS512: "RS512",
	PS256: "PS256", PS384: "PS384", PS512: "PS512",
	ES256: "ES256", ES384: "ES384", ES512: "ES512",
	EdDSA: "EdDSA",
}

// methods verify and sign. PSS is golang-jwt's but for the salt: there any length
// verifies, while RFC 7518 §3.5 has it as long as the hash.
var methods = [...]golangjwt.SigningMethod{
	RS256: golangjwt.SigningMethodRS256,
	RS384: golangjwt.SigningMethodRS384,
	RS512: golangjwt.SigningMethodRS512,
	PS256: strictPSS("PS256", crypto.SHA256),
	PS384: strictPSS("PS384", crypto.SHA384),
	PS512: strictPSS("PS512", crypto.SHA512),
	ES256: golangjwt.SigningMethodES256,
	ES384: golangjwt.SigningMethodES384,
	ES512: golangjwt.SigningMethodES512,
	EdDSA: golangjwt.SigningMethodEdDSA,
}

func strictPSS(name string, hash crypto.Hash) golangjwt.SigningMethod {
	return &golangjwt.SigningMethodRSAPSS{
		SigningMethodRSA: &golangjwt.SigningMethodRSA{Name: name, Hash: hash},
		Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
	}
}

// String gives the name as headers and JWKs have it; empty for NoAlgorithm.
func (a Algorithm) String() string {
	if a < algorithmsEnd {
		return algorithmNames[a]
	}
	return ""
}

// ParseAlgorithm reads the name of an algorithm, in the only case it has.
func ParseAlgorithm(name string) (Algorithm, error) {
	if a := algorithmNamed(name); a != NoAlgorithm {
		return a, nil
	}
	return NoAlgorithm, fmt.Errorf("%s is no algorithm for JWTs here: want one of %s", credential.Shown(name), AnyAlgorithm)
}

// algorithmNamed gives NoAlgorithm for a name of none.
func algorithmNamed(name string) Algorithm {
	for a := RS256; a < algorithmsEnd; a++ {
		if algorithmNames[a] == name {
			return a
		}
	}
	return NoAlgorithm
}

// Algorithms is a set of them. The zero Algorithms is empty.
type Algorithms uint16

// AnyAlgorithm holds each algorithm there is.
const AnyAlgorithm = Algorithms(1<<algorithmsEnd - 1<<RS256)

// AlgorithmSet makes a set; NoAlgorithm is never in it.
func AlgorithmSet(algorithms ...Algorithm) Algorithms {
	var set Algorithms
	for _, a := range algorithms {
		set |= 1 << a
	}
	return set & AnyAlgorithm
}

// Has tells whether an algorithm is in the set.
func (s Algorithms) Has(a Algorithm) bool { return s&AnyAlgorithm&(1<<a) != 0 }

// List gives the algorithms of the set in order.
func (s Algorithms) List() []Algorithm {
	var list []Algorithm
	for a := RS256; a < algorithmsEnd; a++ {
		if s.Has(a) {
			list = append(list, a)
		}
	}
	return list
}

// String gives the names, separated by commas.
func (s Algorithms) String() string {
	names := make([]string, 0, algorithmsEnd)
	for _, a := range s.List() {
		names = append(names, a.String())
	}
	return strings.Join(names, ", ")
}
