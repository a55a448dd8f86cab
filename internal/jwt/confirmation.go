package jwt

import "crypto/sha256"

// A Thumbprint is the SHA-256 of a certificate in DER (RFC 8705 §3.1). The zero
// Thumbprint is no certificate's.
type Thumbprint [sha256.Size]byte

// ThumbprintOf gives the thumbprint of a certificate in DER.
func ThumbprintOf(certificate []byte) Thumbprint { return sha256.Sum256(certificate) }

// A Confirmation is what a JWT is bound to (cnf, RFC 7800 §3.1).
type Confirmation struct {
	Present bool
	// Certificate is what x5t#S256 says; zero where cnf says something else,
	// which nobody here can compare.
	Certificate Thumbprint
}

// confirmation reads cnf. Members beside x5t#S256 are left alone (RFC 7800
// §3.1), since who holds the certificate's key has proven who he is.
func (v value) confirmation() Confirmation {
	if v.kind == absent {
		return Confirmation{}
	}
	bound := Confirmation{Present: true}
	if v.kind != isObject {
		return bound
	}
	text, _ := v.members().get("x5t#S256").text()
	if thumbprint, ok := decode(text); ok && len(thumbprint) == len(bound.Certificate) {
		bound.Certificate = Thumbprint(thumbprint)
	}
	return bound
}

// Holds tells whether a JWT may be used by whoever holds a certificate; the zero
// Thumbprint where none is known. A JWT that is bound to nothing may be used by
// anybody, unless required.
func (c Confirmation) Holds(certificate Thumbprint, required bool) bool {
	if !c.Present {
		return !required
	}
	return c.Certificate != Thumbprint{} && c.Certificate == certificate
}
