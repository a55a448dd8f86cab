package jwt

import (
	"errors"
	"fmt"
	"slices"

	"credence/internal/credential"
)

// maxKeys is how many keys a JWKS can have. A larger one is refused whole.
const maxKeys = 100

// A Set is the keys of an issuer by their key ids. It is immutable; the zero Set
// is empty.
type Set struct {
	keys    []*Key
	skipped []Skipped
}

// A Skipped is a key of a JWKS that is not used.
type Skipped struct {
	ID  string // empty where it has none
	Why error  // ErrPrivateKey is one that an issuer should hear of
}

var errNoID = errors.New("has no kid: no JWT can name it")

// errSameID is two keys under one kid that verify one algorithm. Neither is
// used: which of them a JWT means would be for the order of the list to say.
var errSameID = errors.New("has the kid and an algorithm of another key: neither is used")

// ParseSet reads a JWKS (RFC 7517 §5) for those of the allowed algorithms that
// its keys fit. Keys that are unfit, for whatever reason, are skipped. A key
// that is there twice counts once.
func ParseSet(text []byte, allowed Algorithms) (Set, error) {
	elements, err := keysOf(string(text))
	if err != nil {
		return Set{}, err
	}
	var s Set
	for _, element := range elements {
		if element.kind != isObject {
			s.skipped = append(s.skipped, Skipped{Why: errors.New("JWK: is no object")})
			continue
		}
		members := element.members()
		id, _ := members.get("kid").text()
		key, err := keyOf(members, allowed)
		if err == nil && id == "" {
			err = errNoID
		}
		if err != nil {
			s.skipped = append(s.skipped, Skipped{id, err})
			continue
		}
		s.keys = append(s.keys, key)
	}
	s.refuseSameIDs()
	return s, nil
}

// keysOf gives the elements of the keys of a JWKS.
func keysOf(text string) ([]value, error) {
	members, why := scanObject(text, jwkLimits)
	if why != "" {
		return nil, fmt.Errorf("JWKS: %s", why)
	}
	list := members.get("keys")
	if list.kind != isList {
		return nil, errors.New("JWKS: keys: is missing or no list")
	}
	elements := list.elements()
	if len(elements) > maxKeys {
		return nil, fmt.Errorf("JWKS: has %d keys: want at most %d", len(elements), maxKeys)
	}
	return elements, nil
}

// refuseSameIDs drops keys that are there twice, and both of those that one JWT
// could mean.
func (s *Set) refuseSameIDs() {
	var distinct, kept []*Key
	for _, key := range s.keys {
		if !slices.ContainsFunc(distinct, func(other *Key) bool { return other.id == key.id && other.sum == key.sum }) {
			distinct = append(distinct, key)
		}
	}
	for _, key := range distinct {
		if slices.ContainsFunc(distinct, func(other *Key) bool {
			return other != key && other.id == key.id && other.algorithms&key.algorithms != 0
		}) {
			s.skipped = append(s.skipped, Skipped{key.id, errSameID})
			continue
		}
		kept = append(kept, key)
	}
	s.keys = kept
}

// Find gives the key that a JWT's kid names: of several, that which verifies its
// algorithm. It is nil where there is none.
func (s Set) Find(id string, a Algorithm) *Key {
	var found *Key
	for _, key := range s.keys {
		if key.id != id || id == "" {
			continue
		}
		if key.Accepts(a) {
			return key
		}
		found = key
	}
	return found
}

// Keys gives the keys that are used, in the order of the JWKS.
func (s Set) Keys() []*Key { return slices.Clone(s.keys) }

// Skipped gives the keys that are not used, and why.
func (s Set) Skipped() []Skipped { return slices.Clone(s.skipped) }

// Error says which key is not used, and why.
func (s Skipped) Error() string {
	if s.ID == "" {
		return "a key without kid: " + s.Why.Error()
	}
	return "key " + credential.Shown(s.ID) + ": " + s.Why.Error()
}

// Unwrap gives why.
func (s Skipped) Unwrap() error { return s.Why }
