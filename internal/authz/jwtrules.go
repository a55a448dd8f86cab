package authz

import (
	"credence/internal/credential"
	"credence/internal/jwt"
	"credence/internal/registry"
)

// faultless tells whether a credential is no JWT, or one without that fault.
// Judging stops at the first fault, so the order of the rules is that of judging.
func faultless(q *question, fault jwt.Fault) bool {
	return q.jwt == nil || q.jwt.problem.Fault != fault
}

func jwtWellFormed(q *question) bool { return faultless(q, jwt.Malformed) }

// jwtAlgorithmKnown is about an algorithm that is nobody's: no key was looked up.
func jwtAlgorithmKnown(q *question) bool {
	return q.credential != notLookedUp || faultless(q, jwt.BadAlgorithm)
}
func jwtIssuerKnown(q *question) bool    { return faultless(q, jwt.IssuerUnknown) }
func jwtKeyFound(q *question) bool       { return faultless(q, jwt.KeyUnknown) }
func jwtAlgorithmOfKey(q *question) bool { return faultless(q, jwt.BadAlgorithm) }
func jwtVerifiedInTurn(q *question) bool { return q.jwt == nil || q.jwt.verified != noTurn }
func jwtSignatureGood(q *question) bool  { return q.jwt == nil || q.jwt.verified == found }

func bindingInTurn(q *question) bool   { return q.jwt == nil || q.jwt.binding != noTurn }
func bindingKnown(q *question) bool    { return q.jwt == nil || q.jwt.binding != unreadable }
func bindingValid(q *question) bool    { return q.jwt == nil || q.jwt.binding != invalid }
func jwtSubjectKnown(q *question) bool { return faultless(q, jwt.SubjectUnknown) }

func jwtClaimsGood(q *question) bool {
	return faultless(q, jwt.BadClaims) && (q.jwt == nil || q.jwt.evaluated)
}
func jwtForAudience(q *question) bool    { return faultless(q, jwt.BadAudience) }
func jwtBoundAsClaimed(q *question) bool { return faultless(q, jwt.BadBinding) }

// The revoked JWTs are asked where neither key nor binding is revoked.
func asksRevoked(q *question) bool {
	return q.jwt != nil && q.jwt.named() && q.facts.Credential.State == registry.Active
}
func revokedInTurn(q *question) bool { return !asksRevoked(q) || q.jwt.revocations != noTurn }
func revokedValid(q *question) bool  { return !asksRevoked(q) || q.jwt.revocations != invalid }
func revokedKnown(q *question) bool  { return !asksRevoked(q) || q.jwt.revocations == found }

// issuedLateEnough tells whether a JWT was issued later than all that the client
// has had revoked; one that does not say when is not.
func issuedLateEnough(q *question) bool {
	after := q.facts.Client.ValidAfter
	return q.jwt == nil || after.IsZero() || q.facts.Credential.Issued.After(after)
}

func shortLived(q *question) bool {
	most := q.maxLifetime
	if own := q.facts.Profile.MaxJWTLifetime; own > 0 {
		most = min(most, own)
	}
	return q.shown.Kind != credential.JWT || lifetime(q.jwt.claims, q.now) <= most
}
