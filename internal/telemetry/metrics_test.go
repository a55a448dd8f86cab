package telemetry

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// scrape gives the samples of the metrics as Prometheus would get them.
func scrape(t *testing.T, m *Metrics) map[string]string {
	t.Helper()
	recorder := httptest.NewRecorder()
	m.Handler().ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
	if recorder.Code != 200 {
		t.Fatalf("metrics are answered %d: %s", recorder.Code, recorder.Body)
	}
	samples := map[string]string{}
	for lines := bufio.NewScanner(recorder.Body); lines.Scan(); {
		if line := lines.Text(); !strings.HasPrefix(line, "#") {
			at := strings.LastIndexByte(line, ' ')
			samples[line[:at]] = line[at+1:]
		}
	}
	return samples
}

// hold holds samples to what they should be; "" means that there is none.
func hold(t *testing.T, samples, want map[string]string) {
	t.Helper()
	for sample, value := range want {
		if samples[sample] != value {
			t.Errorf("%s is %q, want %q", sample, samples[sample], value)
		}
	}
}

func TestDecisionsAreCounted(t *testing.T) {
	m := NewMetrics("1.2.3")
	orders := authz.Route{API: "orders"}
	for _, decision := range []authz.Decision{
		{Reason: authz.Allowed, Kind: credential.Token, Route: orders, Header: "authorization"},
		{Reason: authz.Allowed, Kind: credential.Token, Route: orders, Header: "authorization", Observed: authz.PeerNotAllowed},
		{Reason: authz.Allowed, Kind: credential.Token, Query: "api_key"},
		{Reason: authz.TokenUnknown, Kind: credential.Token, Query: "%61pi_%6bey"},
		{Reason: authz.TokenUnknown, Kind: credential.Token, Query: "api_key%"},
		{Reason: authz.CredentialMissing},
		{Reason: authz.AllowedObserved, Observed: authz.CredentialMissing, Route: orders},
	} {
		m.Observe(authz.Request{}, decision, 300*time.Microsecond)
	}
	hold(t, scrape(t, m), map[string]string{
		`credence_decisions_total{api="orders",kind="token",reason="allowed"}`:     "2",
		`credence_decisions_total{api="",kind="token",reason="allowed"}`:           "1",
		`credence_decisions_total{api="",kind="token",reason="token_unknown"}`:     "2",
		`credence_decisions_total{api="",kind="",reason="credential_missing"}`:     "1",
		`credence_decisions_total{api="orders",kind="",reason="allowed_observed"}`: "1",
		`credence_observed_total{api="orders",reason="peer_not_allowed"}`:          "1",
		`credence_observed_total{api="orders",reason="credential_missing"}`:        "1",
		`credence_credentials_total{in="header",name="authorization"}`:             "2",
		`credence_credentials_total{in="query",name="api_key"}`:                    "2", // however it is spelt
		`credence_credentials_total{in="query",name=""}`:                           "1",
		`credence_check_duration_seconds_bucket{le="0.00025"}`:                     "0",
		`credence_check_duration_seconds_bucket{le="0.0005"}`:                      "7",
		`credence_check_duration_seconds_count`:                                    "7",
	})
}

// TestAPIsAreBounded holds a label that others fill to 200 values.
func TestAPIsAreBounded(t *testing.T) {
	m := NewMetrics("1.2.3")
	for range 2 { // who was there first stays
		for i := range maxNames + 50 {
			m.Observe(authz.Request{}, authz.Decision{Reason: authz.Allowed, Route: authz.Route{API: fmt.Sprintf("api-%d", i)}}, 0)
		}
	}
	m.Observe(authz.Request{}, authz.Decision{Reason: authz.Allowed}, 0)
	samples := scrape(t, m)
	hold(t, samples, map[string]string{
		`credence_decisions_total{api="",kind="",reason="allowed"}`:        "1",
		`credence_decisions_total{api="api-0",kind="",reason="allowed"}`:   "2",
		`credence_decisions_total{api="api-199",kind="",reason="allowed"}`: "2",
		`credence_decisions_total{api="api-200",kind="",reason="allowed"}`: "",
		`credence_decisions_total{api="other",kind="",reason="allowed"}`:   "100",
	})
	apis := 0
	for sample := range samples {
		if strings.HasPrefix(sample, "credence_decisions_total") {
			apis++
		}
	}
	if want := maxNames + 2; apis != want {
		t.Errorf("%d time series, want %d", apis, want)
	}
}

func TestNamesAtOnce(t *testing.T) {
	var n names
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 2 * maxNames {
				name := fmt.Sprint(i)
				if label := n.bounded(name); label != name && label != otherName {
					t.Errorf("bounded(%q) is %q", name, label)
				}
			}
		})
	}
	all.Wait()
	if len(n.seen) != maxNames {
		t.Errorf("%d names are kept, want %d", len(n.seen), maxNames)
	}
}

// A stub answers reads with an error or nothing.
type stub struct{ err error }

func (s stub) ReadThrough(_ context.Context, refs ...registry.Ref) ([]registry.Entry, string, error) {
	return make([]registry.Entry, len(refs)), "1-0", s.err
}

func TestLookupsAreCounted(t *testing.T) {
	m := NewMetrics("1.2.3")
	ctx := context.Background()
	reads := []struct {
		refs []registry.Ref
		err  error
	}{
		{[]registry.Ref{registry.RootRef}, nil},
		{[]registry.Ref{registry.RootRef, registry.TokenRef("s1:0")}, nil},
		{[]registry.Ref{registry.RootRef, registry.TokenRef("s1:1")}, registry.ErrUnavailable},
		{[]registry.Ref{registry.RootRef, registry.ClientRef("acme"), registry.ProfileRef("standard")}, nil},
		{nil, nil},
	}
	for _, read := range reads {
		entries, through, err := m.Witness(stub{read.err}).ReadThrough(ctx, read.refs...)
		if len(entries) != len(read.refs) || through != "1-0" || !errors.Is(err, read.err) {
			t.Errorf("ReadThrough(%v) gives %v, %q, %v, want what the witness below gives", read.refs, entries, through, err)
		}
	}
	hold(t, scrape(t, m), map[string]string{
		`credence_lookups_total{record="registry"}`:       "2",
		`credence_lookups_total{record="token"}`:          "2",
		`credence_lookups_total{record="client"}`:         "1",
		`credence_lookup_errors_total{record="token"}`:    "1",
		`credence_lookup_errors_total{record="client"}`:   "",
		`credence_lookup_duration_seconds_count`:          "5",
		`credence_lookup_duration_seconds_bucket{le="1"}`: "",
	})
}

// checkerFunc is a Checker made of a function.
type checkerFunc func() authz.Decision

func (f checkerFunc) Check(context.Context, time.Time, authz.Request) authz.Decision { return f() }

func TestChecksInFlight(t *testing.T) {
	m := NewMetrics("1.2.3")
	const gauge = "credence_checks_in_flight"
	decision := m.Checker(checkerFunc(func() authz.Decision {
		hold(t, scrape(t, m), map[string]string{gauge: "1"})
		return authz.Decision{Reason: authz.AllowedAnonymous}
	})).Check(context.Background(), time.Time{}, authz.Request{})
	if decision.Reason != authz.AllowedAnonymous {
		t.Errorf("the decision is %s, want that of the checker below", decision.Reason)
	}
	func() {
		defer func() { _ = recover() }()
		m.Checker(checkerFunc(func() authz.Decision { panic("a rule") })).Check(context.Background(), time.Time{}, authz.Request{})
	}()
	hold(t, scrape(t, m), map[string]string{gauge: "0"})
}

// TestMetricsBelongToAnInstance holds that two servers in one process share no
// metric, and that the process is told of.
func TestMetricsBelongToAnInstance(t *testing.T) {
	first, second := NewMetrics("1.2.3"), NewMetrics("1.2.3")
	first.Observe(authz.Request{}, authz.Decision{Reason: authz.TokenUnknown}, 0)
	const sample = `credence_decisions_total{api="",kind="",reason="token_unknown"}`
	hold(t, scrape(t, first), map[string]string{sample: "1"})
	samples := scrape(t, second)
	hold(t, samples, map[string]string{sample: ""})
	for _, name := range []string{"go_goroutines", "process_start_time_seconds"} {
		if samples[name] == "" {
			t.Errorf("there is no %s", name)
		}
	}
	found := false
	for sample, value := range samples {
		found = found || strings.HasPrefix(sample, "credence_build_info{") && strings.Contains(sample, `version="1.2.3"`) && value == "1"
	}
	if !found {
		t.Error("there is no credence_build_info with the version")
	}
}
