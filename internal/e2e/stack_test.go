package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"credence/envoy"
	"credence/internal/cli"
	"credence/internal/config"
	"credence/internal/credential"
	"credence/internal/e2e/parts"
)

// A stack is everything: Redis, credence, Envoy and an upstream.
type stack struct {
	t        *testing.T
	redis    *parts.RedisServer
	envoy    *parts.EnvoyProxy
	upstream *parts.UpstreamServer
	at       cli.Addresses // where credence listens
	log      *parts.Log    // of the server
}

// A setting is what a test wants otherwise.
type setting struct {
	config  string // YAML, put before redis.url and listen addresses
	edits   []envoy.Edit
	redis   []string // arguments of redis-server
	grpc    string   // where credence is asked; empty: a free port
	noEnvoy bool
	// patient gives every check the time that a busy machine may need: the test
	// is about the decision, not about how soon it comes.
	patient bool
}

// patience is how long a check of a patient stack may take.
const patience = 10 * time.Second

// start starts a stack with an empty registry.
func start(t *testing.T, with setting) *stack {
	t.Helper()
	s := &stack{t: t, redis: parts.Redis(t, with.redis...), log: &parts.Log{}}
	s.set("registry", "id", "e2e", "schema", "1", "seq", "0", "digests", "s1", "created_at", ago(time.Hour))
	s.serve(with)
	if with.noEnvoy {
		return s
	}
	s.upstream = parts.Upstream(t)
	if with.patient {
		with.edits = append(slices.Clone(with.edits), patientEnvoy)
	}
	s.envoy = parts.Envoy(t, envoy.Addresses{Credence: s.at.GRPC, Upstream: s.upstream.Addr()}, with.edits...)
	return s
}

// serve runs the server, as `credence serve` does, until the test ends.
func (s *stack) serve(with setting) {
	s.t.Helper()
	c, err := config.Parse("credence.yaml", []byte(with.config))
	if err != nil {
		s.t.Fatal(err)
	}
	c.Redis.URL = s.redis.URL()
	c.Listen.GRPC, c.Listen.Ops, c.Listen.Drain = "127.0.0.1:0", "127.0.0.1:0", 0
	if with.grpc != "" {
		c.Listen.GRPC = with.grpc
	}
	if with.patient {
		s.at = s.serveWithin(patientConfig(c), patience)
	} else {
		s.at = s.serveConfig(c)
	}
}

// patientEnvoy has Envoy wait for a check as long as a patient stack does.
func patientEnvoy(t *envoy.Tree) error {
	service, ok := t.ExtAuthz["grpc_service"].(envoy.Object)
	if !ok {
		return fmt.Errorf("ext_authz has no grpc_service")
	}
	service["timeout"] = "10s"
	return nil
}

// patientConfig has lookups wait as long as a patient stack does.
func patientConfig(c config.Config) config.Config {
	c.Redis.Timeout = patience
	return c
}

// serveConfig runs a server until the test ends.
func (s *stack) serveConfig(c config.Config) cli.Addresses {
	s.t.Helper()
	return s.serveWithin(c, 0)
}

// Lines by which a server says how it stands to its registry.
const (
	inContact     = "in contact with the registry"
	cannotBeUsed  = "the registry cannot be served from"
	outOfContact  = "contact with the registry is lost: what is known serves on, nothing is looked up"
	tooOld        = "what is known is too old to serve: every check that needs it is denied"
	writesTracked = "writes are tracked"
)

// serveWithin is serveConfig with a budget for one check; zero: the server's
// own. The server knows, when it returns, whether its registry can be served
// from, and whether Redis tells it of writes.
func (s *stack) serveWithin(c config.Config, budget time.Duration) cli.Addresses {
	s.t.Helper()
	before := len(s.log.String())
	at := s.serveAtOnce(c, budget)
	await(s.t, "the server has looked at its registry", func() bool {
		said := s.log.String()[before:]
		return strings.Contains(said, cannotBeUsed) || strings.Contains(said, inContact) && strings.Contains(said, writesTracked)
	})
	return at
}

// serveAtOnce is serveWithin for a server that need not have looked at anything
// when it returns.
func (s *stack) serveAtOnce(c config.Config, budget time.Duration) cli.Addresses {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	up, ended := make(chan cli.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- cli.Serve(ctx, cli.Service{Config: c, Log: s.log, Budget: budget, Up: func(at cli.Addresses) { up <- at }})
	}()
	s.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("serve: %v", err)
		}
		if s.t.Failed() {
			s.t.Logf("credence's log:\n%s", s.log)
		}
	})
	select {
	case at := <-up:
		return at
	case err := <-ended:
		ended <- err
		s.t.Fatalf("serve: %v\n%s", err, s.log)
		return cli.Addresses{}
	}
}

// set writes a record as redis-cli would.
func (s *stack) set(key string, fields ...string) {
	s.t.Helper()
	s.redis.CLI(append([]string{"HSET", "{credence}:" + key}, fields...)...)
}

// client writes a client in good standing; more fields may follow.
func (s *stack) client(id string, more ...string) {
	s.t.Helper()
	s.set("client:"+id, append([]string{"id", id, "state", "active", "created_at", ago(time.Hour)}, more...)...)
}

// partner writes the profile that tokens have; more fields may follow.
func (s *stack) partner(more ...string) {
	s.t.Helper()
	s.profile("partner", more...)
}

// profile writes a profile that accepts tokens; more fields may follow.
func (s *stack) profile(id string, more ...string) {
	s.t.Helper()
	s.set("profile:"+id, append([]string{"id", id, "state", "active", "accepts", "token", "created_at", ago(time.Hour)}, more...)...)
}

// token writes a token of a client with the profile partner and gives it.
func (s *stack) token(client string, more ...string) token {
	s.t.Helper()
	id := credential.NewTokenID()
	made := token{id: string(id), secret: credential.NewToken(id).Expose()}
	digest := digestOf(s.t, made.secret)
	made.key = "token:" + digest
	s.set(made.key, append([]string{
		"digest", digest, "id", made.id, "client", client, "profile", "partner", "state", "active", "created_at", ago(time.Hour),
	}, more...)...)
	return made
}

// digestOf gives the plain digest of a token.
func digestOf(t *testing.T, token string) string {
	t.Helper()
	digest, err := credential.Peppers{}.Digest(credential.PlainDigest, credential.NewSecret(token))
	if err != nil {
		t.Fatal(err)
	}
	return string(digest)
}

type token struct{ id, key, secret string }

// good writes a client acme with a profile partner and gives its token.
func (s *stack) good() token {
	s.t.Helper()
	s.client("acme", "name", "Acme Ltd", "labels", "tier=gold")
	s.partner("scopes", "orders:read orders:write", "limit", "1000/hour")
	return s.token("acme")
}

// getUntil sends a GET / until it is answered with the status, and gives that
// answer. It is for what follows a write by redis-cli: no commit tells of it,
// so that it takes effect a moment later. Every answer before must have the
// status that it had so far.
func (s *stack) getUntil(sofar, status int, headers ...string) result {
	s.t.Helper()
	var r result
	await(s.t, fmt.Sprintf("status %d", status), func() bool {
		if r = s.get("/", headers...); r.status != status {
			r.wantStatus(s.t, sofar, "")
		}
		return r.status == status
	})
	return r
}

// A result is an answer as the client sees it.
type result struct {
	status  int
	header  http.Header
	body    string
	arrived *parts.Arrival // nil where the request did not reach the upstream
}

// get sends a GET through Envoy. Headers are "name: value".
func (s *stack) get(path string, headers ...string) result {
	s.t.Helper()
	request, err := http.NewRequest(http.MethodGet, s.envoy.URL()+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header = headersOf(headers)
	return s.send(http.DefaultClient, request)
}

// headersOf reads header lines; names stay as the test spells them.
func headersOf(lines []string) http.Header {
	header := make(http.Header)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		header[name] = append(header[name], value)
	}
	return header
}

// send sends a request and reads what the upstream, or Envoy, answers.
func (s *stack) send(client *http.Client, request *http.Request) result {
	s.t.Helper()
	response, err := client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body := bodyOf(s.t, response)
	r := result{status: response.StatusCode, header: response.Header, body: body}
	var arrival parts.Arrival
	if response.StatusCode == http.StatusOK && json.Unmarshal([]byte(body), &arrival) == nil && arrival.Method != "" {
		r.arrived = &arrival
	}
	return r
}

// bodyOf reads the body of an answer.
func bodyOf(t *testing.T, response *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// problem reads the body of a denial.
func (r result) problem(t *testing.T) map[string]any {
	t.Helper()
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content-type %q, want application/problem+json", got)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(r.body), &fields); err != nil {
		t.Fatalf("body %q: %v", r.body, err)
	}
	return fields
}

// wantStatus fails unless the status is the one, and a denial has the code.
func (r result) wantStatus(t *testing.T, status int, code string) {
	t.Helper()
	if r.status != status {
		t.Fatalf("status %d, want %d; body %s", r.status, status, r.body)
	}
	if code == "" {
		return
	}
	if got := r.problem(t)["code"]; got != code {
		t.Errorf("code %v, want %s", got, code)
	}
}

// wantNoErrors fails where Envoy counted a check without an answer.
func (s *stack) wantNoErrors() {
	s.t.Helper()
	for _, counter := range []string{"error", "failure_mode_allowed", "invalid"} {
		if n := s.envoy.Stat("http.api.ext_authz." + counter); n != 0 {
			s.t.Errorf("Envoy counts ext_authz %s %d, want 0", counter, n)
		}
	}
}

// ago gives a time as records hold it.
func ago(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339) }

// socketPath gives a path short enough for a Unix socket.
func socketPath(t *testing.T) string { return filepath.Join(parts.ShortDir(t), "authz.sock") }

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	parts.Await(t, 20*time.Second, what, func() error {
		if !holds() {
			return fmt.Errorf("not yet")
		}
		return nil
	})
}
