package authz

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"credence/internal/jwt"
	"credence/internal/registry"
)

// A JWTPolicy is what the operator's configuration says of JWTs.
type JWTPolicy struct {
	// Audiences are ours: a JWT must be meant for one. None denies every JWT.
	Audiences []string
	// MaxLifetime is the longest life of a JWT.
	MaxLifetime time.Duration
	// Skew is how far the clocks of others may be off.
	Skew time.Duration
	// SubjectClaims are the issuers that are trusted, each with the claim by
	// which its bindings are found.
	SubjectClaims map[string]string
}

// Issuers are the keys of the issuers that are trusted.
type Issuers interface {
	// Key finds a key of an issuer. It is nil where the issuer has none of that
	// id; an error means that nobody knows.
	Key(ctx context.Context, issuer, kid string, a jwt.Algorithm) (*jwt.Key, error)
}

// A Verifier verifies signatures.
type Verifier interface {
	// Verify is jwt.Verify for a caller of whom no more is known than where he
	// is. An error says that nobody came to verify: registry.ErrOverloaded; an
	// algorithm that is not the key's is told all the same.
	Verify(ctx context.Context, from netip.Addr, p jwt.Peeked, k *jwt.Key) (jwt.Problem, error)
}

// atOnce verifies without waiting.
type atOnce struct{}

// Verify implements Verifier.
func (atOnce) Verify(_ context.Context, _ netip.Addr, p jwt.Peeked, k *jwt.Key) (jwt.Problem, error) {
	return jwt.Verify(p, k), nil
}

// A judged is what came of judging a JWT. It stops at the first fault.
type judged struct {
	peeked  jwt.Peeked
	problem jwt.Problem
	// verified is what came of verifying the signature, binding of looking for
	// the subject's binding, and revocations of looking for the revoked JWTs.
	verified, binding, revocations lookup
	claims                         jwt.Claims
	evaluated                      bool // the claims were held to the rules
}

// named tells whether a JWT has a jti, by which it can be revoked.
func (j *judged) named() bool { return j.claims.ID != "" }

// A signer is whose signature a JWT must have, and what its claims are held to.
type signer struct {
	key    *jwt.Key
	fact   *Fact         // the client's key; nil: an issuer's
	record *registry.Key // what the fact holds
	rules  jwt.Rules
}

// judge looks into a JWT and gathers its facts.
func (c *Checker) judge(ctx context.Context, q *question) error {
	peeked, problem := jwt.Peek(q.shown.Value)
	q.jwt = &judged{peeked: peeked, problem: problem}
	if problem.Fault != jwt.None {
		return causeOf(problem)
	}
	return c.gather(ctx, q, (*Checker).judgeOnce)
}

// causeOf gives a problem for the log.
func causeOf(problem jwt.Problem) error {
	if problem.Fault == jwt.None || problem.Why == "" {
		return nil
	}
	return errors.New("jwt: " + problem.Why)
}

// judgeOnce finds the key, has the signature verified, and only then looks at
// what the JWT claims: who is its subject, for whom it was made, how its owner
// stands.
func (c *Checker) judgeOnce(ctx context.Context, q *question) (touched bool, err error) {
	peeked := q.jwt.peeked
	*q.jwt = judged{peeked: peeked}
	by, err := c.signer(ctx, q, peeked)
	if by.fact != nil {
		defer func() { touched = touched || by.fact.Touched() }()
	}
	if err != nil || q.credential != found {
		return false, err
	}
	if q.jwt.problem, err = c.verifier.Verify(ctx, q.peer, peeked, by.key); err != nil {
		q.jwt.verified = noTurn
		return false, err
	}
	if q.jwt.problem.Fault != jwt.None {
		return false, causeOf(q.jwt.problem)
	}
	q.jwt.verified = found
	if by.record != nil {
		q.facts.Credential = Credential{Client: by.record.Client, Profile: by.record.Profile, State: by.record.State, Expires: by.record.Expires}
	} else {
		binding, err := c.bound(ctx, q, peeked.Subject(by.rules.SubjectClaim), peeked.Issuer())
		if binding != nil {
			defer func() { touched = touched || binding.Touched() }()
		}
		if err != nil || q.jwt.binding != found {
			return false, err
		}
	}
	return c.evaluate(ctx, q, peeked, by.rules)
}

// signer finds whose signature a JWT must have, and notes what came of that.
func (c *Checker) signer(ctx context.Context, q *question, peeked jwt.Peeked) (signer, error) {
	by := signer{rules: jwt.Rules{
		Audiences: c.policy.JWT.Audiences, RouteAudience: q.route.Audience, Certificate: q.Certificate,
	}}
	issuer := peeked.Issuer()
	if claim, trusted := c.policy.JWT.SubjectClaims[issuer]; trusted {
		by.rules.SubjectClaim = claim
		if peeked.KeyID == "" {
			return by, q.refuse(jwt.KeyUnknown, "kid: is missing")
		}
		key, err := c.issuers.Key(ctx, issuer, peeked.KeyID, peeked.Algorithm)
		if err != nil {
			q.credential = failed(err)
			return by, err
		}
		by.key = key
		if key == nil {
			return by, q.refuse(jwt.KeyUnknown, "kid: names no key of the issuer's")
		}
		q.credential = found
		return by, nil
	}
	return c.clientsKey(ctx, q, peeked, by)
}

// clientsKey finds the key of a client that signs for itself.
func (c *Checker) clientsKey(ctx context.Context, q *question, peeked jwt.Peeked, by signer) (signer, error) {
	client, err := registry.ParseID[registry.ClientID](peeked.Issuer())
	if err != nil {
		return by, q.refuse(jwt.IssuerUnknown, "iss: is no issuer that is configured, and no id of a client")
	}
	kid, err := registry.ParseKeyID(peeked.KeyID)
	if err != nil {
		return by, q.refuse(jwt.KeyUnknown, "kid: is missing, or can be none of a client's")
	}
	if by.fact, err = c.directory.Key(ctx, q.peer, client, kid); err != nil {
		q.credential = failed(err)
		return by, err
	}
	held, ok := by.fact.held.(knownKey)
	if q.credential = outcome(ok, by.fact); q.credential == absent {
		return by, q.refuse(jwt.KeyUnknown, "kid: names no key of the client's")
	}
	if ok {
		by.key, by.record = held.usable, held.Key
		by.rules.RequireIssued, by.rules.RequireBinding = true, held.RequireCnf
	}
	return by, by.fact.Invalid()
}

// refuse notes a fault, and gives it for the log.
func (q *question) refuse(fault jwt.Fault, why string) error {
	q.jwt.problem = jwt.Problem{Fault: fault, Why: why}
	q.credential = absent
	return causeOf(q.jwt.problem)
}

// bound finds the binding of an issuer's subject, and notes what came of that.
func (c *Checker) bound(ctx context.Context, q *question, subject, issuer string) (*Fact, error) {
	if subject == "" {
		q.jwt.binding = absent
		q.jwt.problem = jwt.Problem{Fault: jwt.SubjectUnknown, Why: "the subject claim is missing, empty or no text"}
		return nil, causeOf(q.jwt.problem)
	}
	fact, err := c.directory.Binding(ctx, registry.BindingIDOf(issuer, subject))
	if err != nil {
		q.jwt.binding = failed(err)
		return nil, err
	}
	binding, ok := fact.held.(*registry.Binding)
	switch q.jwt.binding = outcome(ok, fact); q.jwt.binding {
	case found:
		q.facts.Credential = Credential{Client: binding.Client, Profile: binding.Profile, State: binding.State}
	case absent:
		q.jwt.problem = jwt.Problem{Fault: jwt.SubjectUnknown, Why: "no binding of that issuer and subject"}
		return fact, causeOf(q.jwt.problem)
	}
	return fact, fact.Invalid()
}

// evaluate holds the claims to the rules, and gathers whose the JWT is.
func (c *Checker) evaluate(ctx context.Context, q *question, peeked jwt.Peeked, rules jwt.Rules) (touched bool, err error) {
	claims, problem := peeked.Evaluate(rules)
	q.jwt.claims, q.jwt.problem, q.jwt.evaluated = claims, problem, true
	own := &q.facts.Credential
	own.Kind, own.ID, own.Issued, own.Scopes, own.Narrows = q.shown.Kind, peeked.KeyID, claims.Issued, claims.Scopes, claims.Narrows
	if problem.Fault != jwt.None {
		return false, causeOf(problem)
	}
	from, until := claims.Window(c.policy.JWT.Skew)
	own.NotBefore = from
	if own.Expires.IsZero() || until.Before(own.Expires) {
		own.Expires = until
	}

	client, profile, revoked := c.directory.Owner(ctx, own.Client, own.Profile, q.jwt.named())
	touched, err = q.ownedBy(client, profile)
	if !q.jwt.named() {
		return touched, err
	}
	var list *registry.Revocations
	list, q.jwt.revocations = recordOf[*registry.Revocations](revoked)
	if list != nil && list.Has(registry.JTIOf(claims.Issuer, claims.ID)) {
		own.State = registry.Revoked
	}
	if cause := revoked.cause(); cause != nil {
		err = fmt.Errorf("revoked JWTs: %w", cause)
	}
	return touched || revoked.touched(), err
}

// timeCause says, for the log, by how much a JWT misses the times that it is good
// at, where that is the reason: a client's clock is told by it.
func (q *question) timeCause(reason Reason) error {
	if q.jwt == nil {
		return nil
	}
	const unit = time.Second
	claims := q.jwt.claims
	switch reason {
	case CredentialExpired:
		if ago := q.now.Sub(claims.Expires); ago >= 0 {
			return fmt.Errorf("jwt: exp passed %v ago", ago.Round(unit))
		}
		return errors.New("jwt: its key has expired")
	case CredentialNotYetValid:
		claim, at := "nbf", claims.NotBefore
		if claims.Issued.After(at) {
			claim, at = "iat", claims.Issued
		}
		return fmt.Errorf("jwt: %s lies %v ahead", claim, at.Sub(q.now).Round(unit))
	case CredentialLifetime:
		return fmt.Errorf("jwt: lives %v", lifetime(claims, q.now).Round(unit))
	}
	return nil
}

// lifetime tells how long a JWT lives: from its iat, or from now where it has
// none.
func lifetime(claims jwt.Claims, now time.Time) time.Duration {
	if claims.Issued.IsZero() {
		return claims.Expires.Sub(now)
	}
	return claims.Expires.Sub(claims.Issued)
}
