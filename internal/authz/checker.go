package authz

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// MaxInFlight is how many checks are evaluated at a time. What comes beyond is
// answered at once: overloaded.
const MaxInFlight = 4096

// A Policy is what the operator's configuration says of all requests.
type Policy struct {
	Places credential.Places
	Peer   PeerPolicy
	Routes RoutePolicy
	JWT    JWTPolicy
}

// A Directory finds facts. An error means that nobody knows what stands there;
// a record that is absent or invalid is an Entry that says so.
type Directory interface {
	// Token finds the record of an opaque token. Who asks, as far as it is
	// known, is what a Directory shares out lookups by: the caller has proven
	// nothing yet.
	Token(ctx context.Context, from netip.Addr, token credential.Secret) (*Fact, error)
	// Key finds a client's key. Who asks is as unknown as above.
	Key(ctx context.Context, from netip.Addr, client registry.ClientID, kid registry.KeyID) (*Fact, error)
	// Binding finds a binding. The caller has proven possession of a JWT of the
	// issuer's.
	Binding(ctx context.Context, id registry.BindingID) (*Fact, error)
	// Owner finds a client and a profile together, and where asked the revoked
	// JWTs with them. Each may fail by itself.
	Owner(ctx context.Context, client registry.ClientID, profile registry.ProfileID, revocable bool) (c, p, revoked Found)
}

// A Found is a fact, or why it could not be had.
type Found struct {
	Fact *Fact
	Err  error
}

// A Checker decides. It is safe for use by many goroutines.
type Checker struct {
	policy    Policy
	routes    *routes
	directory Directory
	issuers   Issuers
	verifier  Verifier
	inFlight  atomic.Int64
}

// Sources are whom a Checker asks.
type Sources struct {
	Directory Directory
	Issuers   Issuers  // nil, where the policy names no issuer
	Verifier  Verifier // nil: signatures are verified at once, each time
}

// NewChecker makes a Checker that asks the sources.
func NewChecker(policy Policy, from Sources) *Checker {
	c := &Checker{policy: policy, routes: newRoutes(policy.Routes), directory: from.Directory, issuers: from.Issuers, verifier: from.Verifier}
	if c.verifier == nil {
		c.verifier = atOnce{}
	}
	return c
}

// Check decides whether a request may pass at that time. It always decides:
// facts that cannot be had before ctx ends are a denial.
func (c *Checker) Check(ctx context.Context, now time.Time, request Request) Decision {
	others := c.inFlight.Add(1) - 1
	defer c.inFlight.Add(-1)
	q := questions.Get().(*question)
	defer q.forget()
	q.Request, q.now, q.maxLifetime, q.overloaded = request, now, c.policy.JWT.MaxLifetime, others >= MaxInFlight
	cause := c.inform(ctx, q)
	broken := firstBroken(q)
	reason, observed := settle(q, broken)
	return Decision{
		Reason: reason, Observed: observed,
		Kind: q.shown.Kind, Facts: q.facts, Route: q.route, Peer: q.peer,
		Header: q.shown.Header, Query: q.shown.Query, Cause: firstError(cause, q.timeCause(broken)),
	}
}

// inform fills in all that the rules ask for. The error is for the log.
func (c *Checker) inform(ctx context.Context, q *question) error {
	if !isHTTP(q) {
		return nil
	}
	q.route, q.routeError = c.routes.parse(q.Extensions)
	q.peer = c.policy.Peer.Peer(q.Source, q.Headers)
	q.shown, q.problem = c.policy.Places.Find(q.Headers, q.Target)
	if q.overloaded || q.routeError != nil {
		return q.routeError
	}
	switch {
	case q.problem != credential.None:
		return nil
	case q.shown.Kind == credential.Token:
		return c.gather(ctx, q, (*Checker).gatherToken)
	case q.shown.Kind == credential.JWT:
		return c.judge(ctx, q)
	}
	return nil
}

// gatherAgain is how often facts that were touched meanwhile are gathered anew.
const gatherAgain = 3

// ErrTouched says that the registry changed each time that facts were gathered.
var ErrTouched = errors.New("authz: facts changed each time that they were gathered")

// gather looks up the facts of a credential, so that all of them held at one
// time. What could not be had is noted in the question, for the first rule that
// asks for it. The error is for the log. Once looks them up once, and tells
// whether one of them may have changed since.
func (c *Checker) gather(ctx context.Context, q *question, once func(*Checker, context.Context, *question) (touched bool, err error)) error {
	for range 1 + gatherAgain {
		touched, err := once(c, ctx, q)
		if !touched {
			return err
		}
		q.facts, q.credential, q.client, q.profile = Facts{}, unreadable, notLookedUp, notLookedUp
	}
	return ErrTouched
}

// gatherToken looks up the token, then its client and profile together.
func (c *Checker) gatherToken(ctx context.Context, q *question) (touched bool, err error) {
	fact, err := c.directory.Token(ctx, q.peer, q.shown.Value)
	if err != nil {
		q.credential = failed(err)
		return false, err
	}
	t, ok := fact.held.(*knownToken)
	q.credential = outcome(ok, fact)
	if ok && q.shown.ID != "" && t.id != q.shown.ID {
		q.credential = invalid
		return fact.Touched(), &registry.FieldError{Key: registry.TokenRef(t.digest).Key(), Field: "id", Why: "is not what the token says"}
	}
	if q.credential != found {
		return fact.Touched(), fact.Invalid()
	}
	own := &q.facts.Credential
	*own = t.credential()

	client, profile, _ := c.directory.Owner(ctx, own.Client, own.Profile, false)
	touched, err = q.ownedBy(client, profile)
	return touched || fact.Touched(), err
}

// ownedBy notes what was found of client and profile.
func (q *question) ownedBy(client, profile Found) (touched bool, err error) {
	q.facts.Client, q.client = recordOf[*registry.Client](client)
	q.facts.Profile, q.profile = recordOf[*registry.Profile](profile)
	return client.touched() || profile.touched(), firstError(client.cause(), profile.cause())
}

// recordOf gives the record that was asked for, and what came of the lookup.
func recordOf[R registry.Record](f Found) (record R, came lookup) {
	if f.Err != nil {
		return record, failed(f.Err)
	}
	record, ok := f.Fact.held.(R)
	return record, outcome(ok, f.Fact)
}

func (f Found) touched() bool { return f.Err == nil && f.Fact.Touched() }

// cause gives why there is no record to go by; nil: there is one, or none.
func (f Found) cause() error {
	if f.Err != nil {
		return f.Err
	}
	return f.Fact.Invalid()
}

// failed gives what came of a lookup that nobody could make.
func failed(err error) lookup {
	if errors.Is(err, registry.ErrOverloaded) {
		return noTurn
	}
	return unreadable
}

// outcome gives what came of a lookup; ok where it is the record that was
// asked for.
func outcome(ok bool, fact *Fact) lookup {
	switch {
	case ok:
		return found
	case !fact.Absent():
		return invalid
	}
	return absent
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *knownToken) credential() Credential {
	return Credential{
		Kind: credential.Token, ID: string(t.id), Client: t.client.Value(), Profile: t.profile.Value(),
		State: t.state, Allow: t.allow, Issued: t.issued.time(), NotBefore: t.notBefore.time(), Expires: t.expires.time(),
	}
}
