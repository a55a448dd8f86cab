package authztest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // of RS256, PS256 and ES256
	_ "crypto/sha512" // of the others
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"sync"
)

// An algorithm is how a JWT is signed, by its name in alg (RFC 7518 §3.1, RFC
// 8037 §3.1). Like tokens, JWTs are made anew here, and not with internal/jwt.
type algorithm struct {
	kind string // of the keys that it is for
	hash crypto.Hash
	size int // of a number of a signature of elliptic curves, in bytes
}

var algorithms = map[string]algorithm{
	"RS256": {"RSA", crypto.SHA256, 0}, "RS384": {"RSA", crypto.SHA384, 0}, "RS512": {"RSA", crypto.SHA512, 0},
	"PS256": {"RSA", crypto.SHA256, 0}, "PS384": {"RSA", crypto.SHA384, 0}, "PS512": {"RSA", crypto.SHA512, 0},
	"ES256": {"P-256", crypto.SHA256, 32}, "ES384": {"P-384", crypto.SHA384, 48}, "ES512": {"P-521", crypto.SHA512, 66},
	"EdDSA": {"Ed25519", 0, 0},
}

// A keyName names a key: several algorithms may share one.
type keyName struct{ name, kind string }

var keys sync.Map // of keyName to func() crypto.Signer

// keyOf gives the private key of a name that an algorithm is for, the same for
// as long as the process runs. None is ever written down.
func keyOf(name, alg string) (crypto.Signer, error) {
	a, known := algorithms[alg]
	if !known {
		return nil, fmt.Errorf("no algorithm %q", alg)
	}
	made, _ := keys.LoadOrStore(keyName{name, a.kind}, sync.OnceValue(func() crypto.Signer { return newKey(a.kind) }))
	return made.(func() crypto.Signer)(), nil
}

func newKey(kind string) (made crypto.Signer) {
	var err error
	switch kind {
	case "RSA":
		made, err = rsa.GenerateKey(rand.Reader, 2048)
	case "P-256":
		made, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "P-384":
		made, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "P-521":
		made, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "Ed25519":
		_, made, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		panic("authztest: a key: " + err.Error())
	}
	return made
}

// sign gives the signature that JWTs have, of a text.
func sign(name, alg, text string) ([]byte, error) {
	key, err := keyOf(name, alg)
	if err != nil {
		return nil, err
	}
	a := algorithms[alg]
	message := []byte(text)
	if a.hash != 0 {
		hash := a.hash.New()
		hash.Write(message)
		message = hash.Sum(nil)
	}
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, message)
		if err != nil {
			return nil, err
		}
		return append(r.FillBytes(make([]byte, a.size)), s.FillBytes(make([]byte, a.size))...), nil
	case *rsa.PrivateKey:
		if strings.HasPrefix(alg, "PS") {
			return key.Sign(rand.Reader, message, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: a.hash})
		}
	}
	return key.Sign(rand.Reader, message, a.hash)
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwkOf gives the public JWK of a key: {jwk NAME}, which is ES256's, {jwk NAME ALG},
// and with members that are others, or none where no text follows:
// {jwk k1 ES256 alg=}; short is a number of half the bits.
func jwkOf(rest string) (string, error) {
	parts := strings.Fields(rest)
	if len(parts) == 0 {
		return "", fmt.Errorf("no key is named")
	}
	alg, changes := "ES256", parts[1:]
	if len(changes) > 0 && !strings.Contains(changes[0], "=") {
		alg, changes = changes[0], changes[1:]
	}
	key, err := keyOf(parts[0], alg)
	if err != nil {
		return "", err
	}
	members := map[string]string{"kid": parts[0], "alg": alg, "use": "sig"}
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		members["kty"], members["n"], members["e"] = "RSA", encoded(public.N.Bytes()), encoded(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			return "", err
		}
		half := (len(point) - 1) / 2
		members["kty"], members["crv"], members["x"], members["y"] = "EC", algorithms[alg].kind, encoded(point[1:1+half]), encoded(point[1+half:])
	case ed25519.PublicKey:
		members["kty"], members["crv"], members["x"] = "OKP", "Ed25519", encoded(public)
	}
	for _, change := range changes {
		member, text, found := strings.Cut(change, "=")
		switch {
		case !found:
			return "", fmt.Errorf("%q: want member=text", change)
		case text == "":
			delete(members, member)
		case text == "short":
			members[member], err = halfOf(members[member])
		default:
			members[member] = text
		}
	}
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(members)
	return string(text), err
}

// halfOf gives an odd number of half the bits.
func halfOf(number string) (string, error) {
	decoded, err := base64.RawURLEncoding.DecodeString(number)
	if err != nil || len(decoded) < 2 {
		return "", fmt.Errorf("%q: want a number", number)
	}
	half := decoded[:len(decoded)/2]
	half[len(half)-1] |= 1
	return encoded(half), nil
}
