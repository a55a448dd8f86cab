package registry

import (
	"fmt"
	"slices"

	"credence/internal/credential"
)

// Keys without a record behind them: the sets that name all clients and
// profiles, and the stream that tells of every commit.
const (
	ClientsKey  = "clients"
	ProfilesKey = "profiles"
	ChangesKey  = "changes"
)

// TokensOfKey is the key of the set that names a client's tokens.
func TokensOfKey(client ClientID) string { return "tokens-of:" + string(client) }

// TokenIDKey is the key of the string that leads from a token's id to its
// digest.
func TokenIDKey(id credential.TokenID) string { return "token-id:" + string(id) }

// An Index says where a record is written down besides, so that it can be
// found by those who do not know its ref. The zero Index is nowhere.
type Index struct {
	Set, Member string // a set, and what is added to it
	Name, Value string // a string that must not be there yet, and its value
}

// IndexOf gives the index of a record. It is written when the record is
// created; only a binding's may change later, with its client.
func IndexOf(record Record) Index {
	switch r := record.(type) {
	case *Client:
		return Index{Set: ClientsKey, Member: string(r.ID)}
	case *Profile:
		return Index{Set: ProfilesKey, Member: string(r.ID)}
	case *Token:
		return Index{
			Set: TokensOfKey(r.Client), Member: string(r.ID),
			Name: TokenIDKey(r.ID), Value: string(r.Digest),
		}
	case *Key:
		return Index{Set: KeysOfKey(r.Client), Member: string(r.ID)}
	case *Binding:
		return Index{Set: BindingsOfKey(r.Client), Member: string(r.ID())}
	}
	return Index{}
}

// ParseMembers reads the members of an index set, sorts them and drops what
// stands there twice. Errors are *FieldError: whoever misses a record in a
// list must be told why.
func ParseMembers[T ~string](set string, members []string, parse func(string) (T, error)) ([]T, error) {
	ids := make([]T, len(members))
	for i, member := range members {
		id, err := parse(member)
		if err != nil {
			return nil, BadMember(set, member, err)
		}
		ids[i] = id
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// BadMember says that a member of a set is none that belongs there.
func BadMember(set, member string, err error) *FieldError {
	return &FieldError{set, "", fmt.Sprintf("member %q: %s", member, err)}
}

// ParseTokenIDValue reads the digest that a token's id leads to.
func ParseTokenIDValue(id credential.TokenID, text string) (credential.Digest, error) {
	digest, err := credential.ParseDigest(text)
	if err != nil {
		return "", &FieldError{TokenIDKey(id), "", err.Error()}
	}
	return digest, nil
}
