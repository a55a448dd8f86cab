package cli

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"credence/internal/authz"
	"credence/internal/registry"
)

// why says in a sentence what decided, for those who can change it; empty where
// the reason says all.
func (v *verdict) why() string {
	d := v.decision
	switch why := v.whyOfFacts(); {
	case v.missing != "":
		return v.missing
	case why != "":
		return why
	case d.Cause == nil:
		return ""
	default:
		return plain(d.Cause) + v.besides()
	}
}

// broken gives the reason of the rule that does not hold, also where it is only
// observed.
func (v *verdict) broken() authz.Reason {
	if v.decision.Observed != authz.Undecided {
		return v.decision.Observed
	}
	return v.decision.Reason
}

// besides adds to what is wrong with a JWT what the configuration has to do with
// it.
func (v *verdict) besides() string {
	switch v.broken() {
	case authz.JWTAudience:
		if len(v.config.JWT.Audiences) == 0 {
			return ", which is empty in this configuration: servers with it deny every JWT"
		}
		return " (" + strings.Join(v.config.JWT.Audiences, ", ") + ")"
	case authz.JWTIssuerUnknown:
		if issuers := issuersOf(v.config.JWT); len(issuers) > 0 {
			return ": " + meant(v.peeked.Issuer(), issuers, "jwt.issuers are "+strings.Join(issuers, ", "))
		}
	case authz.JWTBinding:
		if strings.HasSuffix(v.decision.Cause.Error(), "showed none") {
			return " (--certificate FILE says which it is)"
		}
	case authz.RegistryUnavailable:
		for _, s := range v.keys {
			if s.Err != nil {
				return ": " + plain(s.Err)
			}
		}
	}
	return ""
}

// whyOfFacts is why for reasons that rest on records and times.
func (v *verdict) whyOfFacts() string {
	own, client, profile := v.decision.Facts.Credential, v.decision.Facts.Client, v.decision.Facts.Profile
	switch v.broken() {
	case authz.CredentialRevoked:
		return v.whyRevoked(client)
	case authz.CredentialExpired:
		if key, ok := v.records[registry.KeyKind].(*registry.Key); ok && key.Expired(v.now) {
			return fmt.Sprintf("its key expired at %s", v.time(key.Expires))
		}
		return fmt.Sprintf("it expired; with jwt.clock_skew it was good until %s", v.time(own.Expires))
	case authz.CredentialNotYetValid:
		return fmt.Sprintf("with jwt.clock_skew it is good from %s on%s", v.time(own.NotBefore), v.inMilliseconds("iat", "nbf"))
	case authz.ClientUnknown:
		return fmt.Sprintf("client/%s is not there", own.Client)
	case authz.ClientDisabled:
		return fmt.Sprintf("client/%s is %s", own.Client, client.State)
	case authz.ProfileUnknown:
		return fmt.Sprintf("profile/%s is not there", own.Profile)
	case authz.ProfileDisabled:
		return fmt.Sprintf("profile/%s is %s", own.Profile, profile.State)
	case authz.KindNotAccepted:
		return fmt.Sprintf("profile/%s accepts %s: credence profile update %s --accepts token,jwt", profile.ID, profile.Accepts, profile.ID)
	case authz.CredentialLifetime:
		return v.whyTooLong(profile)
	case authz.PeerUnknown:
		return "there is an allowlist, and it is not known where the request comes from: --peer ADDRESS says it"
	case authz.PeerNotAllowed:
		return fmt.Sprintf("%s is not in the allowlist (client: %s; profile: %s)", v.decision.Peer, networks(client.Allow, true), networks(profile.Allow, true))
	case authz.ScopeMissing:
		return fmt.Sprintf("the route demands %s, and the JWT has %s", strings.Join(v.decision.Route.Scopes, " "), orNotSet(strings.Join(v.decision.Facts.Scopes(), " ")))
	}
	return ""
}

// whyRevoked tells apart what all reads as revoked.
func (v *verdict) whyRevoked(client *registry.Client) string {
	key, _ := v.records[registry.KeyKind].(*registry.Key)
	binding, _ := v.records[registry.BindingKind].(*registry.Binding)
	switch {
	case key != nil && key.State == registry.Revoked:
		return keyName(key.Client, key.ID) + " is revoked"
	case binding != nil && binding.State == registry.Revoked:
		return fmt.Sprintf("the binding of subject %q was removed", binding.Subject)
	case v.decision.Facts.Credential.State == registry.Revoked:
		return "the JWT itself is revoked, by its jti"
	case v.decision.Facts.Credential.Issued.IsZero():
		return fmt.Sprintf("client/%s has valid_after %s, and it does not say when it was issued (iat)", client.ID, v.time(client.ValidAfter))
	}
	return fmt.Sprintf("it was issued up to valid_after of client/%s, %s", client.ID, v.time(client.ValidAfter))
}

// whyTooLong says which limit a JWT outlives.
func (v *verdict) whyTooLong(profile *registry.Profile) string {
	most, whose := v.config.JWT.MaxLifetime, "jwt.max_lifetime"
	if own := profile.MaxJWTLifetime; own > 0 && own < most {
		most, whose = own, "max_jwt_lifetime of profile/"+string(profile.ID)
	}
	text := fmt.Sprintf("it lives longer than %s (%s)", shortDuration(most), whose)
	if v.decision.Facts.Credential.Issued.IsZero() {
		text += "; without iat, its life counts from now"
	}
	return text + v.inMilliseconds("exp")
}

// inMilliseconds asks whether a claim is in milliseconds: taken as seconds it lies
// beyond all that a time can be, and as milliseconds near now.
func (v *verdict) inMilliseconds(claims ...string) string {
	for _, claim := range membersOf(v.peeked.Payload()) {
		value, err := strconv.ParseFloat(claim.text, 64)
		if err != nil || !slices.Contains(claims, claim.name) || value/1000 > math.MaxInt32*2 {
			continue
		}
		const near = 50 // years
		at := time.Unix(int64(value/1000), 0).Year() - v.now.Year()
		if time.Unix(int64(value), 0).Year() > lastYear && max(at, -at) <= near {
			return "; is " + claim.name + " in milliseconds? It has to be in seconds"
		}
	}
	return ""
}

// shortDuration gives a duration without the units that are zero: 10m.
func shortDuration(d time.Duration) string {
	text := registry.FormatDuration(d)
	for _, unit := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, unit) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// time gives a time as text, and how far away it is.
func (v *verdict) time(t time.Time) string { return withDistance(registry.FormatTime(t), v.now) }
