package authz

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// A question is a request and all that is known when its rules are evaluated.
type question struct {
	Request
	now        time.Time
	overloaded bool
	// maxLifetime is the longest life of a JWT, whatever its profile allows.
	maxLifetime time.Duration
	route       Route
	routeError  error
	shown       credential.Presented // with a problem: no more than its kind
	problem     credential.Problem
	peer        netip.Addr
	facts       Facts
	// What came of looking each record up.
	credential, client, profile lookup
	jwt                         *judged // of a JWT only
}

// questions are what checks take theirs from. Rules are called by pointer, of
// which the compiler cannot tell that none keeps it: each would be garbage.
var questions = sync.Pool{New: func() any { return new(question) }}

// forget gives a question back, and nothing of it.
func (q *question) forget() {
	*q = question{}
	questions.Put(q)
}

// A lookup is what came of looking a record up.
type lookup uint8

const (
	notLookedUp lookup = iota
	found
	absent
	invalid
	unreadable
	noTurn // nobody came to look
)

// A rule is one sentence of the order of evaluation.
type rule struct {
	holds     func(*question) bool
	otherwise Reason
}

// rules is the order of evaluation: the first rule that does not hold decides.
// docs/decisions.md states the same order for people, and a test compares.
var rules = [...]rule{
	{hasTurn, Overloaded},

	// 1. It is an HTTP request, and the route is understood.
	{isHTTP, RequestInvalid},
	{routeUnderstood, RouteInvalid},

	// 2. Exactly one credential is presented, and it has a shape.
	{presentedOnce, CredentialAmbiguous},
	{notInURL, CredentialInURL},
	{wellFormed, CredentialMalformed},
	{withinSize, JWTMalformed},
	{presented, CredentialMissing},

	// 3. It is authentic.
	{jwtWellFormed, JWTMalformed},
	{jwtAlgorithmKnown, JWTAlgorithm},
	{jwtIssuerKnown, JWTIssuerUnknown},
	{credentialInTurn, Overloaded},
	{credentialKnown, RegistryUnavailable},
	{credentialValid, RecordInvalid},
	{jwtKeyFound, JWTKeyUnknown},
	{jwtAlgorithmOfKey, JWTAlgorithm},
	{jwtVerifiedInTurn, Overloaded},
	{jwtSignatureGood, JWTSignature},
	{bindingInTurn, Overloaded},
	{bindingKnown, RegistryUnavailable},
	{bindingValid, RecordInvalid},
	{jwtSubjectKnown, JWTSubjectUnknown},
	{jwtClaimsGood, JWTClaims},
	{jwtForAudience, JWTAudience},
	{jwtBoundAsClaimed, JWTBinding},
	{tokenFound, TokenUnknown},

	// 4. Its state and times.
	{revokedInTurn, Overloaded},
	{revokedValid, RecordInvalid},
	{revokedKnown, RegistryUnavailable},
	{notRevoked, CredentialRevoked},
	{notExpired, CredentialExpired},
	{alreadyValid, CredentialNotYetValid},

	// 5. The client.
	{clientInTurn, Overloaded},
	{clientKnown, RegistryUnavailable},
	{clientValid, RecordInvalid},
	{clientFound, ClientUnknown},
	{clientActive, ClientDisabled},
	{issuedLateEnough, CredentialRevoked},

	// 6. The profile.
	{profileInTurn, Overloaded},
	{profileKnown, RegistryUnavailable},
	{profileValid, RecordInvalid},
	{profileFound, ProfileUnknown},
	{profileActive, ProfileDisabled},
	{kindAccepted, KindNotAccepted},
	{youngEnough, CredentialOverdue},
	{shortLived, CredentialLifetime},
	{profileAdmitted, ProfileNotAdmitted},

	// 7. The transport.
	{transportSecure, TransportInsecure},

	// 8. The peer.
	{peerKnown, PeerUnknown},
	{clientAllowsPeer, PeerNotAllowed},
	{profileAllowsPeer, PeerNotAllowed},
	{tokenAllowsPeer, PeerNotAllowed},

	// 9. The scopes.
	{scopesGranted, ScopeMissing},
}

// firstBroken gives the reason of the first rule that does not hold, and
// Allowed where all do.
func firstBroken(q *question) Reason {
	for _, rule := range rules {
		if !rule.holds(q) {
			return rule.otherwise
		}
	}
	return Allowed
}

func hasTurn(q *question) bool { return !q.overloaded }

func isHTTP(q *question) bool          { return q.HTTP && q.Method != "" }
func routeUnderstood(q *question) bool { return q.routeError == nil }

func presentedOnce(q *question) bool { return q.problem != credential.Ambiguous }
func notInURL(q *question) bool      { return q.problem != credential.InURL }
func wellFormed(q *question) bool    { return q.problem != credential.Malformed }
func withinSize(q *question) bool    { return q.problem != credential.MalformedJWT }
func presented(q *question) bool {
	return q.problem == credential.None && q.shown.Kind != credential.NoKind
}

func credentialInTurn(q *question) bool { return q.credential != noTurn }
func credentialKnown(q *question) bool  { return q.credential != unreadable }
func credentialValid(q *question) bool  { return q.credential != invalid }
func tokenFound(q *question) bool       { return q.credential == found || q.shown.Kind != credential.Token }

func notRevoked(q *question) bool { return q.facts.Credential.State == registry.Active }
func notExpired(q *question) bool {
	expires := q.facts.Credential.Expires
	return expires.IsZero() || q.now.Before(expires)
}
func alreadyValid(q *question) bool { return !q.now.Before(q.facts.Credential.NotBefore) }

func clientInTurn(q *question) bool { return q.client != noTurn }
func clientKnown(q *question) bool  { return q.client != unreadable }
func clientValid(q *question) bool  { return q.client != invalid }
func clientFound(q *question) bool  { return q.client == found }
func clientActive(q *question) bool { return q.facts.Client.State == registry.Active }

func profileInTurn(q *question) bool { return q.profile != noTurn }
func profileKnown(q *question) bool  { return q.profile != unreadable }
func profileValid(q *question) bool  { return q.profile != invalid }
func profileFound(q *question) bool  { return q.profile == found }
func profileActive(q *question) bool { return q.facts.Profile.State == registry.Active }
func kindAccepted(q *question) bool  { return q.facts.Profile.Accepts.Has(q.shown.Kind) }
func youngEnough(q *question) bool {
	age := q.facts.Profile.MaxTokenAge
	return q.shown.Kind != credential.Token || age == 0 || q.now.Sub(q.facts.Credential.Issued) <= age
}
func profileAdmitted(q *question) bool { return q.route.admits(q.facts.Profile.ID) }

func transportSecure(q *question) bool { return !q.facts.Profile.RequireTLS || q.secure() }

func peerKnown(q *question) bool {
	return q.peer.IsValid() || !enforced(q.facts.Client.Allow, q.facts.Client.AllowMode) &&
		!enforced(q.facts.Profile.Allow, q.facts.Profile.AllowMode) && !q.facts.Credential.Allow.Present()
}

func clientAllowsPeer(q *question) bool {
	c := q.facts.Client
	return !enforced(c.Allow, c.AllowMode) || c.Allow.Contains(q.peer)
}

func profileAllowsPeer(q *question) bool {
	p := q.facts.Profile
	return !enforced(p.Allow, p.AllowMode) || p.Allow.Contains(q.peer)
}

func tokenAllowsPeer(q *question) bool {
	allow := q.facts.Credential.Allow
	return !allow.Present() || allow.Contains(q.peer)
}

// enforced tells whether an allowlist refuses: it is there and does not only
// observe.
func enforced(allow registry.Networks, mode registry.AllowMode) bool {
	return allow.Present() && mode == registry.Enforce
}

func scopesGranted(q *question) bool {
	granted := q.facts.Scopes()
	for _, scope := range q.route.Scopes {
		if !slices.Contains(granted, scope) {
			return false
		}
	}
	return true
}
