package cache

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// TestRoundTrips counts the reads of one check: two at most, none where the
// shape of what is presented decides, and none once all is known. Each begins
// with the root record.
func TestRoundTrips(t *testing.T) {
	with := func(change func(*authz.Request)) authz.Request {
		request := present(ownToken)
		change(&request)
		return request
	}
	headers := func(lines ...credential.Header) authz.Request {
		return with(func(r *authz.Request) { r.Headers = lines })
	}
	optional := headers()
	optional.Extensions = authz.Extensions{{Key: "auth", Value: "optional"}}
	for name, test := range map[string]struct {
		request authz.Request
		reads   int
		want    authz.Reason
	}{
		"allowed":                     {present(ownToken), 2, authz.Allowed},
		"token of another system":     {present(otherToken), 2, authz.Allowed},
		"unknown token":               {present(noToken), 1, authz.TokenUnknown},
		"malformed token":             {present("crd_0123456789"), 0, authz.CredentialMalformed},
		"nothing presented":           {headers(), 0, authz.CredentialMissing},
		"ambiguous":                   {headers(credential.Header{Name: "api-token", Value: otherToken}, credential.Header{Name: "api-token", Value: otherToken}), 0, authz.CredentialAmbiguous},
		"in the URL":                  {with(func(r *authz.Request) { r.Target = "/" + ownToken }), 0, authz.CredentialInURL},
		"JWT of nobody":               {present("eyJhIjoxfQ.e30.x"), 0, authz.JWTMalformed},
		"route not understood":        {with(func(r *authz.Request) { r.Extensions = authz.Extensions{{Key: "x"}} }), 0, authz.RouteInvalid},
		"no method":                   {with(func(r *authz.Request) { r.Method = "" }), 0, authz.RequestInvalid},
		"no HTTP":                     {authz.Request{}, 0, authz.RequestInvalid},
		"route demands what is not":   {with(func(r *authz.Request) { r.Extensions = authz.Extensions{{Key: "scopes", Value: "a"}} }), 2, authz.ScopeMissing},
		"optional without credential": {optional, 0, authz.AllowedAnonymous},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{NegativeTTL: modelNegative})
			for _, reads := range []int{test.reads, 0} {
				before := len(s.source.reads())
				got := s.check.Check(context.Background(), noon, test.request)
				if made := len(s.source.reads()) - before; got.Reason != test.want || made != reads {
					t.Errorf("got %s by %d reads, want %s by %d", got.Reason, made, test.want, reads)
				}
			}
			for _, refs := range s.source.reads() {
				if refs[0] != registry.RootRef {
					t.Errorf("read %v: want the root record first", refs)
				}
			}
		})
	}
}

// TestOwnersAreReadTogether holds a client and its profile to one read, of which
// what is known is no part.
func TestOwnersAreReadTogether(t *testing.T) {
	s := open(t, Options{})
	client, profile := registry.ClientRef("acme"), registry.ProfileRef("partner")
	s.decides(ownToken, authz.Allowed, 2)
	for _, test := range []struct {
		touched []registry.Ref
		want    int // refs in the read, the root among them
	}{{[]registry.Ref{client}, 2}, {[]registry.Ref{profile}, 2}, {[]registry.Ref{client, profile}, 3}} {
		s.Invalidate(test.touched)
		s.decides(ownToken, authz.Allowed, 1)
		reads := s.source.reads()
		if last := reads[len(reads)-1]; len(last) != test.want {
			t.Errorf("once %v were touched, read %v: want %d", test.touched, last, test.want)
		}
	}
}

// TestEveryKindInOneRead holds a lookup to one read for all kinds of digest.
func TestEveryKindInOneRead(t *testing.T) {
	peppers := peppersOf(t, map[credential.DigestKind]string{"h1": "one", "h2": "two"})
	s := newSubject(t, Options{Peppers: peppers})
	s.memory.Put(registry.RootRef, registry.Fields{
		"id": "first", "schema": "1", "digests": "h2 h1 s1", "check_h1": checkOf(t, peppers, "h1"), "check_h2": checkOf(t, peppers, "h2"),
	})
	s.Join(s.dial.read())
	if err := s.startAtTail(); err != nil {
		t.Fatal(err)
	}
	s.decides(ownToken, authz.Allowed, 2)
	reads := s.source.reads()
	if len(reads[0]) != 4 {
		t.Errorf("the first read is %v: want the root and three digests", reads[0])
	}
	for i, kind := range []string{"h2:", "h1:", "s1:"} {
		if id := reads[0][1+i].ID; id[:3] != kind {
			t.Errorf("digest %d is %s, want %s", i, id, kind)
		}
	}
}

func peppersOf(t testing.TB, texts map[credential.DigestKind]string) credential.Peppers {
	t.Helper()
	secrets := make(map[credential.DigestKind]credential.Secret)
	for kind, text := range texts {
		secrets[kind] = credential.NewSecret(text)
	}
	peppers, err := credential.NewPeppers(secrets)
	if err != nil {
		t.Fatal(err)
	}
	return peppers
}

func checkOf(t testing.TB, peppers credential.Peppers, kind credential.DigestKind) string {
	t.Helper()
	check, err := peppers.Check(kind)
	if err != nil {
		t.Fatal(err)
	}
	return check
}

// TestFailedReads fails each read of a check in turn: nobody knows then, and
// the token is never unknown, whatever the error says. The next check is
// answered.
func TestFailedReads(t *testing.T) {
	for name, failure := range map[string]error{
		"unavailable":   registry.ErrUnavailable,
		"deadline":      context.DeadlineExceeded,
		"other":         errors.New("broken pipe"),
		"no registry":   registry.ErrNoRegistry,
		"wrapped twice": errors.Join(registry.ErrUnavailable, context.Canceled),
	} {
		for read := 1; read <= 2; read++ {
			t.Run(fmt.Sprintf("%s at read %d", name, read), func(t *testing.T) {
				s := open(t, Options{NegativeTTL: modelNegative})
				s.source.fail[read] = failure
				got := s.checks(ownToken)
				if got.Reason != authz.RegistryUnavailable || !errors.Is(got.Cause, failure) {
					t.Errorf("got %s because of %v, want %s", got.Reason, got.Cause, authz.RegistryUnavailable)
				}
				if made := len(s.source.reads()); made != read {
					t.Errorf("%d reads, want %d", made, read)
				}
				s.decides(ownToken, authz.Allowed, 3-read)
			})
		}
	}
}

// TestBudgetEnds has the budget of a check be spent while it waits: that is no
// answer about the token, and the read brings the fact for the next.
func TestBudgetEnds(t *testing.T) {
	s := open(t, Options{})
	release := s.source.hold()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if got := s.check.Check(ctx, noon, present(ownToken)); got.Reason != authz.RegistryUnavailable || !errors.Is(got.Cause, context.Canceled) {
		t.Errorf("got %s (%v), want %s", got.Reason, got.Cause, authz.RegistryUnavailable)
	}
	release()
	if got := s.checks(ownToken); got.Reason != authz.Allowed {
		t.Errorf("afterwards: got %s (%v), want %s", got.Reason, got.Cause, authz.Allowed)
	}
}

// TestReadRejects has a read find that the registry must not be served from:
// what is known of it does not serve either.
func TestReadRejects(t *testing.T) {
	for name, test := range map[string]struct {
		change func(m *registry.Memory)
		want   error
	}{
		"another registry": {func(m *registry.Memory) {
			m.Put(registry.RootRef, registry.Fields{"id": "second", "schema": "1", "digests": "s1"})
		}, ErrAnotherRegistry},
		"no registry": {func(m *registry.Memory) { m.Remove("registry"); m.Remove("client:acme") }, registry.ErrNoRegistry},
		"pepper that is missing": {func(m *registry.Memory) {
			m.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "h1"})
		}, credential.ErrPepperMissing},
		"another type": {func(m *registry.Memory) { m.PutOtherType("registry") }, registry.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{NegativeTTL: modelNegative})
			s.decides(ownToken, authz.Allowed, 2)
			test.change(s.memory)
			got := s.checks(noToken)
			if got.Reason != authz.RegistryUnavailable || !errors.Is(got.Cause, test.want) {
				t.Errorf("an unknown token: got %s because of %v, want %s because of %v", got.Reason, got.Cause, authz.RegistryUnavailable, test.want)
			}
			s.decides(ownToken, authz.RegistryUnavailable, 0)
			if state := s.State(); state.Follows || !errors.Is(state.Cause, test.want) {
				t.Errorf("it follows: %v, because of %v", state.Follows, state.Cause)
			}
		})
	}
}

// TestOldRead has a read be answered by a registry from before what was seen
// when it was sent: it counts fewer commits, or lacks an entry of another
// program that was applied. Whoever answered is asked no more.
func TestOldRead(t *testing.T) {
	for name, then := range map[string]func(m *registry.Memory){
		"fewer commits": func(m *registry.Memory) {
			m.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "s1", "seq": "6"})
		},
		"no entry is there":  func(m *registry.Memory) { m.Forget(0) },
		"there is no stream": func(m *registry.Memory) { m.Remove("changes") },
		"the last entry is older": func(m *registry.Memory) {
			m.Remove("changes")
			m.Tell(registry.Fields{"keys": "client:globex"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			renewed := 0
			s := newSubject(t, Options{Renew: func() { renewed++ }, NegativeTTL: modelNegative})
			s.memory.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "s1", "seq": "7"})
			s.Join(s.dial.read())
			s.memory.Tell(registry.Fields{"keys": "client:globex"})
			if err := s.startAtTail(); err != nil {
				t.Fatal(err)
			}
			s.memory.Tell(registry.Fields{"keys": "client:acme"})
			s.mustRound()
			s.decides(ownToken, authz.Allowed, 2)
			then(s.memory)
			for range 2 {
				got := s.checks(noToken)
				if got.Reason != authz.RegistryUnavailable || !errors.Is(got.Cause, ErrOldRegistry) {
					t.Errorf("got %s because of %v, want %s because of %v", got.Reason, got.Cause, authz.RegistryUnavailable, ErrOldRegistry)
				}
			}
			if renewed != 1 {
				t.Errorf("connections were renewed %d times within a second, want once", renewed)
			}
			s.decides(ownToken, authz.Allowed, 0) // the feed says whether that is so
			s.dial.pass(renewApart)
			s.Join(s.dial.read())
			s.checks(noToken)
			if renewed != 2 {
				t.Errorf("connections were renewed %d times, a second later, want twice", renewed)
			}
		})
	}
}
