package authz

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// TestOwnerUnreadable has the registry fail between the token and its owner:
// what the token alone decides is still said, and no more.
func TestOwnerUnreadable(t *testing.T) {
	token := func(change func(*registry.Token)) registry.Entry {
		record := *goodDirectory().token.Record.(*registry.Token)
		change(&record)
		return registry.Entry{Record: &record}
	}
	for name, test := range map[string]struct {
		token registry.Entry
		want  Reason
	}{
		"good token":          {token(func(*registry.Token) {}), RegistryUnavailable},
		"revoked token":       {token(func(r *registry.Token) { r.State = registry.Revoked }), CredentialRevoked},
		"expired token":       {token(func(r *registry.Token) { r.Expires = noon }), CredentialExpired},
		"token not yet valid": {token(func(r *registry.Token) { r.NotBefore = noon.Add(1) }), CredentialNotYetValid},
	} {
		t.Run(name, func(t *testing.T) {
			directory := goodDirectory()
			directory.token, directory.ownerErr = test.token, registry.ErrUnavailable
			directory.client, directory.profile = registry.Entry{}, registry.Entry{}
			got := NewChecker(testPolicy, directory).Check(context.Background(), noon, goodRequest())
			if got.Reason != test.want {
				t.Errorf("got %s, want %s", got.Reason, test.want)
			}
			if got.Facts.Credential.ID != "0123456789" {
				t.Errorf("facts name credential %q: possession was proven", got.Facts.Credential.ID)
			}
			if !errors.Is(got.Cause, registry.ErrUnavailable) {
				t.Errorf("cause is %v, want %v", got.Cause, registry.ErrUnavailable)
			}
		})
	}
}

// TestNothingIsKnownWithoutPossession holds the facts of a decision to callers
// that presented a token which is there.
func TestNothingIsKnownWithoutPossession(t *testing.T) {
	unreadable := goodDirectory()
	unreadable.tokenErr = registry.ErrUnavailable
	unknown := goodDirectory()
	unknown.token = registry.Entry{}
	invalid := goodDirectory()
	invalid.token = registry.Entry{Invalid: registry.WrongType("token")}
	of := goodDirectory()
	of.token = registry.Entry{Record: &registry.Token{ID: "abcdefghij", Client: "acme", Profile: "partner", State: registry.Active}}
	for name, test := range map[string]struct {
		directory fakeDirectory
		want      Reason
	}{
		"token unreadable":     {unreadable, RegistryUnavailable},
		"token unknown":        {unknown, TokenUnknown},
		"token invalid":        {invalid, RecordInvalid},
		"record of another id": {of, RecordInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			got := NewChecker(testPolicy, test.directory).Check(context.Background(), noon, goodRequest())
			if got.Reason != test.want {
				t.Errorf("got %s, want %s", got.Reason, test.want)
			}
			if got.Facts.Client != nil || got.Facts.Profile != nil || got.Facts.Credential.ID != "" || got.Facts.Credential.Client != "" {
				t.Errorf("%s tells facts: %+v", got.Reason, got.Facts)
			}
		})
	}
}

// TestRecordOfAnotherKind has a directory answer with records that are none of
// what was asked for: they are as bad as invalid ones.
func TestRecordOfAnotherKind(t *testing.T) {
	asToken, asClient, asProfile := goodDirectory(), goodDirectory(), goodDirectory()
	asToken.token.Record = &registry.Client{}
	asClient.client.Record = &registry.Profile{}
	asProfile.profile.Record = &registry.Client{}
	for name, directory := range map[string]fakeDirectory{"token": asToken, "client": asClient, "profile": asProfile} {
		got := NewChecker(testPolicy, directory).Check(context.Background(), noon, goodRequest())
		if got.Reason != RecordInvalid {
			t.Errorf("another record as %s: got %s, want %s", name, got.Reason, RecordInvalid)
		}
	}
}

func TestCheckAllows(t *testing.T) {
	got := NewChecker(testPolicy, goodDirectory()).Check(context.Background(), noon, goodRequest())
	switch {
	case got.Reason != Allowed || !got.Allows():
		t.Errorf("got %s (%v), want allowed", got.Reason, got.Cause)
	case got.Facts.Client == nil || got.Facts.Profile == nil:
		t.Errorf("an allowed decision lacks facts: %+v", got.Facts)
	case got.Header != "api-token" || got.Kind != credential.Token:
		t.Errorf("presented in %q as %s, want api-token, token", got.Header, got.Kind)
	}
}

// A gate is a Directory at which every lookup waits until it opens.
type gate struct {
	fakeDirectory
	arrived chan struct{}
	open    chan struct{}
}

func (g gate) Token(ctx context.Context, token credential.Secret) (registry.Entry, error) {
	g.arrived <- struct{}{}
	<-g.open
	return g.fakeDirectory.Token(ctx, token)
}

// TestOverloaded fills the checker with checks that wait for their lookup: the
// next one is answered at once whatever it asks, and once they are done all is
// as before.
func TestOverloaded(t *testing.T) {
	directory := gate{goodDirectory(), make(chan struct{}), make(chan struct{})}
	checker := NewChecker(testPolicy, directory)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var waiting sync.WaitGroup
	reasons := make(chan Reason, MaxInFlight)
	for range MaxInFlight {
		waiting.Go(func() { reasons <- checker.Check(ctx, noon, goodRequest()).Reason })
	}
	for range MaxInFlight {
		<-directory.arrived // each has its turn, the last of them too
	}
	optional := goodRequest()
	optional.Headers, optional.Extensions = nil, map[string]string{"auth": "optional"}
	observing := goodRequest()
	observing.Extensions = map[string]string{"mode": "observe"}
	misunderstood := goodRequest()
	misunderstood.Extensions = map[string]string{"mode": "off"}
	for name, test := range map[string]struct {
		request Request
		want    Reason
	}{
		"good token":                   {goodRequest(), Overloaded},
		"no HTTP":                      {Request{}, Overloaded},
		"optional":                     {optional, Overloaded},
		"route that is not understood": {misunderstood, Overloaded},
		"route that observes":          {observing, AllowedObserved},
	} {
		if got := checker.Check(ctx, noon, test.request); got.Reason != test.want || got.Facts.Credential.ID != "" {
			t.Errorf("%s: got %s with facts of %q, want %s without", name, got.Reason, got.Facts.Credential.ID, test.want)
		}
	}
	close(directory.open)
	waiting.Wait()
	close(reasons)
	for reason := range reasons {
		if reason != Allowed {
			t.Fatalf("a check that had its turn got %s, want %s", reason, Allowed)
		}
	}
	if left := checker.inFlight.Load(); left != 0 {
		t.Errorf("%d checks in flight once all are done", left)
	}
	after := NewChecker(testPolicy, goodDirectory())
	after.inFlight.Store(MaxInFlight - 1)
	if got := after.Check(ctx, noon, goodRequest()); got.Reason != Allowed {
		t.Errorf("the last that has room got %s, want %s", got.Reason, Allowed)
	}
}

// A panicking directory is a fault of our own.
type panicking struct{ fakeDirectory }

func (panicking) Token(context.Context, credential.Secret) (registry.Entry, error) { panic("fault") }

// TestPanicLeavesNoCheckInFlight holds the count to a check that does not come
// to its end: who serves catches the panic and answers.
func TestPanicLeavesNoCheckInFlight(t *testing.T) {
	checker := NewChecker(testPolicy, panicking{goodDirectory()})
	func() {
		defer func() { _ = recover() }()
		checker.Check(context.Background(), noon, goodRequest())
		t.Error("the panic was swallowed")
	}()
	if left := checker.inFlight.Load(); left != 0 {
		t.Errorf("%d checks in flight after a panic", left)
	}
}

// TestScopesAndLimit holds the facts to where their values come from.
func TestScopesAndLimit(t *testing.T) {
	perHour, perDay := registry.Limit{Count: 5, Unit: "hour"}, registry.Limit{Count: 7, Unit: "day"}
	for name, test := range map[string]struct {
		facts Facts
		want  registry.Limit
	}{
		"nothing known":     {Facts{}, registry.Limit{}},
		"of the client":     {Facts{Client: &registry.Client{Limit: perHour}, Profile: &registry.Profile{Limit: perDay}}, perHour},
		"of the profile":    {Facts{Client: &registry.Client{}, Profile: &registry.Profile{Limit: perDay}}, perDay},
		"of neither":        {Facts{Client: &registry.Client{}, Profile: &registry.Profile{}}, registry.Limit{}},
		"profile not known": {Facts{Client: &registry.Client{}}, registry.Limit{}},
	} {
		if got := test.facts.Limit(); got != test.want {
			t.Errorf("%s: limit %v, want %v", name, got, test.want)
		}
	}
	if scopes := (Facts{}).Scopes(); scopes != nil {
		t.Errorf("scopes of nobody: %v", scopes)
	}
}

// TestNoTurn has nobody come to look: that is overload, and neither an outage
// nor a word about the credential.
func TestNoTurn(t *testing.T) {
	busy := fmt.Errorf("store: %w", registry.ErrOverloaded)
	for name, overload := range map[string]func(*fakeDirectory){
		"for the token": func(d *fakeDirectory) { d.token, d.tokenErr = registry.Entry{}, busy },
		"for its owner": func(d *fakeDirectory) { d.client, d.profile, d.ownerErr = registry.Entry{}, registry.Entry{}, busy },
	} {
		directory := goodDirectory()
		overload(&directory)
		got := NewChecker(testPolicy, directory).Check(context.Background(), noon, goodRequest())
		if got.Reason != Overloaded || !errors.Is(got.Cause, busy) {
			t.Errorf("%s: got %s (%v), want %s", name, got.Reason, got.Cause, Overloaded)
		}
	}
}
