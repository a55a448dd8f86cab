package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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

// shortTTL is how old a known fact of a besieged server may be until it is read
// again: within every fault.
const shortTTL = time.Second

// A siege is a stack whose server goes to Redis as a user with a password, and
// stores tokens with a pepper: it has all that can be lost.
type siege struct {
	*stack
	wire         *parts.WireProxy // between credence and Redis
	staleFor     time.Duration    // the server's cache.stale_for
	password     string           // that Redis wants of the server
	passwordFile string           // where the server reads it
	pepper       credential.Peppers
	tokens       map[string]string // by client
	stranger     string            // a token that is registered nowhere
	newcomers    int               // who have come so far
	newcomer     string            // the last of them: a client in good standing that the server has not been asked for yet
	slots        net.Conn          // the one connection that Redis has room for, for a while
}

// besiege starts a siege.
func besiege(t *testing.T, staleFor time.Duration) *siege {
	t.Helper()
	dir := t.TempDir()
	s := &siege{
		stack:        &stack{t: t, log: &parts.Log{}},
		staleFor:     staleFor,
		password:     "of-the-first-days",
		passwordFile: filepath.Join(dir, "password"),
		tokens:       make(map[string]string),
		stranger:     stranger(),
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
	s.wire = parts.Wire(t, s.redis.Addr())
	s.tokens["acme"], s.tokens["off"] = stranger(), stranger()
	s.comeNew()
	s.fill()

	c, err := config.Parse("credence.yaml", fmt.Appendf(nil, "redis: {username: %s, password_file: '%s'}\n"+
		"credentials: {pepper_files: {h1: '%s'}}\ncache: {ttl: %v, stale_for: %v}\n", user, s.passwordFile, pepperFile, shortTTL, staleFor))
	if err != nil {
		t.Fatal(err)
	}
	c.Redis.URL = "redis://" + s.wire.Addr() + "/0"
	c.Listen.GRPC, c.Listen.Ops, c.Listen.Drain = "127.0.0.1:0", "127.0.0.1:0", 0
	s.at = s.serveConfig(c)
	s.upstream = parts.Upstream(t)
	s.envoy = parts.Envoy(t, envoy.Addresses{Credence: s.at.GRPC, Upstream: s.upstream.Addr()})
	return s
}

// fill writes the registry, as it was if it is not there any more: a client in
// good standing, one that is switched off, and the last newcomer. The
// registry's own record is the last, so that none is served before all are
// there.
func (s *siege) fill() {
	s.t.Helper()
	s.set("profile:partner", "id", "partner", "state", "active", "accepts", "token", "created_at", ago(time.Hour))
	s.client("acme")
	s.client("off", "state", "disabled")
	s.admitNewcomer()
	s.give("acme")
	s.give("off")
	s.set("registry", s.root()...)
}

// root gives the fields of the registry's own record.
func (s *siege) root() []string {
	s.t.Helper()
	check, err := s.pepper.Check("h1")
	if err != nil {
		s.t.Fatal(err)
	}
	return []string{"id", "e2e", "schema", "1", "seq", "0", "digests", "h1", "check_h1", check, "created_at", ago(time.Hour)}
}

// mendRoot writes the registry's own record, and nothing else.
func (s *siege) mendRoot() { s.set("registry", s.root()...) }

// give writes the token of a client.
func (s *siege) give(client string) {
	s.t.Helper()
	token := s.tokens[client]
	digest := s.digest(token)
	s.set("token:"+digest, "digest", digest, "id", token[len("crd_"):len("crd_")+10], "client", client,
		"profile", "partner", "state", "active", "created_at", ago(time.Hour))
}

// comeNew has another client come who is registered nowhere yet.
func (s *siege) comeNew() {
	s.newcomers++
	s.newcomer = fmt.Sprintf("new%03d", s.newcomers)
	s.tokens[s.newcomer] = stranger()
}

// admitNewcomer writes the newcomer and his token.
func (s *siege) admitNewcomer() {
	s.t.Helper()
	s.client(s.newcomer)
	s.give(s.newcomer)
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

// Names of callers.
const (
	acme        = "acme"
	switchedOff = "switched off"
	newcomer    = "newcomer" // registered, and not asked for before
)

// callers are those who ask while Redis fails, but for the newcomer. Each kind
// of answer is there.
func (s *siege) callers() []caller {
	same := func(token string) func() string { return func() string { return token } }
	whole := s.tokens["acme"]
	return []caller{
		{name: acme, kind: known, token: same(whole), status: http.StatusOK, client: "acme"},
		{name: "stranger", kind: unknown, token: stranger, status: http.StatusUnauthorized, code: "credential_invalid"},
		{name: switchedOff, kind: known, token: same(s.tokens["off"]), status: http.StatusForbidden, code: "client_disabled"},
		{name: "stranger again", kind: unknown, token: same(s.stranger), status: http.StatusUnauthorized, code: "credential_invalid"},
		{name: "without credential", token: same(""), status: http.StatusUnauthorized, code: "credential_missing"},
		{name: "cut short", token: same(whole[:len(whole)-1]), status: http.StatusUnauthorized, code: "credential_invalid"},
	}
}

// newcomerAsks gives the newcomer as a caller.
func (s *siege) newcomerAsks() caller {
	token := s.tokens[s.newcomer]
	return caller{name: newcomer, kind: unknown, token: func() string { return token }, status: http.StatusOK, client: s.newcomer}
}

// page gets a page of the operations port.
func (s *stack) page(path string) string {
	s.t.Helper()
	response, err := http.Get("http://" + s.at.Ops + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return bodyOf(s.t, response)
}

// metric gives the sum of all series of a metric; zero where there is none.
func (s *stack) metric(name string) float64 {
	s.t.Helper()
	return valueOf(s.t, s.page("/metrics"), func(series string) bool {
		base, _, _ := strings.Cut(series, "{")
		return base == name
	})
}

// valueOf gives the sum of some series of a page of metrics.
func valueOf(t *testing.T, page string, isMeant func(series string) bool) float64 {
	t.Helper()
	sum := 0.0
	for line := range strings.Lines(page) {
		at := strings.LastIndex(line, " ")
		if at < 0 || !isMeant(line[:at]) {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		sum += value
	}
	return sum
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
