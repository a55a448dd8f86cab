package registry

import (
	"fmt"
	"strings"
	"time"

	"credence/internal/credential"
)

// A KeyID is the kid of a client's key: [A-Za-z0-9._~-]{1,128}.
type KeyID string

const maxKeyID = 128

// ParseKeyID reads the kid of a client's key.
func ParseKeyID(text string) (KeyID, error) {
	ok := text != "" && len(text) <= maxKeyID
	for i := 0; ok && i < len(text); i++ {
		c := text[i]
		ok = isLowerAlnum(c) || 'A' <= c && c <= 'Z' || strings.IndexByte("._~-", c) >= 0
	}
	if !ok {
		return "", fmt.Errorf("%s is no kid: want [A-Za-z0-9._~-]{1,128}", credential.Shown(text))
	}
	return KeyID(text), nil
}

// A Key is a public key by which a client signs JWTs (key key:<client>:<kid>).
// Whether the JWK can be used is for those to tell who know keys.
type Key struct {
	ID         KeyID
	Client     ClientID
	Algorithm  string // alg of RFC 7518 §3.1
	JWK        string // public, as JSON (RFC 7517 §4)
	Profile    ProfileID
	State      State // Active or Revoked
	RequireCnf bool  // only JWTs that are bound to the connection's certificate
	Created    time.Time
	Expires    time.Time // zero: never; from that instant on it is expired
	ManagedBy  string
}

// KeyRef names a client's key.
func KeyRef(client ClientID, id KeyID) Ref { return Ref{KeyKind, string(client) + ":" + string(id)} }

// OfKey gives the client and kid that the ref of a key names; empty where there
// is none.
func (r Ref) OfKey() (ClientID, KeyID) {
	client, kid, _ := strings.Cut(r.ID, ":")
	return ClientID(client), KeyID(kid)
}

// KeysOfKey is the key of the set that names a client's keys.
func KeysOfKey(client ClientID) string { return "keys-of:" + string(client) }

// Ref implements Record.
func (k *Key) Ref() Ref { return KeyRef(k.Client, k.ID) }

// Expired tells whether the key's life has ended.
func (k *Key) Expired(now time.Time) bool { return !k.Expires.IsZero() && !now.Before(k.Expires) }

// Fields implements Record.
func (k *Key) Fields() Fields {
	f := Fields{
		"id": string(k.ID), "client": string(k.Client), "alg": k.Algorithm, "jwk": k.JWK, "profile": string(k.Profile),
		"state": k.State.String(), "created_at": FormatTime(k.Created),
	}
	if k.RequireCnf {
		f["require_cnf"] = "true"
	}
	f.put("expires_at", FormatTime(k.Expires))
	f.put("managed_by", k.ManagedBy)
	return f
}

func scanKey(s *scanner) *Key {
	k := &Key{
		ID:         required(s, "id", ParseKeyID),
		Client:     required(s, "client", ParseID[ClientID]),
		Algorithm:  required(s, "alg", parseText),
		JWK:        required(s, "jwk", parseText),
		Profile:    required(s, "profile", ParseID[ProfileID]),
		State:      required(s, "state", parseCredentialState),
		RequireCnf: optional(s, "require_cnf", parseBool),
		Created:    s.createdAt(required),
		Expires:    optional(s, "expires_at", ParseTime),
		ManagedBy:  optional(s, "managed_by", parseText),
	}
	if s.err == nil && k.Ref() != s.ref {
		field, value := "id", string(k.ID)
		if client, _ := s.ref.OfKey(); client != k.Client {
			field, value = "client", string(k.Client)
		}
		s.fail(field, fmt.Sprintf("%s is not what the key says", credential.Shown(value)))
	}
	return k
}
