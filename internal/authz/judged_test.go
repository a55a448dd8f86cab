package authz

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"credence/internal/credential"
	"credence/internal/registry"
)

// TestJWTLookups holds judging to two lookups at most, and to none for what can
// be denied without.
func TestJWTLookups(t *testing.T) {
	jti := map[string]any{"jti": "1"}
	for name, test := range map[string]struct {
		jwt      testJWT
		byIssuer bool
		change   func(*fakeDirectory)
		want     Reason
		asks     []string
	}{
		"a client's":              {want: Allowed, asks: []string{"key", "owner"}},
		"a client's with jti":     {jwt: testJWT{claims: jti}, want: Allowed, asks: []string{"key", "owner and revoked"}},
		"an issuer's":             {byIssuer: true, want: Allowed, asks: []string{"binding", "owner"}},
		"an issuer's with jti":    {jwt: testJWT{claims: jti}, byIssuer: true, want: Allowed, asks: []string{"binding", "owner and revoked"}},
		"iss of nobody":           {jwt: testJWT{claims: map[string]any{"iss": "https://other.example.com"}}, want: JWTIssuerUnknown},
		"kid of nobody":           {jwt: testJWT{kid: "a key"}, want: JWTKeyUnknown},
		"no key":                  {change: func(d *fakeDirectory) { d.key = registry.Entry{} }, want: JWTKeyUnknown, asks: []string{"key"}},
		"key invalid":             {change: func(d *fakeDirectory) { d.key = registry.Entry{Invalid: registry.WrongType("key")} }, want: RecordInvalid, asks: []string{"key"}},
		"forged":                  {jwt: testJWT{forged: true, claims: jti}, want: JWTSignature, asks: []string{"key"}},
		"forged in an issuer's":   {jwt: testJWT{forged: true, claims: jti}, byIssuer: true, want: JWTSignature},
		"no subject":              {jwt: testJWT{claims: map[string]any{"sub": nil}}, byIssuer: true, want: JWTSubjectUnknown},
		"no binding":              {byIssuer: true, change: func(d *fakeDirectory) { d.binding = registry.Entry{} }, want: JWTSubjectUnknown, asks: []string{"binding"}},
		"no exp":                  {jwt: testJWT{claims: map[string]any{"exp": nil, "jti": "1"}}, want: JWTClaims, asks: []string{"key"}},
		"for others":              {jwt: testJWT{claims: map[string]any{"aud": "other"}}, byIssuer: true, want: JWTAudience, asks: []string{"binding"}},
		"key of a record of none": {change: func(d *fakeDirectory) { d.key.Record = &registry.Client{} }, want: RecordInvalid, asks: []string{"key"}},
	} {
		directory := &watched{fakeDirectory: jwtDirectory(t)}
		if test.change != nil {
			test.change(&directory.fakeDirectory)
		}
		got := test.jwt.decide(t, directory, test.byIssuer)
		if got.Reason != test.want || !directory.sameLookups(test.asks...) {
			t.Errorf("%s: got %s (%v) by asking for %v; want %s by %v", name, got.Reason, got.Cause, directory.asked, test.want, test.asks)
		}
		known := slices.Contains([]Reason{Allowed, JWTClaims, JWTAudience}, test.want)
		if known == reflect.ValueOf(got.Facts).IsZero() {
			t.Errorf("%s: %s with facts %+v", name, got.Reason, got.Facts)
		}
	}
}

// TestJWTFacts holds the facts of a JWT to those of its key, or of its binding.
func TestJWTFacts(t *testing.T) {
	for _, byIssuer := range []bool{false, true} {
		got := testJWT{}.decide(t, jwtDirectory(t), byIssuer)
		own := got.Facts.Credential
		if got.Reason != Allowed || own.Kind != credential.JWT || own.ID != "k1" || own.Client != "acme" || own.Profile != "partner" || got.Facts.Client == nil || got.Facts.Profile == nil {
			t.Errorf("by issuer %v: got %s (%v) with %+v", byIssuer, got.Reason, got.Cause, got.Facts)
		}
	}
}

// TestJWTLookupsFail has each lookup fail: nobody knows then, and no client is
// told that its JWT is wrong. What the lookups before it decide is still said.
func TestJWTLookupsFail(t *testing.T) {
	jti := testJWT{claims: map[string]any{"jti": "1"}}
	steps := map[string]struct {
		byIssuer, proven bool
		change           func(d *fakeDirectory, issuers *fakeIssuers, err error)
	}{
		"key":                       {false, false, func(d *fakeDirectory, _ *fakeIssuers, err error) { d.tokenErr = err }},
		"issuer's key":              {true, false, func(_ *fakeDirectory, i *fakeIssuers, err error) { i.err = err }},
		"binding":                   {true, false, func(d *fakeDirectory, _ *fakeIssuers, err error) { d.bindingErr = err }},
		"revoked":                   {false, true, func(d *fakeDirectory, _ *fakeIssuers, err error) { d.revokedErr = err }},
		"revoked, of an issuer's":   {true, true, func(d *fakeDirectory, _ *fakeIssuers, err error) { d.revokedErr = err }},
		"owner":                     {false, true, func(d *fakeDirectory, _ *fakeIssuers, err error) { d.ownerErr = err }},
		"owner, of an issuer's":     {true, true, func(d *fakeDirectory, _ *fakeIssuers, err error) { d.ownerErr = err }},
		"all that is asked at last": {false, true, func(d *fakeDirectory, _ *fakeIssuers, err error) { d.ownerErr, d.revokedErr = err, err }},
	}
	for name, step := range steps {
		for _, failure := range []struct {
			err  error
			want Reason
		}{{registry.ErrUnavailable, RegistryUnavailable}, {registry.ErrOverloaded, Overloaded}} {
			directory, issuers := jwtDirectory(t), fakeIssuers{key: signerOf(t).Key()}
			step.change(&directory, &issuers, fmt.Errorf("a test: %w", failure.err))
			got := NewChecker(jwtPolicy(), Sources{Directory: directory, Issuers: issuers}).
				Check(context.Background(), noon, jti.request(t, step.byIssuer))
			if got.Reason != failure.want || !errors.Is(got.Cause, failure.err) {
				t.Errorf("%s: got %s (%v), want %s because of %v", name, got.Reason, got.Cause, failure.want, failure.err)
			}
			if zero := reflect.ValueOf(got.Facts).IsZero(); zero == step.proven {
				t.Errorf("%s: %s with facts %+v, possession proven %v", name, got.Reason, got.Facts, step.proven)
			}
		}
	}
}

// TestJWTNotVerifiedInTurn has nobody come to verify: that says nothing of the
// signature, good or bad, and nothing is looked up for who made it.
func TestJWTNotVerifiedInTurn(t *testing.T) {
	for _, byIssuer := range []bool{false, true} {
		for _, forged := range []bool{false, true} {
			directory := &watched{fakeDirectory: jwtDirectory(t)}
			checker := NewChecker(jwtPolicy(), Sources{Directory: directory, Issuers: fakeIssuers{key: signerOf(t).Key()}, Verifier: busy{}})
			got := checker.Check(context.Background(), noon, testJWT{forged: forged}.request(t, byIssuer))
			asks := []string{"key"}
			if byIssuer {
				asks = nil
			}
			if got.Reason != Overloaded || !errors.Is(got.Cause, registry.ErrOverloaded) || !reflect.ValueOf(got.Facts).IsZero() || !directory.sameLookups(asks...) {
				t.Errorf("by issuer %v, forged %v: got %s (%v), facts %+v, asked for %v", byIssuer, forged, got.Reason, got.Cause, got.Facts, directory.asked)
			}
		}
	}
}

// TestJWTNeighborsElsewhere holds rules to their order that no registry at rest
// has fail: what a JWT says of itself decides before who has no turn.
func TestJWTNeighborsElsewhere(t *testing.T) {
	noTurn := jwtDirectory(t)
	noTurn.tokenErr, noTurn.bindingErr = registry.ErrOverloaded, registry.ErrOverloaded
	late := jwtDirectory(t)
	late.client = registry.Entry{Record: &registry.Client{ID: "acme", State: registry.Active, ValidAfter: noon}}
	revoked := jwtDirectory(t)
	key := *revoked.key.Record.(*registry.Key)
	key.State = registry.Revoked
	revoked.key, revoked.revokedErr = registry.Entry{Record: &key}, registry.ErrUnavailable
	other := jwtDirectory(t)
	other.key = registry.Entry{Record: &registry.Key{
		ID: "k1", Client: "acme", Algorithm: "EdDSA", State: registry.Active,
		JWK: `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, // RFC 8037 §A.2
	}}
	jti := map[string]any{"jti": "1"}
	for name, test := range map[string]struct {
		jwt      testJWT
		byIssuer bool
		from     Sources
		want     Reason
	}{
		"issuer, then turn":                 {testJWT{claims: map[string]any{"iss": "Acme Corp"}}, false, Sources{Directory: noTurn}, JWTIssuerUnknown},
		"turn":                              {testJWT{}, false, Sources{Directory: noTurn}, Overloaded},
		"algorithm of the key, then lane":   {testJWT{}, false, Sources{Directory: other, Verifier: busy{}}, JWTAlgorithm},
		"lane":                              {testJWT{}, false, Sources{Directory: jwtDirectory(t), Verifier: busy{}}, Overloaded},
		"signature, then turn of binding":   {testJWT{forged: true}, true, Sources{Directory: noTurn}, JWTSignature},
		"turn of binding":                   {testJWT{}, true, Sources{Directory: noTurn}, Overloaded},
		"valid_after, then turn of profile": {testJWT{}, false, Sources{Directory: apart{late, nil, registry.ErrOverloaded}}, CredentialRevoked},
		"key revoked, list unreadable":      {testJWT{claims: jti}, false, Sources{Directory: revoked}, CredentialRevoked},
	} {
		test.from.Issuers = fakeIssuers{key: signerOf(t).Key()}
		if got := NewChecker(jwtPolicy(), test.from).Check(context.Background(), noon, test.jwt.request(t, test.byIssuer)); got.Reason != test.want {
			t.Errorf("%s: got %s (%v), want %s", name, got.Reason, got.Cause, test.want)
		}
	}
}

// TestJWTRecordsOfAnotherKind has a directory answer with records that are none
// of what was asked for: they are as bad as invalid ones.
func TestJWTRecordsOfAnotherKind(t *testing.T) {
	asBinding, asRevoked := jwtDirectory(t), jwtDirectory(t)
	asBinding.binding.Record = &registry.Client{}
	asRevoked.revoked = registry.Entry{Record: &registry.Client{}}
	jti := testJWT{claims: map[string]any{"jti": "1"}}
	for name, directory := range map[string]fakeDirectory{"binding": asBinding, "revoked": asRevoked} {
		if got := jti.decide(t, directory, true); got.Reason != RecordInvalid {
			t.Errorf("another record as %s: got %s (%v), want %s", name, got.Reason, got.Cause, RecordInvalid)
		}
	}
}

// TestNoIssuerAnswers holds an issuer's key that is not there to what it is: a
// kid that names none.
func TestNoIssuerAnswers(t *testing.T) {
	directory := &watched{fakeDirectory: jwtDirectory(t)}
	checker := NewChecker(jwtPolicy(), Sources{Directory: directory, Issuers: fakeIssuers{}})
	got := checker.Check(context.Background(), noon, testJWT{}.request(t, true))
	if got.Reason != JWTKeyUnknown || !directory.sameLookups() || !reflect.ValueOf(got.Facts).IsZero() {
		t.Errorf("got %s (%v), facts %+v, asked for %v", got.Reason, got.Cause, got.Facts, directory.asked)
	}
}
