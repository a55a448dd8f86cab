package jwt

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"credence/internal/credential"
)

// MaxLength is how long a JWT can be, in bytes: nothing of a longer one is
// looked at.
const MaxLength = 8 << 10

// A Peeked is what a JWT says of itself. Nobody vouches for any of it until
// Verify has. Its strings are no part of the text that it was read from.
type Peeked struct {
	// Algorithm is what the header names; NoAlgorithm where that is none of ours.
	Algorithm Algorithm
	// KeyID is the header's kid; empty where it has none.
	KeyID string

	// With its signature a JWT can be presented: like the whole it must not be
	// printed.
	whole     credential.Secret
	signature credential.Secret // decoded
	signed    int               // how much of whole is signed: header, dot and claims
	header    string            // JSON
	payload   string            // JSON
	claims    object
}

// Peek reads a JWT and verifies nothing (RFC 7515 §3.1, RFC 7519 §7.2). Its
// Problem is Malformed, with nothing peeked, or BadAlgorithm, with all of it.
func Peek(presented credential.Secret) (Peeked, Problem) {
	text := presented.Expose()
	if len(text) > MaxLength {
		return Peeked{}, Problem{Malformed, "is longer than 8 KiB"}
	}
	header, rest, _ := strings.Cut(text, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	if strings.Count(text, ".") != 2 {
		return Peeked{}, Problem{Malformed, "is not three parts with dots between them"}
	}
	p := Peeked{whole: presented, signed: len(header) + len(".") + len(payload)}
	var problem Problem
	if problem = p.readHeader(header); problem.Fault == Malformed {
		return Peeked{}, problem
	}
	if malformed := p.readClaims(payload); malformed.Fault != None {
		return Peeked{}, malformed
	}
	decoded, ok := decode(signature)
	if !ok {
		return Peeked{}, malformed("signature", notBase64)
	}
	p.signature = credential.NewSecret(string(decoded))
	return p, problem
}

const notBase64 = "is not base64url"

// strict64 holds texts to the one spelling that their bytes have.
var strict64 = base64.RawURLEncoding.Strict()

// decode reads base64url without padding (RFC 7515 §2).
func decode(part string) ([]byte, bool) {
	if strings.ContainsAny(part, "\r\n") { // skipped by package base64, strict or not
		return nil, false
	}
	decoded, err := strict64.DecodeString(part)
	return decoded, err == nil
}

func (p *Peeked) readClaims(part string) Problem {
	decoded, ok := decode(part)
	if !ok {
		return malformed("claims", notBase64)
	}
	p.payload = string(decoded)
	var why string
	if p.claims, why = scanObject(p.payload, claimLimits); why != "" {
		return malformed("claims", why)
	}
	return Problem{}
}

func (p *Peeked) readHeader(part string) Problem {
	decoded, ok := decode(part)
	if !ok {
		return malformed("header", notBase64)
	}
	p.header = string(decoded)
	header, why := scanObject(p.header, headerLimits)
	if why != "" {
		return malformed("header", why)
	}
	// Extensions that must be understood (RFC 7515 §4.1.11), and the one that
	// says that the payload is not base64url (RFC 7797): none is understood.
	for _, name := range [...]string{"crit", "b64"} {
		if header.get(name).kind != absent {
			return malformed("header", "has "+name+": no extension is understood")
		}
	}
	if typ := header.get("typ"); typ.kind != absent && !isJWTType(typ) {
		return malformed("header", "has another typ than JWT and at+jwt")
	}
	if kid := header.get("kid"); kid.kind != absent {
		if p.KeyID, ok = kid.text(); !ok {
			return malformed("header", "has a kid that is no text")
		}
	}
	name, _ := header.get("alg").text()
	if name == "" {
		return malformed("header", "has no alg, or one that is empty or no text")
	}
	if p.Algorithm = algorithmNamed(name); p.Algorithm == NoAlgorithm {
		return Problem{BadAlgorithm, "alg: is none of " + AnyAlgorithm.String()}
	}
	return Problem{}
}

// isJWTType tells a typ that JWTs have (RFC 7519 §5.1, RFC 9068 §2.1): a media
// type, whose case does not count and whose application/ may be left out (RFC
// 7515 §4.1.9).
func isJWTType(typ value) bool {
	text, _ := typ.text()
	const application = "application/"
	if len(text) > len(application) && strings.EqualFold(text[:len(application)], application) {
		text = text[len(application):]
	}
	return strings.EqualFold(text, "JWT") || strings.EqualFold(text, "at+jwt")
}

// Issuer gives iss; empty where it is missing or no text.
func (p Peeked) Issuer() string {
	issuer, _ := p.claims.get("iss").text()
	return issuer
}

// Subject gives the claim that names the subject, mostly sub; empty where it is
// missing or no text.
func (p Peeked) Subject(claim string) string {
	subject, _ := p.claims.get(claim).text()
	return subject
}

// Header gives the header as JSON, for people to look at.
func (p Peeked) Header() string { return p.header }

// Payload gives the claims as JSON, for people to look at.
func (p Peeked) Payload() string { return p.payload }

// Sum is the SHA-256 of the JWT. Together with Key.Sum it names the fact that a
// signature was verified.
func (p Peeked) Sum() [sha256.Size]byte { return sha256.Sum256([]byte(p.whole.Expose())) }
