package telemetry

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOps(t *testing.T) {
	ready, lines := false, []string{"no contact to the registry yet"}
	ops := NewOps(NewMetrics("1.2.3"), func() (bool, []string) { return ready, lines })
	tests := []struct {
		name         string
		method, path string
		ready        bool
		lines        []string
		status       int
		body         string // the whole of it; of metrics a part
	}{
		{"alive, though not ready", "GET", "/livez", false, []string{"no contact"}, 200, "alive\n"},
		{"not ready, and why", "GET", "/readyz", false, []string{"no contact to the registry yet", "draining"}, 503, "not ready\nno contact to the registry yet\ndraining\n"},
		{"not ready", "GET", "/readyz", false, nil, 503, "not ready\n"},
		{"ready", "GET", "/readyz", true, nil, 200, "ready\n"},
		{"ready, and something is amiss", "GET", "/readyz", true, []string{"no contact for 6m0s: checks are answered 503"}, 200, "ready\nno contact for 6m0s: checks are answered 503\n"},
		{"metrics", "GET", "/metrics", false, nil, 200, "credence_check_duration_seconds_count 0\n"},
		{"another page", "GET", "/", true, nil, 404, "404 page not found\n"},
		{"nothing can be changed", "POST", "/readyz", true, nil, 405, "Method Not Allowed\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ready, lines = tt.ready, tt.lines
			recorder := httptest.NewRecorder()
			ops.ServeHTTP(recorder, httptest.NewRequest(tt.method, tt.path, nil))
			body := recorder.Body.String()
			if recorder.Code != tt.status || body != tt.body && (tt.path != "/metrics" || !strings.Contains(body, tt.body)) {
				t.Errorf("%s %s is answered %d %q, want %d %q", tt.method, tt.path, recorder.Code, body, tt.status, tt.body)
			}
		})
	}
}
