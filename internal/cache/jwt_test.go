package cache

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/jwt"
	"credence/internal/jwt/jwttest"
	"credence/internal/registry"
)

// newSigner makes a key to sign JWTs with.
func newSigner(t testing.TB) *jwt.Signer { return jwttest.New(t, jwt.EdDSA).Signer }

const theIssuer = "https://id.example.com"

// signed gives a JWT that is good at noon; an empty jti leaves it out.
func signed(t testing.TB, by *jwt.Signer, issuer, jti string) credential.Secret {
	t.Helper()
	claims := map[string]any{"iss": issuer, "sub": "user-1", "aud": "api", "iat": noon.Unix(), "exp": noon.Add(time.Minute).Unix()}
	if jti != "" {
		claims["jti"] = jti
	}
	made, err := by.Sign(jwt.EdDSA, "k1", claims)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// issuerOf is an issuer with one key.
type issuerOf struct{ key *jwt.Key }

func (i issuerOf) Key(context.Context, string, string, jwt.Algorithm) (*jwt.Key, error) {
	return i.key, nil
}

// signing adds a key of acme's and a binding to acme, both of one signer, and
// gives whom to ask about JWTs.
func (s *subject) signing(by *jwt.Signer) *authz.Checker {
	s.t.Helper()
	key := &registry.Key{ID: "k1", Client: "acme", Algorithm: "EdDSA", JWK: by.Key().JWK("k1"), Profile: "signed", State: registry.Active, Created: noon}
	binding := &registry.Binding{Issuer: theIssuer, Subject: "user-1", Client: "acme", Profile: "signed", State: registry.Active, Created: noon}
	profile := &registry.Profile{ID: "signed", State: registry.Active, Accepts: registry.Kinds{JWT: true}, Created: noon}
	for _, record := range []registry.Record{key, binding, profile} {
		s.memory.Put(record.Ref(), record.Fields())
	}
	policy := testPolicy
	policy.JWT = authz.JWTPolicy{
		Audiences: []string{"api"}, MaxLifetime: time.Hour, Skew: 30 * time.Second, SubjectClaims: map[string]string{theIssuer: "sub"},
	}
	signatures, err := NewSignatures(100)
	if err != nil {
		s.t.Fatal(err)
	}
	return authz.NewChecker(policy, authz.Sources{Directory: s.Cache, Issuers: issuerOf{by.Key()}, Verifier: signatures})
}

// withJWT presents one.
func withJWT(presented credential.Secret) authz.Request {
	r := present("x")
	r.Headers = credential.Headers{{Name: "api-token", Value: presented.Expose()}}
	return r
}

// TestRoundTripsOfJWTs counts what a JWT costs the registry: two reads, one after
// the other, and beside the second one of the revoked JWTs, where it has a jti;
// none once all is known.
func TestRoundTripsOfJWTs(t *testing.T) {
	by := newSigner(t)
	for _, issuer := range []string{"acme", theIssuer} {
		for _, jti := range []string{"", "1"} {
			t.Run(issuer+" "+jti, func(t *testing.T) {
				s := open(t, Options{})
				checker := s.signing(by)
				for _, reads := range []int{2 + len(jti), 0} {
					before := len(s.source.reads())
					got := checker.Check(t.Context(), noon, withJWT(signed(t, by, issuer, jti)))
					if made := len(s.source.reads()) - before; got.Reason != authz.Allowed || made != reads {
						t.Errorf("got %s (%v) by %d reads, want %s by %d", got.Reason, got.Cause, made, authz.Allowed, reads)
					}
				}
				// The list of revoked JWTs is held whole: another one asks nobody.
				before := len(s.source.reads())
				if got := checker.Check(t.Context(), noon, withJWT(signed(t, by, issuer, jti+"2"))); got.Reason != authz.Allowed {
					t.Errorf("another: got %s (%v)", got.Reason, got.Cause)
				}
				if made := len(s.source.reads()) - before; jti != "" && made != 0 {
					t.Errorf("another: %d reads, want none", made)
				}
			})
		}
	}
}

// TestForgedJWTsLookNothingUp has JWTs with bad signatures presented: beyond the
// key nothing is looked up for them.
func TestForgedJWTsLookNothingUp(t *testing.T) {
	s := open(t, Options{})
	checker := s.signing(newSigner(t))
	for i := range 3 {
		got := checker.Check(t.Context(), noon, withJWT(signed(t, newSigner(t), "acme", fmt.Sprint(i))))
		if got.Reason != authz.JWTSignature || got.Facts.Credential.Client != "" || got.Facts.Client != nil {
			t.Errorf("got %s with facts %+v, want %s without", got.Reason, got.Facts, authz.JWTSignature)
		}
	}
	for _, refs := range s.source.reads() {
		for _, ref := range refs {
			if ref != registry.RootRef && ref.Kind != registry.KeyKind {
				t.Errorf("%s was read for a JWT that nobody has signed", ref.Key())
			}
		}
	}
}

// TestRevokedAtOnce revokes what a JWT depends on, whose signature is kept: the
// commit that the feed tells of is enough.
func TestRevokedAtOnce(t *testing.T) {
	by := newSigner(t)
	edit := func(s *subject, ref registry.Ref, change func(registry.Record) registry.Record) registry.Commit {
		entries, err := s.memory.Read(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		return registry.Commit{Edits: []registry.Edit{{Was: entries[0], Now: change(entries[0].Record)}}}
	}
	for name, test := range map[string]struct {
		issuer string
		commit func(*subject) registry.Commit
		want   authz.Reason
	}{
		"key": {"acme", func(s *subject) registry.Commit {
			return edit(s, registry.KeyRef("acme", "k1"), func(r registry.Record) registry.Record {
				key := *r.(*registry.Key)
				key.State = registry.Revoked
				return &key
			})
		}, authz.CredentialRevoked},
		"binding": {theIssuer, func(s *subject) registry.Commit {
			return edit(s, registry.BindingRef(registry.BindingIDOf(theIssuer, "user-1")), func(r registry.Record) registry.Record {
				binding := *r.(*registry.Binding)
				binding.State = registry.Revoked
				return &binding
			})
		}, authz.CredentialRevoked},
		"jti": {"acme", func(*subject) registry.Commit {
			return registry.Commit{Revoke: []registry.Revocation{{JTI: registry.JTIOf("acme", "1"), Forget: noon.Add(time.Hour)}}}
		}, authz.CredentialRevoked},
		"client": {theIssuer, func(s *subject) registry.Commit {
			return edit(s, registry.ClientRef("acme"), func(r registry.Record) registry.Record {
				client := *r.(*registry.Client)
				client.State = registry.Disabled
				return &client
			})
		}, authz.ClientDisabled},
		"valid_after": {"acme", func(s *subject) registry.Commit {
			return edit(s, registry.ClientRef("acme"), func(r registry.Record) registry.Record {
				client := *r.(*registry.Client)
				client.ValidAfter = noon
				return &client
			})
		}, authz.CredentialRevoked},
		"the jti of another issuer": {"acme", func(*subject) registry.Commit {
			return registry.Commit{Revoke: []registry.Revocation{{JTI: registry.JTIOf(theIssuer, "1"), Forget: noon.Add(time.Hour)}}}
		}, authz.Allowed},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{})
			checker, request := s.signing(by), withJWT(signed(t, by, test.issuer, "1"))
			if got := checker.Check(t.Context(), noon, request); got.Reason != authz.Allowed {
				t.Fatalf("before: got %s (%v)", got.Reason, got.Cause)
			}
			commit := test.commit(s)
			commit.At = noon
			if _, err := s.memory.Commit(t.Context(), commit); err != nil {
				t.Fatal(err)
			}
			if err := s.round(); err != nil {
				t.Fatal(err)
			}
			if got := checker.Check(t.Context(), noon, request); got.Reason != test.want {
				t.Errorf("after: got %s (%v), want %s", got.Reason, got.Cause, test.want)
			}
		})
	}
}

// TestRevokedUnreadable has the list of revoked JWTs be unreadable: a JWT that
// could be on it is a 503, one without a jti passes.
func TestRevokedUnreadable(t *testing.T) {
	by := newSigner(t)
	s := open(t, Options{})
	checker := s.signing(by)
	s.memory.PutRevoked("nonsense", noon.Unix())
	if got := checker.Check(t.Context(), noon, withJWT(signed(t, by, "acme", "1"))); got.Reason != authz.RecordInvalid {
		t.Errorf("a list that is invalid: got %s (%v), want %s", got.Reason, got.Cause, authz.RecordInvalid)
	}
	if got := checker.Check(t.Context(), noon, withJWT(signed(t, by, "acme", ""))); got.Reason != authz.Allowed {
		t.Errorf("without a jti: got %s (%v), want %s", got.Reason, got.Cause, authz.Allowed)
	}
	s.Lose(errors.New("late"))
	s.Invalidate([]registry.Ref{registry.RevokedRef})
	if got := checker.Check(t.Context(), noon, withJWT(signed(t, by, "acme", "1"))); got.Reason != authz.RegistryUnavailable {
		t.Errorf("a list that is not known: got %s (%v), want %s", got.Reason, got.Cause, authz.RegistryUnavailable)
	}
}
