package e2e

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"credence/envoy"
	"credence/internal/e2e/parts"
)

// openRoute is a route where nobody needs a credential.
func openRoute() envoy.Edit { return envoy.Route("/open", map[string]string{"auth": "optional"}) }

// TestFileLocalRateLimit holds envoy/local-ratelimit.yaml: each client has a
// bucket of its own, under the name that credence gives it.
func TestFileLocalRateLimit(t *testing.T) {
	s := startFile(t, "local-ratelimit.yaml", setting{edits: []envoy.Edit{openRoute()}})
	acme := s.good()
	s.fronts(http.DefaultClient, acme)
	s.client("batch")
	s.client("third")
	batch, third := s.token("batch"), s.token("third")

	key := "x-api-key: " + batch.secret
	for n := range 10 {
		r := s.get("/", key, "x-client-id: acme") // what he calls himself does not count
		r.wantStatus(t, http.StatusOK, "")
		if n == 0 && r.header.Get("X-Ratelimit-Limit") == "" {
			t.Errorf("headers %v do not tell the client how he stands", r.header)
		}
	}
	arrived := len(s.upstream.Arrivals())
	s.get("/", key).wantStatus(t, http.StatusTooManyRequests, "")
	s.get("/", key, "x-client-id: acme").wantStatus(t, http.StatusTooManyRequests, "")
	if err := s.call("/shop.v1.Orders/Get", batch.secret); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a gRPC call over the limit: %v, want %v", err, codes.ResourceExhausted)
	}
	if n := len(s.upstream.Arrivals()) - arrived; n != 0 {
		t.Errorf("%d requests over the limit reached the upstream", n)
	}
	s.get("/", "x-api-key: "+acme.secret).wantStatus(t, http.StatusOK, "")
	s.get("/open", "x-client-id: batch").wantStatus(t, http.StatusOK, "")

	// Those without a bucket by name have one each: 60, and one more each second.
	passed := 0
	for s.get("/", "x-api-key: "+acme.secret).status == http.StatusOK {
		if passed++; passed > 1000 {
			t.Fatal("acme passed 1000 times, want a limit of about 60")
		}
	}
	if passed < 50 {
		t.Errorf("acme passed %d times, want about 60", passed)
	}
	s.get("/", "x-api-key: "+third.secret).wantStatus(t, http.StatusOK, "")
	s.wantNoErrors()
}

// TestFileRateLimit holds envoy/ratelimit.yaml: the rate limit service is asked
// about the client that credence names, with the limit that the registry says.
func TestFileRateLimit(t *testing.T) {
	service := parts.RateLimit(t)
	s := startFile(t, "ratelimit.yaml", setting{edits: []envoy.Edit{
		openRoute(), envoy.ClusterAt("ratelimit", service.Addr()), patientRateLimit,
	}})
	s.fronts(http.DefaultClient, s.good())
	s.client("low", "limit", "2/minute")
	s.client("plain")
	s.profile("free")
	low, plain, free := s.token("low"), s.token("plain"), s.token("plain", "profile", "free")
	asked := func(entries, limit string) parts.Asked {
		return parts.Asked{Domain: "api", Entries: entries, Limit: limit}
	}

	for _, c := range []struct {
		name, path string
		headers    []string
		status     int
		want       []parts.Asked
	}{
		{"the client's limit", "/", []string{"x-api-key: " + low.secret}, http.StatusOK, []parts.Asked{asked("client=low", "2/MINUTE")}},
		{"up to it", "/", []string{"x-api-key: " + low.secret, "x-client-id: plain"}, http.StatusOK, []parts.Asked{asked("client=low", "2/MINUTE")}},
		{"over it", "/", []string{"x-api-key: " + low.secret}, http.StatusTooManyRequests, []parts.Asked{asked("client=low", "2/MINUTE")}},
		{"the profile's limit", "/", []string{"x-api-key: " + plain.secret}, http.StatusOK, []parts.Asked{asked("client=plain", "1000/HOUR")}},
		{"no limit", "/", []string{"x-api-key: " + free.secret}, http.StatusOK, []parts.Asked{asked("client=plain", "")}},
		{"nobody", "/open", []string{"x-client-id: low"}, http.StatusOK, []parts.Asked{asked("header_match=anonymous remote_address=127.0.0.1", "")}},
		{"denied", "/", []string{"x-api-key: " + stranger()}, http.StatusUnauthorized, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, arrived := len(service.Asked()), len(s.upstream.Arrivals())
			s.get(c.path, c.headers...).wantStatus(t, c.status, "")
			if diff := cmp.Diff(c.want, append([]parts.Asked(nil), service.Asked()[before:]...)); diff != "" {
				t.Errorf("what the service was asked, -want +got:\n%s", diff)
			}
			if passed := len(s.upstream.Arrivals()) > arrived; passed != (c.status == http.StatusOK) {
				t.Errorf("status %d, and it reached the upstream: %t", c.status, passed)
			}
		})
	}
	if err := s.call("/shop.v1.Orders/Get", low.secret); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a gRPC call over the limit: %v, want %v", err, codes.ResourceExhausted)
	}
	s.set("client:low", "limit", "5/minute")
	s.getUntil(http.StatusTooManyRequests, http.StatusOK, "x-api-key: "+low.secret)

	service.Stop()
	s.get("/", "x-api-key: "+low.secret).wantStatus(t, http.StatusOK, "")
	s.get("/", "x-api-key: "+stranger()).wantStatus(t, http.StatusUnauthorized, "credential_invalid")
	s.wantNoErrors()
}

// patientRateLimit has Envoy wait for the rate limit service as a patient stack
// waits for credence: one that answers late is as good as away.
func patientRateLimit(t *envoy.Tree) error {
	filter, err := t.Filter("envoy.filters.http.ratelimit")
	if err != nil {
		return err
	}
	filter["timeout"] = "10s"
	return nil
}
