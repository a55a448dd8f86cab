package credential

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// A Kind is what a credential is.
type Kind uint8

// The kinds of credential. The zero Kind is none.
const (
	NoKind Kind = iota
	Token       // opaque: found in the registry by its digest
	JWT         // signed: verified with a key
)

var kindNames = [...]string{NoKind: "", Token: "token", JWT: "jwt"}

// String gives the word that records, headers and metadata use: token or jwt.
func (k Kind) String() string { return kindNames[k] }

// ParseKind reads a Kind.
func ParseKind(text string) (Kind, bool) {
	switch text {
	case "token":
		return Token, true
	case "jwt":
		return JWT, true
	}
	return NoKind, false
}

const (
	minForeign = 16   // bytes of an opaque token of another system
	maxForeign = 4096 //
	maxJWT     = 8 << 10
)

// shapeOf tells by the text alone what kind of credential it is, and the id
// that a token of our own carries.
func shapeOf(text string) (Kind, TokenID, Problem) {
	if looksOwn(text) {
		id, whole := parseOwn(text)
		if !whole {
			return Token, "", Malformed
		}
		return Token, id, None
	}
	if strings.Count(text, ".") == 2 {
		if len(text) > maxJWT {
			return JWT, "", MalformedJWT
		}
		if beginsWithJSONObject(text) {
			return JWT, "", None
		}
	}
	if len(text) < minForeign || len(text) > maxForeign || !consistsOf(text, &isVisible) {
		return Token, "", Malformed
	}
	return Token, "", None
}

// isVisible holds visible ASCII without the comma, by which Envoy joins lines.
var isVisible = func() alphabet {
	var set alphabet
	for b := 0x21; b <= 0x7e; b++ {
		set[b] = b != ','
	}
	return set
}()

// beginsWithJSONObject tells whether the part before the first dot is the
// base64url form of a JSON object, as the header of a JWT is (RFC 7519 §7.2).
func beginsWithJSONObject(text string) bool {
	first, _, _ := strings.Cut(text, ".")
	header, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(first, "="))
	if err != nil || !json.Valid(header) {
		return false
	}
	return strings.HasPrefix(strings.TrimLeft(string(header), " \t\r\n"), "{")
}
