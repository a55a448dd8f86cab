package authz

import (
	"context"
	"errors"
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
}

// A Directory finds facts. An error means that nobody knows what stands there;
// a record that is absent or invalid is an Entry that says so.
type Directory interface {
	// Token finds the record of an opaque token.
	Token(ctx context.Context, token credential.Secret) (registry.Entry, error)
	// Owner finds a client and a profile together.
	Owner(ctx context.Context, client registry.ClientID, profile registry.ProfileID) (c, p registry.Entry, err error)
}

// A Checker decides. It is safe for use by many goroutines.
type Checker struct {
	policy    Policy
	directory Directory
	inFlight  atomic.Int64
}

// NewChecker makes a Checker that asks the directory.
func NewChecker(policy Policy, directory Directory) *Checker {
	return &Checker{policy: policy, directory: directory}
}

// Check decides whether a request may pass at that time. It always decides:
// facts that cannot be had before ctx ends are a denial.
func (c *Checker) Check(ctx context.Context, now time.Time, request Request) Decision {
	defer c.inFlight.Add(-1)
	q := question{Request: request, now: now, overloaded: c.inFlight.Add(1) > MaxInFlight}
	cause := c.inform(ctx, &q)
	reason, observed := settle(q, firstBroken(q))
	return Decision{
		Reason: reason, Observed: observed,
		Kind: q.shown.Kind, Facts: q.facts, Route: q.route, Peer: q.peer,
		Header: q.shown.Header, Query: q.shown.Query, Cause: cause,
	}
}

// inform fills in all that the rules ask for. The error is for the log.
func (c *Checker) inform(ctx context.Context, q *question) error {
	if !isHTTP(*q) {
		return nil
	}
	q.route, q.routeError = c.policy.Routes.Parse(q.Extensions)
	q.peer = c.policy.Peer.Peer(q.Source, q.Headers)
	q.shown, q.problem = c.policy.Places.Find(q.Headers, q.Target)
	if q.overloaded || q.routeError != nil {
		return q.routeError
	}
	if q.shown.Kind != credential.Token || q.problem != credential.None {
		return nil
	}
	return c.gather(ctx, q)
}

// gather looks up the facts of a token: the token, then its client and profile
// together. What could not be had is noted in the question, for the first rule
// that asks for it. The error is for the log.
func (c *Checker) gather(ctx context.Context, q *question) error {
	entry, err := c.directory.Token(ctx, q.shown.Value)
	token, ok := entry.Record.(*registry.Token)
	if ok && q.shown.ID != "" && token.ID != q.shown.ID {
		entry = registry.Entry{Invalid: &registry.FieldError{Key: token.Ref().Key(), Field: "id", Why: "is not what the token says"}}
		ok = false
	}
	q.credential = outcome(ok, entry, err)
	if q.credential != found {
		return firstError(err, entry.Invalid)
	}
	q.facts.Credential = credentialOf(token)

	client, profile, err := c.directory.Owner(ctx, token.Client, token.Profile)
	q.facts.Client, ok = client.Record.(*registry.Client)
	q.client = outcome(ok, client, err)
	q.facts.Profile, ok = profile.Record.(*registry.Profile)
	q.profile = outcome(ok, profile, err)
	return firstError(err, client.Invalid, profile.Invalid)
}

func outcome(ok bool, entry registry.Entry, err error) lookup {
	switch {
	case errors.Is(err, registry.ErrOverloaded):
		return noTurn
	case err != nil:
		return unreadable
	case ok:
		return found
	case entry.Invalid != nil || entry.Record != nil:
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

func credentialOf(t *registry.Token) Credential {
	return Credential{
		Kind: credential.Token, ID: string(t.ID), Client: t.Client, Profile: t.Profile,
		State: t.State, Allow: t.Allow, Issued: t.Created, NotBefore: t.NotBefore, Expires: t.Expires,
	}
}
