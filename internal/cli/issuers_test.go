package cli

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/jwks"
)

// TestIssuerLines holds /readyz to what has to be said of an issuer, and to
// nothing where all is well.
func TestIssuerLines(t *testing.T) {
	const name = "https://id.example.com"
	failed := errors.New("jwks: no answer in time")
	for _, test := range []struct {
		name  string
		state jwks.State
		want  []string
	}{
		{"well", jwks.State{Fetched: true, Age: time.Minute, Keys: 1}, nil},
		{"not yet", jwks.State{}, []string{"issuer " + name + ": no keys yet: its JWTs are denied with 503 (the first fetch is under way)"}},
		{"never", jwks.State{Err: failed}, []string{"issuer " + name + ": no keys yet: its JWTs are denied with 503 (no answer in time)"}},
		{"failing", jwks.State{Fetched: true, Age: 90*time.Minute + time.Millisecond, Keys: 1, Err: failed}, []string{"issuer " + name + ": keys are 1h30m0s old, and could not be fetched anew (no answer in time)"}},
		{"too old", jwks.State{Fetched: true, TooOld: true, Age: 25 * time.Hour, Keys: 1, Err: failed}, []string{"issuer " + name + ": keys are 25h0m0s old and used no longer: its JWTs are denied with 503 (no answer in time)"}},
	} {
		test.state.Issuer = name
		if diff := cmp.Diff(test.want, issuerLines([]jwks.State{test.state})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
