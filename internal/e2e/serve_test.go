package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"credence/internal/e2e/parts"
)

// A service is `credence serve` as a process, on a Unix socket.
type service struct {
	*running
	t      *testing.T
	config string
	ops    string
}

// startService starts the program against a Redis. More lines may be added to
// its configuration.
func startService(t *testing.T, redis, drain string, more ...string) *service {
	t.Helper()
	dir := parts.ShortDir(t)
	s := &service{t: t, config: filepath.Join(dir, "credence.yaml")}
	text := fmt.Sprintf("listen: {grpc: 'unix:%s/authz.sock', ops: '127.0.0.1:0', drain: %s}\nredis: {url: '%s', timeout: 1s}\nlog: {format: json}\n", dir, drain, redis)
	text += strings.Join(more, "\n") + "\n"
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.running = run(t, nil, "serve", "--config", s.config)
	await(t, "credence listens", func() bool {
		_, rest, found := strings.Cut(s.stderr.String(), `"ops":"`)
		s.ops, _, _ = strings.Cut(rest, `"`)
		return found
	})
	return s
}

// page gets a page of the operations port.
func (s *service) page(path string) (status int, body string) {
	s.t.Helper()
	response, err := http.Get("http://" + s.ops + path)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode, bodyOf(s.t, response)
}

// health runs `credence health` and gives its exit status.
func (s *service) health(flags ...string) int {
	s.t.Helper()
	command := exec.Command(program(s.t), append([]string{"health", "--config", s.config}, flags...)...)
	_ = command.Run() // its status is what is asked for
	return command.ProcessState.ExitCode()
}

// check asks about a token as Envoy does, and gives the HTTP status of the
// denial, or 0.
func (s *service) check(token string) (int32, error) {
	s.t.Helper()
	connection, err := grpc.NewClient("unix:"+filepath.Dir(s.config)+"/authz.sock", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return 0, err
	}
	defer func() { _ = connection.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	response, err := authv3.NewAuthorizationClient(connection).Check(ctx, &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: "GET", Path: "/", Headers: map[string]string{"x-api-key": token},
		}},
	}})
	return int32(response.GetDeniedResponse().GetStatus().GetCode()), err
}

// TestServeWithoutRedis is live and not ready, answers 503 and no 401, and
// serves once there is a registry; then it serves on what it knows.
func TestServeWithoutRedis(t *testing.T) {
	redis := parts.Redis(t)
	redis.Stop()
	s := startService(t, redis.URL(), "0s")
	if status, body := s.page("/livez"); status != http.StatusOK {
		t.Errorf("/livez %d %s, want 200", status, body)
	}
	await(t, "/readyz says why not", func() bool {
		status, body := s.page("/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "refused")
	})
	if got, err := s.check(stranger()); err != nil || got != http.StatusServiceUnavailable {
		t.Errorf("check: %d (%v), want a 503 decision", got, err)
	}
	if got := s.health(); got != 3 {
		t.Errorf("health: exit status %d, want 3", got)
	}
	if got := s.health("--live"); got != 0 {
		t.Errorf("health --live: exit status %d, want 0", got)
	}

	redis.Restart()
	await(t, "/readyz asks for a registry", func() bool {
		_, body := s.page("/readyz")
		return strings.Contains(body, "credence init")
	})
	if got, err := s.check(stranger()); err != nil || got != http.StatusServiceUnavailable {
		t.Errorf("check with an empty Redis: %d (%v), want a 503 decision", got, err)
	}
	records := &stack{t: t, redis: redis}
	token := records.good().secret
	if got, err := s.check(token); err != nil || got != http.StatusServiceUnavailable {
		t.Errorf("check with records, but no registry: %d (%v), want a 503 decision", got, err)
	}
	records.set("registry", "id", "a", "schema", "1", "digests", "s1")
	await(t, "ready", func() bool { return s.health() == 0 })
	if got, err := s.check(stranger()); err != nil || got != http.StatusUnauthorized {
		t.Errorf("check of an unknown token: %d (%v), want 401", got, err)
	}
	if got, err := s.check(token); err != nil || got != 0 {
		t.Errorf("check of a good token: %d (%v), want an allow", got, err)
	}

	redis.Stop()
	await(t, "/readyz stays ready and says what is amiss", func() bool {
		status, body := s.page("/readyz")
		return status == http.StatusOK && strings.Contains(body, "503")
	})
	if got, err := s.check(token); err != nil || got != 0 {
		t.Errorf("check of a token that is known: %d (%v), want an allow", got, err)
	}
	s.signal(syscall.SIGTERM)
	if status := s.wait(); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
}

// TestDrain fails health at once, answers checks all the same, and ends at a
// second signal though the drain is long.
func TestDrain(t *testing.T) {
	redis := parts.Redis(t)
	redis.CLI("HSET", "{credence}:registry", "id", "a", "schema", "1", "digests", "s1")
	s := startService(t, redis.URL(), "10m")
	await(t, "ready", func() bool { return s.health() == 0 })
	s.signal(syscall.SIGTERM)
	await(t, "health fails", func() bool { return s.health() == 3 })
	if status, body := s.page("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "draining") {
		t.Errorf("/readyz %d %s, want 503 and draining", status, body)
	}
	if got, err := s.check(stranger()); err != nil || got != http.StatusUnauthorized {
		t.Errorf("check while draining: %d (%v), want 401", got, err)
	}
	s.signal(syscall.SIGTERM)
	if status := s.wait(); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	if got := s.health("--live"); got != 1 {
		t.Errorf("health of a server that has ended: exit status %d, want 1", got)
	}
}

func TestMetricsTellOfDecisions(t *testing.T) {
	redis := parts.Redis(t)
	redis.CLI("HSET", "{credence}:registry", "id", "a", "schema", "1", "digests", "s1")
	s := startService(t, redis.URL(), "0s")
	await(t, "ready", func() bool { return s.health() == 0 })
	if _, err := s.check(stranger()); err != nil {
		t.Fatal(err)
	}
	_, body := s.page("/metrics")
	for _, want := range []string{
		`credence_decisions_total{api="",kind="token",reason="token_unknown"} 1`,
		`credence_check_duration_seconds_bucket{le="0.0005"}`,
		`credence_lookups_total{record="token"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

// TestEvictingRedis must not be served from: the record of a good token may be
// gone, and an outage must not read as "your token is wrong".
func TestEvictingRedis(t *testing.T) {
	redis := parts.Redis(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	redis.CLI("HSET", "{credence}:registry", "id", "a", "schema", "1", "digests", "s1")
	s := startService(t, redis.URL(), "0s")
	await(t, "/readyz says that Redis evicts", func() bool {
		status, body := s.page("/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "noeviction")
	})
	if got, err := s.check(stranger()); err != nil || got != http.StatusServiceUnavailable {
		t.Errorf("check: %d (%v), want a 503 decision", got, err)
	}
	redis.CLI("CONFIG", "SET", "maxmemory-policy", "noeviction")
	await(t, "ready once it does not", func() bool { return s.health() == 0 })
	if got, err := s.check(stranger()); err != nil || got != http.StatusUnauthorized {
		t.Errorf("check of an unknown token: %d (%v), want 401", got, err)
	}
}
