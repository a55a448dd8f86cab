package e2e

import (
	"net/http"
	"slices"
	"testing"

	"credence/internal/jwt"
)

// TestClientSigns has a client sign for itself, by each algorithm, through a real
// Envoy.
func TestClientSigns(t *testing.T) {
	s := start(t, setting{patient: true, config: audience})
	s.signed()
	for _, a := range jwt.AnyAlgorithm.List() {
		p := newPair(t, a)
		kid := "key-" + a.String()
		s.key(kid, p)
		r := s.get("/orders", "Authorization: Bearer "+p.sign(t, kid, claim{"scope": "orders:read admin", "jti": "1"}))
		r.wantStatus(t, http.StatusOK, "")
		want := map[string]string{
			"X-Client-Id": "acme", "X-Client-Name": "Acme Ltd", "X-Client-Profile": "signed", "X-Client-Credential-Id": kid,
			"X-Client-Credential-Kind": "jwt", "X-Client-Scopes": "orders:read",
		}
		for name, value := range want {
			if got := r.arrived.Header[name]; !slices.Equal(got, []string{value}) {
				t.Errorf("%s: %s: %q, want %q once", a, name, got, value)
			}
		}
		if r.arrived.Header.Get("Authorization") != "" {
			t.Errorf("%s: the JWT reached the upstream", a)
		}
		s.get("/", "Authorization: Bearer "+newPair(t, a).sign(t, kid, nil)).wantStatus(t, http.StatusUnauthorized, "credential_invalid")
	}
	s.wantNoErrors()
}
