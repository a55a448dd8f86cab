package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// A notebook is a DecisionLog whose lines and time a test holds.
type notebook struct {
	*DecisionLog
	text bytes.Buffer
	now  time.Time
}

func newNotebook(level slog.Level) *notebook {
	n := &notebook{now: time.Unix(1000, 0)}
	n.DecisionLog = NewDecisionLog(NewLogger(&n.text, level, FormatJSON), func() time.Time { return n.now })
	return n
}

// lines gives what was told since, without the time.
func (n *notebook) lines(t *testing.T) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(n.text.String()) {
		line := map[string]any{}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		delete(line, "time")
		lines = append(lines, line)
	}
	n.text.Reset()
	return lines
}

func TestDecisionLog(t *testing.T) {
	request := authz.Request{
		HTTP: true, Method: "GET", Target: "/path?query",
		Headers: credential.Headers{{Name: "authorization", Value: "Bearer token"}, {Name: "x-request-id", Value: "r1"}},
	}
	known := authz.Facts{Credential: authz.Credential{Kind: credential.Token, ID: "0123456789", Client: "acme", Profile: "standard"}}
	type line = map[string]any
	tests := []struct {
		name     string
		level    slog.Level
		request  authz.Request
		decision authz.Decision
		want     []line
	}{
		{"allowed", slog.LevelDebug, request, authz.Decision{Reason: authz.Allowed, Facts: known}, nil},
		{"anonymous", slog.LevelDebug, request, authz.Decision{Reason: authz.AllowedAnonymous}, nil},
		{
			"a denial with all that is known", slog.LevelInfo, request,
			authz.Decision{
				Reason: authz.PeerNotAllowed, Kind: credential.Token, Facts: known, Route: authz.Route{API: "orders"}, Peer: netip.MustParseAddr("192.0.2.7"),
				Header: "authorization", Query: "api_key", Cause: errors.New("of no matter here"),
			},
			[]line{{
				"level": "INFO", "msg": "denied", "reason": "peer_not_allowed", "client": "acme", "profile": "standard", "credential_id": "0123456789",
				"credential_kind": "token", "peer": "192.0.2.7", "api": "orders", "method": "GET", "request_id": "r1",
			}},
		},
		{"a denial of somebody unknown", slog.LevelInfo, authz.Request{}, authz.Decision{Reason: authz.RequestInvalid}, []line{{"level": "INFO", "msg": "denied", "reason": "request_invalid"}}},
		{"a denial beneath the level", slog.LevelWarn, request, authz.Decision{Reason: authz.TokenUnknown}, nil},
		{
			"an invalid record: key and field", slog.LevelInfo, authz.Request{},
			authz.Decision{Reason: authz.RecordInvalid, Cause: fmt.Errorf("lookup: %w", &registry.FieldError{Key: "client:acme", Field: "state", Why: `unknown value "on"`})},
			[]line{{
				"level": "WARN", "msg": "denied", "reason": "record_invalid", "key": "client:acme", "field": "state",
				"cause": `lookup: registry: client:acme: state: unknown value "on"`,
			}},
		},
		{
			"no registry: why", slog.LevelInfo, authz.Request{},
			authz.Decision{Reason: authz.RegistryUnavailable, Cause: registry.ErrNoRegistry},
			[]line{{"level": "WARN", "msg": "denied", "reason": "registry_unavailable", "cause": "no registry there"}},
		},
		{
			"a route: what is wrong with it", slog.LevelInfo, authz.Request{},
			authz.Decision{Reason: authz.RouteInvalid, Cause: errors.New(`route: "scope": unknown key`)},
			[]line{{"level": "WARN", "msg": "denied", "reason": "route_invalid", "cause": `route: "scope": unknown key`}},
		},
		{
			"a fault of our own", slog.LevelInfo, authz.Request{}, authz.Decision{Reason: authz.InternalError, Cause: errors.New("panic\nstack")},
			[]line{{"level": "ERROR", "msg": "denied", "reason": "internal_error", "cause": "panic\nstack"}},
		},
		{"no decision", slog.LevelInfo, authz.Request{}, authz.Decision{}, []line{{"level": "INFO", "msg": "denied", "reason": "undecided"}}},
		{"observed", slog.LevelInfo, authz.Request{}, authz.Decision{Reason: authz.AllowedObserved, Observed: authz.ScopeMissing}, nil},
		{
			"observed, for who looks closely", slog.LevelDebug, authz.Request{}, authz.Decision{Reason: authz.Allowed, Observed: authz.PeerNotAllowed},
			[]line{{"level": "DEBUG", "msg": "observed", "reason": "peer_not_allowed"}},
		},
		{
			"observed, and somebody has to act", slog.LevelInfo, authz.Request{},
			authz.Decision{Reason: authz.AllowedObserved, Observed: authz.RegistryUnavailable, Cause: registry.ErrNoRegistry},
			[]line{{"level": "WARN", "msg": "observed", "reason": "registry_unavailable", "cause": "no registry there"}},
		},
		{
			"a method of nobody's", slog.LevelInfo, authz.Request{Method: "GET\nmsg=forged"}, authz.Decision{Reason: authz.TokenUnknown},
			[]line{{"level": "INFO", "msg": "denied", "reason": "token_unknown"}},
		},
		{
			"a method without end", slog.LevelInfo, authz.Request{Method: strings.Repeat("A", 33)}, authz.Decision{Reason: authz.TokenUnknown},
			[]line{{"level": "INFO", "msg": "denied", "reason": "token_unknown"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNotebook(tt.level)
			n.Observe(tt.request, tt.decision, time.Millisecond)
			if diff := cmp.Diff(tt.want, n.lines(t)); diff != "" {
				t.Errorf("told of %+v (-want +got):\n%s", tt.decision, diff)
			}
		})
	}
}

// TestNothingSecretIsTold holds for every reason that no line shows what a
// caller sent as credential, path or query.
func TestNothingSecretIsTold(t *testing.T) {
	request := authz.Request{
		HTTP: true, Method: "GET", Target: "/secret-path?secret=query",
		Headers: credential.Headers{{Name: "authorization", Value: "Bearer secret-token"}, {Name: "cookie", Value: "secret-cookie"}},
	}
	n := newNotebook(slog.LevelDebug)
	for _, reason := range authz.Reasons() {
		n.Observe(request, authz.Decision{Reason: reason, Observed: authz.TokenUnknown, Header: "authorization", Query: "secret-parameter"}, 0)
	}
	if n.text.Len() == 0 || strings.Contains(n.text.String(), "secret") {
		t.Errorf("the log tells too much, or nothing:\n%s", n.text.String())
	}
}

func TestFloodIsSampled(t *testing.T) {
	n := newNotebook(slog.LevelInfo)
	told := func() map[string]int {
		counts := map[string]int{}
		for _, line := range n.lines(t) {
			key := fmt.Sprint(line["msg"], " ", line["reason"])
			if count, found := line["count"]; found {
				counts[key] += int(count.(float64))
			} else {
				counts[key]++
			}
		}
		return counts
	}
	flood := func(reason authz.Reason, times int) {
		for range times {
			n.Observe(authz.Request{}, authz.Decision{Reason: reason}, 0)
		}
	}
	steps := []struct {
		name string
		do   func()
		want map[string]int
	}{
		{"ten of each reason", func() { flood(authz.TokenUnknown, 1000); flood(authz.RecordInvalid, 10) }, map[string]int{"denied token_unknown": 10, "denied record_invalid": 10}},
		{"the same second", func() {
			n.now = n.now.Add(999 * time.Millisecond)
			flood(authz.TokenUnknown, 5)
			flood(authz.ScopeMissing, 1)
		}, map[string]int{"denied scope_missing": 1}},
		{"the next one: the rest is counted", func() { n.now = n.now.Add(time.Millisecond); flood(authz.TokenUnknown, 3) }, map[string]int{"suppressed token_unknown": 995, "denied token_unknown": 3}},
		{"nothing was suppressed", func() { n.now = n.now.Add(time.Second); flood(authz.TokenUnknown, 12) }, map[string]int{"denied token_unknown": 10}},
		{"any check tells what was", func() { n.now = n.now.Add(time.Minute); flood(authz.Allowed, 1) }, map[string]int{"suppressed token_unknown": 2}},
		{"once", func() { n.now = n.now.Add(time.Minute); flood(authz.Allowed, 1) }, map[string]int{}},
		{"the end", func() { flood(authz.ScopeMissing, 11); n.Flush() }, map[string]int{"denied scope_missing": 10, "suppressed scope_missing": 1}},
		{"a clock that is set back", func() { n.now = n.now.Add(-time.Hour); flood(authz.ScopeMissing, 11) }, map[string]int{"denied scope_missing": 10}},
	}
	for _, step := range steps {
		step.do()
		if diff := cmp.Diff(step.want, told()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

// TestManyAtOnce holds that nothing is lost: what is not told is counted.
func TestManyAtOnce(t *testing.T) {
	n := newNotebook(slog.LevelInfo)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				n.Observe(authz.Request{}, authz.Decision{Reason: authz.TokenUnknown}, 0)
			}
		})
	}
	all.Wait()
	n.Flush()
	lines := n.lines(t)
	if len(lines) != linesASecond+1 || lines[linesASecond]["count"] != 790.0 {
		t.Errorf("800 denials are told in %d lines, %v the last, want 11 and 790 suppressed", len(lines), lines[len(lines)-1])
	}
}

func TestNewLogger(t *testing.T) {
	tests := []struct{ name, format, want string }{
		{"text", "text", `level=WARN msg=hello secret=[redacted]`},
		{"JSON", FormatJSON, `"level":"WARN","msg":"hello","secret":"[redacted]"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var text bytes.Buffer
			logger := NewLogger(&text, slog.LevelWarn, tt.format)
			logger.Info("not told")
			logger.Warn("hello", "secret", credential.NewSecret("s3cret"))
			if got := strings.TrimSpace(text.String()); !strings.HasSuffix(got, tt.want) || strings.Contains(got, "\n") {
				t.Errorf("logged %q, want one line that ends in %q", got, tt.want)
			}
		})
	}
}

// TestEachCauseIsTold has one record flood the log beside another that is
// invalid too: each that somebody has to mend is named in every second.
func TestEachCauseIsTold(t *testing.T) {
	var text bytes.Buffer
	now := time.Unix(1_800_000_000, 0)
	log := NewDecisionLog(slog.New(slog.NewTextHandler(&text, nil)), func() time.Time { return now })
	observe := func(key string) {
		log.Observe(authz.Request{}, authz.Decision{
			Reason: authz.RecordInvalid, Cause: &registry.FieldError{Key: key, Field: "state", Why: "is empty"},
		}, 0)
	}
	for second := range 2 {
		for range 100 {
			observe("client:loud")
		}
		observe("client:quiet")
		if got := strings.Count(text.String(), "client:quiet: state"); got != second+1 {
			t.Errorf("second %d: the quiet client was named %d times, want %d", second, got, second+1)
		}
		if got := strings.Count(text.String(), "client:loud: state"); got > (second+1)*(linesASecond+1) {
			t.Errorf("second %d: the loud client was named %d times", second, got)
		}
		now = now.Add(time.Second)
	}
}
