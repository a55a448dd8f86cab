package registry

import (
	"strings"
	"time"
)

// A Profile says what a class of access may do (key profile:<name>).
type Profile struct {
	ID             ProfileID
	State          State // Active, Disabled or Deleted
	Accepts        Kinds
	Allow          Networks
	AllowMode      AllowMode
	Scopes         []string
	Limit          Limit
	MaxTokenAge    time.Duration // zero: none
	MaxJWTLifetime time.Duration // zero: none of its own
	RequireTLS     bool
	ManagedBy      string
	Created        time.Time
	Updated        time.Time // zero: never
}

// Ref implements Record.
func (p *Profile) Ref() Ref { return ProfileRef(p.ID) }

// Fields implements Record.
func (p *Profile) Fields() Fields {
	f := Fields{"id": string(p.ID), "state": p.State.String(), "accepts": p.Accepts.String(), "created_at": FormatTime(p.Created)}
	f.putAllow(p.Allow, p.AllowMode)
	f.put("scopes", strings.Join(p.Scopes, " "))
	f.put("limit", p.Limit.String())
	f.put("max_token_age", FormatDuration(p.MaxTokenAge))
	f.put("max_jwt_lifetime", FormatDuration(p.MaxJWTLifetime))
	if p.RequireTLS {
		f.put("require_tls", "true")
	}
	f.put("managed_by", p.ManagedBy)
	f.put("updated_at", FormatTime(p.Updated))
	return f
}

func scanProfile(s *scanner) *Profile {
	return &Profile{
		ID:             requiredID(s, "id", ParseID[ProfileID]),
		State:          required(s, "state", parseOwnerState),
		Accepts:        required(s, "accepts", ParseKinds),
		Allow:          optional(s, "allow", ParseNetworks),
		AllowMode:      optional(s, "allow_mode", ParseAllowMode),
		Scopes:         optional(s, "scopes", ParseScopes),
		Limit:          optional(s, "limit", ParseLimit),
		MaxTokenAge:    optional(s, "max_token_age", ParseDuration),
		MaxJWTLifetime: optional(s, "max_jwt_lifetime", ParseDuration),
		RequireTLS:     optional(s, "require_tls", parseBool),
		ManagedBy:      optional(s, "managed_by", parseText),
		Created:        s.createdAt(required),
		Updated:        optional(s, "updated_at", ParseTime),
	}
}
