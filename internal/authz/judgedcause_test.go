package authz

import (
	"strings"
	"testing"
	"time"

	"credence/internal/registry"
)

// TestJWTCauseOfTime has the log tell by how much a JWT misses its times, where
// that is what decides.
func TestJWTCauseOfTime(t *testing.T) {
	at := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	for name, test := range map[string]struct {
		claims map[string]any
		change func(*fakeDirectory)
		want   Reason
		cause  string // empty: none
	}{
		"good":              {nil, nil, Allowed, ""},
		"expired":           {map[string]any{"iat": at(-4 * time.Minute), "exp": at(-3 * time.Minute)}, nil, CredentialExpired, "jwt: exp passed 3m0s ago"},
		"with jti":          {map[string]any{"iat": at(-4 * time.Minute), "exp": at(-3 * time.Minute), "jti": "1"}, nil, CredentialExpired, "jwt: exp passed 3m0s ago"},
		"iat ahead":         {map[string]any{"iat": at(2 * time.Minute), "exp": at(3 * time.Minute)}, nil, CredentialNotYetValid, "jwt: iat lies 2m0s ahead"},
		"nbf ahead":         {map[string]any{"nbf": at(2 * time.Minute), "exp": at(3 * time.Minute)}, nil, CredentialNotYetValid, "jwt: nbf lies 2m0s ahead"},
		"long":              {map[string]any{"exp": at(24 * time.Hour)}, nil, CredentialLifetime, "jwt: lives 24h0m0s"},
		"an expired key":    {nil, func(d *fakeDirectory) { d.key.Record.(*registry.Key).Expires = noon.Add(-time.Hour) }, CredentialExpired, "jwt: its key has expired"},
		"long, of disabled": {map[string]any{"exp": at(24 * time.Hour)}, func(d *fakeDirectory) { d.client.Record.(*registry.Client).State = registry.Disabled }, ClientDisabled, ""},
		"long, of nobody":   {map[string]any{"exp": at(24 * time.Hour)}, func(d *fakeDirectory) { d.profile = registry.Entry{} }, ProfileUnknown, ""},
	} {
		directory := jwtDirectory(t)
		if test.change != nil {
			test.change(&directory)
		}
		got := testJWT{claims: test.claims}.decide(t, directory, false)
		cause := ""
		if got.Cause != nil {
			cause = got.Cause.Error()
		}
		if got.Reason != test.want || cause != test.cause || strings.Contains(cause, "eyJ") {
			t.Errorf("%s: got %s (%s), want %s (%s)", name, got.Reason, cause, test.want, test.cause)
		}
	}
}
