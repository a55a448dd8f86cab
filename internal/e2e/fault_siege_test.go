package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"credence/envoy"
	"credence/internal/config"
	"credence/internal/credential"
	"credence/internal/e2e/parts"
)

// user is the ACL user that the besieged server is in Redis. Commands of the
// test itself go in as the default user, without a password.
const user = "credence"

// A siege is a stack whose server goes to Redis as a user with a password, and
// stores tokens with a pepper: it has all that can be lost.
type siege struct {
	*stack
	wire         *parts.WireProxy // between credence and Redis; nil: there is none
	password     string           // that Redis wants of the server
	passwordFile string           // where the server reads it
	pepper       credential.Peppers
	tokens       map[string]string // by client
}

// besiege starts a siege, over a wire that can break or directly.
func besiege(t *testing.T, overWire bool) *siege {
	t.Helper()
	dir := t.TempDir()
	s := &siege{
		stack:        &stack{t: t, log: &logText{}},
		password:     "of-the-first-days",
		passwordFile: filepath.Join(dir, "password"),
		tokens:       make(map[string]string),
	}
	pepperFile := filepath.Join(dir, "pepper")
	const pepper = "a pepper that only the server has"
	write(t, pepperFile, pepper)
	write(t, s.passwordFile, s.password)
	var err error
	if s.pepper, err = credential.NewPeppers(map[credential.DigestKind]credential.Secret{"h1": credential.NewSecret(pepper)}); err != nil {
		t.Fatal(err)
	}
	// In the arguments, so that the user is there after a restart too.
	s.redis = parts.Redis(t, "--user", user, "on", ">"+s.password, "~*", "&*", "+@all")
	for _, client := range []string{"acme", "off", "victim"} {
		s.tokens[client] = stranger()
	}
	s.fill()

	c, err := config.Parse("credence.yaml", fmt.Appendf(nil,
		"redis: {username: %s, password_file: '%s'}\ncredentials: {pepper_files: {h1: '%s'}}\n", user, s.passwordFile, pepperFile))
	if err != nil {
		t.Fatal(err)
	}
	c.Redis.URL = s.redis.URL()
	if overWire {
		s.wire = parts.Wire(t, s.redis.Addr())
		c.Redis.URL = "redis://" + s.wire.Addr() + "/0"
	}
	c.Listen.GRPC, c.Listen.Ops, c.Listen.Drain = "127.0.0.1:0", "127.0.0.1:0", 0
	s.at = s.serveConfig(c)
	s.upstream = parts.Upstream(t)
	s.envoy = parts.Envoy(t, envoy.Addresses{Credence: s.at.GRPC, Upstream: s.upstream.Addr()})
	return s
}

// fill writes the registry, as it was if it is not there any more: a client in
// good standing, one that is switched off, and one that a test may switch off.
// The registry's own record is the last, so that none is served before all are
// there.
func (s *siege) fill() {
	s.t.Helper()
	s.set("profile:partner", "id", "partner", "state", "active", "accepts", "token", "created_at", ago(time.Hour))
	s.client("acme")
	s.client("off", "state", "disabled")
	s.client("victim")
	for client, token := range s.tokens {
		digest := s.digest(token)
		s.set("token:"+digest, "digest", digest, "id", token[len("crd_"):len("crd_")+10], "client", client,
			"profile", "partner", "state", "active", "created_at", ago(time.Hour))
	}
	check, err := s.pepper.Check("h1")
	if err != nil {
		s.t.Fatal(err)
	}
	s.set("registry", "id", "e2e", "schema", "1", "seq", "0", "digests", "h1", "check_h1", check, "created_at", ago(time.Hour))
}

// digest gives what the registry knows a token by.
func (s *siege) digest(token string) string {
	s.t.Helper()
	digest, err := s.pepper.Digest("h1", credential.NewSecret(token))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(digest)
}

// redisDoes runs a command that Redis must take.
func (s *siege) redisDoes(want string, args ...string) {
	s.t.Helper()
	if got := s.redis.CLI(args...); got != want {
		s.t.Fatalf("redis-cli %q: %s, want %s", args, got, want)
	}
}

// dropConnections ends the server's connections to Redis.
func (s *siege) dropConnections() { s.redis.CLI("CLIENT", "KILL", "USER", user) }

// callers are those who ask while Redis fails. Each kind of answer is there.
func (s *siege) callers() []caller {
	whole := s.tokens["acme"]
	return []caller{
		{name: "known", token: whole, status: http.StatusOK, looksUp: true},
		{name: "unknown", token: stranger(), status: http.StatusUnauthorized, code: "credential_invalid", looksUp: true},
		{name: "switched off", token: s.tokens["off"], status: http.StatusForbidden, code: "client_disabled", looksUp: true},
		{name: "without credential", status: http.StatusUnauthorized, code: "credential_missing"},
		{name: "cut short", token: whole[:len(whole)-1], status: http.StatusUnauthorized, code: "credential_invalid"},
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A fault is something that befalls Redis, or the way there.
type fault struct {
	name   string
	strike func(*siege) // returns when it has come true
	mend   func(*siege)
	served bool     // nobody notices; else who needs the registry gets a 503
	hits   []string // the callers who do; none named: all that need it
}

func (f fault) strikes(c caller) bool { return f.hits == nil || slices.Contains(f.hits, c.name) }

// Each fault is tried anew where the machine stood still for a while: Envoy
// waits 200 ms for an answer, and a server that is not run cannot give one.
const (
	attempts = 5
	stall    = 40 * time.Millisecond
)

// endure lets a fault befall the registry under traffic, and fails unless every
// answer is the right one, Envoy gets it in time, and all is served again,
// without a restart, once the fault is over.
func (s *siege) endure(t *testing.T, f fault) {
	t.Helper()
	for attempt := 1; ; attempt++ {
		errors, stalled := s.suffer(t, f)
		switch {
		case errors == 0 || t.Failed():
			return
		case stalled < stall:
			t.Errorf("Envoy counts %d checks without an answer in time, and the machine did not stand still (%v)", errors, stalled)
			return
		case attempt == attempts:
			t.Errorf("Envoy counts %d checks without an answer in time; the machine stood still for %v, for the %dth time", errors, stalled, attempt)
			return
		}
		t.Logf("%d checks without an answer in time while the machine stood still for %v: again", errors, stalled)
	}
}

// suffer is one attempt of endure. It gives how many errors Envoy has counted
// meanwhile, and for how long the machine stood still.
func (s *siege) suffer(t *testing.T, f fault) (errors int64, stalled time.Duration) {
	t.Helper()
	before := s.unanswered(t)
	w := watch()
	run := s.traffic(t, 8, s.callers())
	run.awaitServed("before the fault", 24)

	run.begin(anything)
	f.strike(s)
	if f.served {
		run.awaitServed("in spite of the fault", 120)
	} else {
		run.awaitDenied(120, f.strikes)
	}
	f.mend(s)
	mended := time.Now()
	run.awaitServed("after the fault", 24)
	recovered := time.Since(mended)
	run.end()

	errors = s.unanswered(t) - before
	stalled = max(w.end(), run.slowest(func(c caller) bool { return !c.looksUp }))
	if late := run.late(); late != errors {
		t.Errorf("%d answers were Envoy's own, and it counts %d errors", late, errors)
	}
	t.Logf("%s; served again after %v; the machine stood still for %v at most", run, recovered.Round(time.Millisecond), stalled.Round(time.Millisecond))
	return errors, stalled
}

// unanswered counts the checks that Envoy got no answer to. Those that it let
// pass for that reason, and answers that it could not use, fail the test.
func (s *siege) unanswered(t *testing.T) int64 {
	t.Helper()
	for _, counter := range []string{"failure_mode_allowed", "invalid"} {
		if n := s.envoy.Stat("http.api.ext_authz." + counter); n != 0 {
			t.Errorf("Envoy counts ext_authz %s %d, want 0", counter, n)
		}
	}
	return s.envoy.Stat("http.api.ext_authz.error")
}

// A watchman notices when the machine stands still.
type watchman struct {
	stop context.CancelFunc
	most chan time.Duration
}

func watch() *watchman {
	ctx, stop := context.WithCancel(context.Background())
	w := &watchman{stop: stop, most: make(chan time.Duration, 1)}
	go func() {
		const every = 5 * time.Millisecond
		tick := time.NewTicker(every)
		defer tick.Stop()
		most := time.Duration(0)
		for last := time.Now(); ; {
			select {
			case <-ctx.Done():
				w.most <- most
				return
			case <-tick.C:
				now := time.Now()
				most = max(most, now.Sub(last)-every)
				last = now
			}
		}
	}()
	return w
}

// end gives for how long nothing was run.
func (w *watchman) end() time.Duration {
	w.stop()
	return <-w.most
}
