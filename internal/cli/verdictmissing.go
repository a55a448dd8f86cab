package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"credence/internal/authz"
	"credence/internal/registrar"
	"credence/internal/registry"
)

// mostKids is how many kids of an issuer are shown.
const mostKids = 5

// whatIsMissing says which key or client is not there, and which may be meant;
// empty where that decided nothing, or could not be looked at.
func (v *verdict) whatIsMissing(ctx context.Context, r *registrar.Registrar) string {
	switch reason := v.broken(); {
	case reason == authz.ClientUnknown:
		return missingClient(ctx, r, v.decision.Facts.Credential.Client)
	case reason != authz.JWTKeyUnknown || v.peeked.KeyID == "":
		return ""
	case v.trusted:
		return v.missingAtIssuer()
	}
	client, err := registry.ParseID[registry.ClientID](v.peeked.Issuer())
	kid, kidErr := registry.ParseKeyID(v.peeked.KeyID)
	if err != nil || kidErr != nil {
		return ""
	}
	if missing := missingClient(ctx, r, client); missing != "" {
		return missing
	}
	return fmt.Sprintf("%s is not there: %s", keyName(client, kid),
		meant(string(kid), kidsOf(ctx, r, client), "see credence key list "+string(client)))
}

// missingClient says that a client is not there, if it is not.
func missingClient(ctx context.Context, r *registrar.Registrar, client registry.ClientID) string {
	if _, err := r.Client(ctx, client); !errors.Is(err, registrar.ErrNotFound) {
		return ""
	}
	return fmt.Sprintf("client/%s is not there: %s", client, meant(string(client), namesOf(r.ClientIDs(ctx)), "see credence client list"))
}

// missingAtIssuer says that an issuer has no key of that kid, and which it has.
func (v *verdict) missingAtIssuer() string {
	kids, more := v.kids, ""
	if len(kids) > mostKids {
		kids, more = kids[:mostKids], fmt.Sprintf(" and %d more", len(kids)-mostKids)
	}
	return fmt.Sprintf("kid: %s is not in the JWKS of the issuer: %s", shellWord(v.peeked.KeyID),
		meant(v.peeked.KeyID, v.kids, "there are "+strings.Join(kids, ", ")+more))
}
