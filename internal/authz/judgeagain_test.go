package authz

import (
	"errors"
	"reflect"
	"testing"

	"credence/internal/registry"
)

// TestJWTGatherAgain has each fact of a JWT be touched while they are gathered:
// they are gathered again, three times at most, and then nobody knows.
func TestJWTGatherAgain(t *testing.T) {
	absent, forged := jwtDirectory(t), testJWT{claims: map[string]any{"jti": "1"}, forged: true}
	absent.key, absent.binding = registry.Entry{}, registry.Entry{}
	gone := jwtDirectory(t)
	gone.client = registry.Entry{}
	good := testJWT{claims: map[string]any{"jti": "1"}}
	for name, test := range map[string]struct {
		jwt       testJWT
		directory fakeDirectory
		byIssuer  bool
		facts     []string
		want      Reason // in peace
	}{
		"a client's":                {good, jwtDirectory(t), false, []string{"key", "client", "profile", "revoked"}, Allowed},
		"an issuer's":               {good, jwtDirectory(t), true, []string{"binding", "client", "profile", "revoked"}, Allowed},
		"no key":                    {good, absent, false, []string{"key"}, JWTKeyUnknown},
		"no binding":                {good, absent, true, []string{"binding"}, JWTSubjectUnknown},
		"forged":                    {forged, jwtDirectory(t), false, []string{"key"}, JWTSignature},
		"for others":                {testJWT{claims: map[string]any{"aud": "x"}}, jwtDirectory(t), false, []string{"key"}, JWTAudience},
		"for others, by an issuer":  {testJWT{claims: map[string]any{"aud": "x"}}, jwtDirectory(t), true, []string{"binding"}, JWTAudience},
		"no client":                 {good, gone, false, []string{"key", "client", "profile", "revoked"}, ClientUnknown},
		"no client, by an issuer's": {good, gone, true, []string{"binding", "client", "profile", "revoked"}, ClientUnknown},
	} {
		for _, fact := range test.facts {
			for touches := range 6 {
				directory := &watched{fakeDirectory: test.directory, touch: fact, touches: touches}
				got := test.jwt.decide(t, directory, test.byIssuer)
				want := test.want
				if touches > 3 {
					want = RegistryUnavailable
				}
				if left := max(0, touches-4); got.Reason != want || directory.touches != left {
					t.Errorf("%s, %s touched %d times: got %s (%v) with %d touches left, want %s with %d",
						name, fact, touches, got.Reason, got.Cause, directory.touches, want, left)
				}
				if touches > 3 && (!errors.Is(got.Cause, ErrTouched) || !reflect.ValueOf(got.Facts).IsZero()) {
					t.Errorf("%s, %s touched %d times: because of %v, with facts %+v", name, fact, touches, got.Cause, got.Facts)
				}
			}
		}
	}
}

// TestJWTGatherAnew holds each gathering to facts of its own: what an earlier
// one had found is no part of the decision.
func TestJWTGatherAnew(t *testing.T) {
	revoke := func(w *watched) {
		w.revoked = registry.RevokedEntry([]string{registry.JTIOf("acme", "1").String()})
	}
	for name, test := range map[string]struct {
		byIssuer bool
		fact     string
		after    func(*watched)
		want     Reason
		known    bool
	}{
		"the key is gone":         {false, "client", func(w *watched) { w.key = registry.Entry{} }, JWTKeyUnknown, false},
		"the key is invalid":      {false, "key", func(w *watched) { w.key = registry.Entry{Invalid: registry.WrongType("key")} }, RecordInvalid, false},
		"the key is unreadable":   {false, "profile", func(w *watched) { w.tokenErr = registry.ErrUnavailable }, RegistryUnavailable, false},
		"the binding is gone":     {true, "client", func(w *watched) { w.binding = registry.Entry{} }, JWTSubjectUnknown, false},
		"the binding has no turn": {true, "binding", func(w *watched) { w.bindingErr = registry.ErrOverloaded }, Overloaded, false},
		"the client is gone":      {false, "key", func(w *watched) { w.client = registry.Entry{} }, ClientUnknown, true},
		"the JWT is revoked":      {false, "revoked", revoke, CredentialRevoked, true},
	} {
		directory := &watched{fakeDirectory: jwtDirectory(t), touch: test.fact, touches: 1, after: test.after}
		got := testJWT{claims: map[string]any{"jti": "1"}}.decide(t, directory, test.byIssuer)
		if zero := reflect.ValueOf(got.Facts).IsZero(); got.Reason != test.want || zero == test.known {
			t.Errorf("%s: got %s (%v) with facts %+v, want %s", name, got.Reason, got.Cause, got.Facts, test.want)
		}
	}
}
