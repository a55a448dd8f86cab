package registry

import (
	"time"

	"credence/internal/credential"
)

// A Token is an opaque credential of a client (key token:<digest>). The token
// itself is nowhere in the registry.
type Token struct {
	Digest     credential.Digest
	ID         credential.TokenID
	Client     ClientID
	Profile    ProfileID
	State      State // Active or Revoked
	Changed    Annotation
	Label      string
	Allow      Networks // always enforced
	Created    time.Time
	NotBefore  time.Time // zero: at once
	Expires    time.Time // zero: never; from that instant on it is expired
	ReplacedBy credential.TokenID
	ManagedBy  string
}

// Ref implements Record.
func (t *Token) Ref() Ref { return TokenRef(t.Digest) }

// Expired tells whether the token's life has ended.
func (t *Token) Expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// Fields implements Record.
func (t *Token) Fields() Fields {
	f := Fields{
		"digest": string(t.Digest), "id": string(t.ID), "client": string(t.Client), "profile": string(t.Profile),
		"state": t.State.String(), "created_at": FormatTime(t.Created),
	}
	f.putAnnotation(t.Changed)
	f.put("label", t.Label)
	f.put("allow", t.Allow.String())
	f.put("not_before", FormatTime(t.NotBefore))
	f.put("expires_at", FormatTime(t.Expires))
	f.put("replaced_by", string(t.ReplacedBy))
	f.put("managed_by", t.ManagedBy)
	return f
}

func scanToken(s *scanner) *Token {
	requiredID(s, "digest", credential.ParseDigest)
	return &Token{
		Digest:     credential.Digest(s.ref.ID), // the same, which whoever asked has already
		ID:         required(s, "id", credential.ParseTokenID),
		Client:     required(s, "client", ParseID[ClientID]),
		Profile:    required(s, "profile", ParseID[ProfileID]),
		State:      required(s, "state", parseCredentialState),
		Changed:    scanAnnotation(s),
		Label:      optional(s, "label", parseText),
		Allow:      optional(s, "allow", ParseNetworks),
		Created:    s.createdAt(required),
		NotBefore:  optional(s, "not_before", ParseTime),
		Expires:    optional(s, "expires_at", ParseTime),
		ReplacedBy: optional(s, "replaced_by", credential.ParseTokenID),
		ManagedBy:  optional(s, "managed_by", parseText),
	}
}
