package authz

import (
	"slices"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// A Credential is what the rules see of a token or a verified JWT: from here
// on they make no difference.
type Credential struct {
	Kind      credential.Kind
	ID        string // public id of a token, or a JWT's kid
	Client    registry.ClientID
	Profile   registry.ProfileID
	State     registry.State
	Allow     registry.Networks
	Issued    time.Time // zero: a JWT that does not say
	NotBefore time.Time // zero: at once
	Expires   time.Time // zero: never
	// Scopes are the most that a JWT may use, where Narrows.
	Scopes  []string
	Narrows bool
}

// Facts are the records that a request is judged by. They hold nothing of a
// caller that has not proven possession of a credential.
type Facts struct {
	Credential Credential
	Client     *registry.Client
	Profile    *registry.Profile
}

// Scopes gives the effective scopes: the profile's, in its order, as far as the
// credential does not narrow them.
func (f Facts) Scopes() []string {
	switch {
	case f.Profile == nil:
		return nil
	case !f.Credential.Narrows:
		return f.Profile.Scopes
	}
	var effective []string
	for _, scope := range f.Profile.Scopes {
		if slices.Contains(f.Credential.Scopes, scope) {
			effective = append(effective, scope)
		}
	}
	return effective
}

// Limit gives the client's limit, or else its profile's.
func (f Facts) Limit() registry.Limit {
	if f.Client != nil && f.Client.Limit.Count > 0 {
		return f.Client.Limit
	}
	if f.Profile != nil {
		return f.Profile.Limit
	}
	return registry.Limit{}
}
