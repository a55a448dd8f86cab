package authz

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
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
			got := NewChecker(testPolicy, Sources{Directory: directory}).Check(context.Background(), noon, goodRequest())
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
			got := NewChecker(testPolicy, Sources{Directory: test.directory}).Check(context.Background(), noon, goodRequest())
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
		got := NewChecker(testPolicy, Sources{Directory: directory}).Check(context.Background(), noon, goodRequest())
		if got.Reason != RecordInvalid {
			t.Errorf("another record as %s: got %s, want %s", name, got.Reason, RecordInvalid)
		}
	}
}

func TestCheckAllows(t *testing.T) {
	got := NewChecker(testPolicy, Sources{Directory: goodDirectory()}).Check(context.Background(), noon, goodRequest())
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

func (g gate) Token(ctx context.Context, from netip.Addr, token credential.Secret) (*Fact, error) {
	g.arrived <- struct{}{}
	<-g.open
	return g.fakeDirectory.Token(ctx, from, token)
}

// TestOverloaded fills the checker with checks that wait for their lookup: the
// next one is answered at once whatever it asks, and once they are done all is
// as before.
func TestOverloaded(t *testing.T) {
	directory := gate{goodDirectory(), make(chan struct{}), make(chan struct{})}
	checker := NewChecker(testPolicy, Sources{Directory: directory})
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
	optional.Headers, optional.Extensions = nil, Extensions{{"auth", "optional"}}
	observing := goodRequest()
	observing.Extensions = Extensions{{"mode", "observe"}}
	misunderstood := goodRequest()
	misunderstood.Extensions = Extensions{{"mode", "off"}}
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
	after := NewChecker(testPolicy, Sources{Directory: goodDirectory()})
	after.inFlight.Store(MaxInFlight - 1)
	if got := after.Check(ctx, noon, goodRequest()); got.Reason != Allowed {
		t.Errorf("the last that has room got %s, want %s", got.Reason, Allowed)
	}
}

// A panicking directory is a fault of our own.
type panicking struct{ fakeDirectory }

func (panicking) Token(context.Context, netip.Addr, credential.Secret) (*Fact, error) { panic("fault") }

// TestPanicLeavesNoCheckInFlight holds the count to a check that does not come
// to its end: who serves catches the panic and answers.
func TestPanicLeavesNoCheckInFlight(t *testing.T) {
	checker := NewChecker(testPolicy, Sources{Directory: panicking{goodDirectory()}})
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
		got := NewChecker(testPolicy, Sources{Directory: directory}).Check(context.Background(), noon, goodRequest())
		if got.Reason != Overloaded || !errors.Is(got.Cause, busy) {
			t.Errorf("%s: got %s (%v), want %s", name, got.Reason, got.Cause, Overloaded)
		}
	}
}

// A restless directory is one whose facts are touched while they are gathered:
// so often, at a moment of each gathering.
type restless struct {
	fakeDirectory
	moment  moment
	touches int // how many gatherings are still to be disturbed
	asked   int // tokens
}

type moment uint8

const (
	betweenLookups moment = iota // the token, once it was found
	beforeDecision               // the client
	ofProfile                    // the profile, as early as that
)

func (r *restless) Token(ctx context.Context, from netip.Addr, token credential.Secret) (*Fact, error) {
	r.asked++
	fact, err := r.fakeDirectory.Token(ctx, from, token)
	if r.moment == betweenLookups && r.touches > 0 {
		r.touches--
		fact.Touch()
	}
	return fact, err
}

func (r *restless) Owner(ctx context.Context, client registry.ClientID, profile registry.ProfileID, revocable bool) (c, p, revoked Found) {
	c, p, revoked = r.fakeDirectory.Owner(ctx, client, profile, revocable)
	if r.moment != betweenLookups && r.touches > 0 {
		r.touches--
		map[moment]*Fact{beforeDecision: c.Fact, ofProfile: p.Fact}[r.moment].Touch()
	}
	return c, p, revoked
}

// TestGatherAgain has facts be touched while they are gathered: they are
// gathered again, three times at most, and then nobody knows.
func TestGatherAgain(t *testing.T) {
	unknown, unreadable, orphan, invalidToken := goodDirectory(), goodDirectory(), goodDirectory(), goodDirectory()
	unknown.token = registry.Entry{}
	unreadable.client, unreadable.profile, unreadable.ownerErr = registry.Entry{}, registry.Entry{}, registry.ErrUnavailable
	orphan.client = registry.Entry{}
	invalidToken.token = registry.Entry{Invalid: registry.WrongType("token")}
	for name, test := range map[string]struct {
		directory fakeDirectory
		moments   []moment
		want      Reason // in peace
	}{
		"all is there":         {goodDirectory(), []moment{betweenLookups, beforeDecision, ofProfile}, Allowed},
		"the token is unknown": {unknown, []moment{betweenLookups}, TokenUnknown},
		"the token is invalid": {invalidToken, []moment{betweenLookups}, RecordInvalid},
		"no owner":             {orphan, []moment{betweenLookups, beforeDecision, ofProfile}, ClientUnknown},
		"owner unreadable":     {unreadable, []moment{betweenLookups}, RegistryUnavailable},
	} {
		for _, at := range test.moments {
			for touches := range 6 {
				directory := &restless{fakeDirectory: test.directory, moment: at, touches: touches}
				got := NewChecker(testPolicy, Sources{Directory: directory}).Check(context.Background(), noon, goodRequest())
				want, asked := test.want, 1+touches
				if touches > 3 {
					want, asked = RegistryUnavailable, 4
				}
				if got.Reason != want || directory.asked != asked {
					t.Errorf("%s, touched %d times at %d: got %s (%v) by asking %d times, want %s by %d",
						name, touches, at, got.Reason, got.Cause, directory.asked, want, asked)
				}
				if touches > 3 && (!errors.Is(got.Cause, ErrTouched) || !reflect.ValueOf(got.Facts).IsZero()) {
					t.Errorf("%s, touched %d times at %d: because of %v, with facts %+v", name, touches, at, got.Cause, got.Facts)
				}
			}
		}
	}
}

// TestGatherAnew holds each gathering to facts of its own: what an earlier one
// had found is no part of the decision.
func TestGatherAnew(t *testing.T) {
	directory := &vanishing{fakeDirectory: goodDirectory()}
	got := NewChecker(testPolicy, Sources{Directory: directory}).Check(context.Background(), noon, goodRequest())
	if got.Reason != TokenUnknown || got.Facts.Credential.ID != "" || got.Facts.Client != nil || got.Facts.Profile != nil {
		t.Errorf("got %s with facts %+v, want %s without", got.Reason, got.Facts, TokenUnknown)
	}
}

// A vanishing directory has its token be gone once it was asked for the owner.
type vanishing struct{ fakeDirectory }

func (v *vanishing) Owner(ctx context.Context, client registry.ClientID, profile registry.ProfileID, revocable bool) (c, p, revoked Found) {
	c, p, revoked = v.fakeDirectory.Owner(ctx, client, profile, revocable)
	p.Fact.Touch()
	v.token = registry.Entry{}
	return c, p, revoked
}

// An apart directory fails to find one of client and profile.
type apart struct {
	fakeDirectory
	noClient, noProfile error
}

func (a apart) Owner(context.Context, registry.ClientID, registry.ProfileID, bool) (c, p, revoked Found) {
	return a.found(a.client, a.noClient), a.found(a.profile, a.noProfile), Found{}
}

// TestOwnersFailApart holds a lookup that failed to the first rule that asks
// for its record: a client that is known to be off is off, whatever became of
// its profile, on routes that observe too.
func TestOwnersFailApart(t *testing.T) {
	on, off := goodDirectory(), goodDirectory()
	off.client = registry.Entry{Record: &registry.Client{ID: "acme", State: registry.Disabled}}
	for name, test := range map[string]struct {
		directory apart
		want      Reason
	}{
		"profile unreadable":                 {apart{on, nil, registry.ErrUnavailable}, RegistryUnavailable},
		"profile without turn":               {apart{on, nil, registry.ErrOverloaded}, Overloaded},
		"client unreadable":                  {apart{on, registry.ErrUnavailable, nil}, RegistryUnavailable},
		"client without turn":                {apart{on, registry.ErrOverloaded, nil}, Overloaded},
		"client off, profile unreadable":     {apart{off, nil, registry.ErrUnavailable}, ClientDisabled},
		"client off, profile without turn":   {apart{off, nil, registry.ErrOverloaded}, ClientDisabled},
		"client unreadable, profile no turn": {apart{on, registry.ErrUnavailable, registry.ErrOverloaded}, RegistryUnavailable},
	} {
		request := goodRequest()
		if got := NewChecker(testPolicy, Sources{Directory: test.directory}).Check(context.Background(), noon, request); got.Reason != test.want {
			t.Errorf("%s: got %s (%v), want %s", name, got.Reason, got.Cause, test.want)
		}
		request.Extensions = Extensions{{"mode", "observe"}}
		got := NewChecker(testPolicy, Sources{Directory: test.directory}).Check(context.Background(), noon, request)
		if want := test.want; want == ClientDisabled && got.Reason != want || want != ClientDisabled && got.Observed != want {
			t.Errorf("%s, observed: got %s, observed %s, want %s", name, got.Reason, got.Observed, want)
		}
	}
}
