package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"credence/envoy"
	"credence/internal/e2e/parts"
)

// TestCompose plays docker-compose.yaml without containers: the same programs
// with the same files, in the order that it says. It is tried, ended, Redis as
// by a power cut, started again, and tried again: the registry and the passwords
// are still there.
func TestCompose(t *testing.T) {
	c := newComposed(t)
	c.runToEnd("keys")
	c.startRedis()
	c.runToEnd("fill")
	server := c.startCredence()
	c.startEnvoy()
	wantTried(t, c.runToEnd("try"))

	passwords := c.read("/run/secrets/server/password") + c.read("/run/secrets/admin/password")
	clients := c.runToEnd("admin", "client", "list", "-o", "json")
	server.signal(syscall.SIGTERM)
	server.signal(syscall.SIGTERM) // the second ends it at once
	server.wait()
	c.redis.Stop()

	c.runToEnd("keys")
	if again := c.read("/run/secrets/server/password") + c.read("/run/secrets/admin/password"); again != passwords {
		t.Error("the passwords were made anew, while Redis and credence may run with the old ones")
	}
	c.redis.Restart()
	c.runToEnd("fill")
	if diff := cmp.Diff(created(t, clients), created(t, c.runToEnd("admin", "client", "list", "-o", "json"))); diff != "" {
		t.Errorf("the registry was not kept: clients before (-) and after (+):\n%s", diff)
	}
	c.startCredence()
	wantTried(t, c.runToEnd("try"))
}

// created gives when each client was registered.
func created(t *testing.T, list string) map[string]string {
	t.Helper()
	var clients []struct {
		ID      string `json:"id"`
		Created string `json:"created_at"`
	}
	if err := json.Unmarshal([]byte(list), &clients); err != nil || len(clients) != 2 {
		t.Fatalf("want two clients, got %s (error %v)", list, err)
	}
	times := map[string]string{}
	for _, client := range clients {
		times[client.ID] = client.Created
	}
	return times
}

// wantTried holds what `docker compose run --rm try` prints to what the README
// shows.
func wantTried(t *testing.T, printed string) {
	t.Helper()
	for _, b := range pageNamed(t, "README.md").blocks {
		if !strings.Contains(b.text, "docker compose run --rm try") {
			continue
		}
		if err := compare(b, printed); err != nil {
			t.Error(err)
		}
		return
	}
	t.Error("README.md does not say how to try docker-compose.yaml")
}

// TestComposeRights asks Redis as those who may not.
func TestComposeRights(t *testing.T) {
	c := newComposed(t)
	c.runToEnd("keys")
	c.startRedis()
	c.runToEnd("fill")
	server := []string{"--no-auth-warning", "--user", "credence-server", "--pass", strings.TrimSpace(c.read("/run/secrets/server/password"))}
	for _, test := range []struct {
		who  string
		as   []string
		asks []string
		want string
	}{
		{"a stranger", nil, []string{"PING"}, "NOAUTH"},
		{"the health check", []string{"--no-auth-warning", "--user", "health", "--pass", "-"}, []string{"PING"}, "PONG"},
		{"the health check", []string{"--no-auth-warning", "--user", "health", "--pass", "-"}, []string{"HGETALL", "{credence}:client:acme"}, "NOPERM"},
		{"the server", server, []string{"HGET", "{credence}:client:acme", "state"}, "active"},
		{"the server", server, []string{"HSET", "{credence}:client:acme", "state", "active"}, "NOPERM"},
		{"the server", server, []string{"CONFIG", "GET", "*"}, "NOPERM"},
	} {
		if got := c.redis.CLI(append(test.as, test.asks...)...); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s asks %v: got %q, want %s…", test.who, test.asks, got, test.want)
		}
	}
}

// TestComposeKeepsSecrets looks at who can read what `keys` makes.
func TestComposeKeepsSecrets(t *testing.T) {
	c := newComposed(t)
	c.runToEnd("keys")
	for name, want := range map[string]os.FileMode{
		"/run/secrets/server/password": 0o440, "/run/secrets/admin/password": 0o440, "/run/acl/users.acl": 0o444,
	} {
		info, err := os.Stat(c.root + name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
	acl := c.read("/run/acl/users.acl")
	for _, role := range []string{"server", "admin"} {
		password := strings.TrimSpace(c.read("/run/secrets/" + role + "/password"))
		if len(password) < 32 {
			t.Errorf("the password of %s has %d characters, want 32", role, len(password))
		}
		if strings.Contains(acl, password) {
			t.Errorf("the ACL file holds the password of %s, want its digest", role)
		}
	}
	if lines := strings.Count(acl, "\n"); lines != 4 || strings.Count(acl, "user ") != 4 {
		t.Errorf("the ACL file has %d lines, want four users:\n%s", lines, acl)
	}
}

// TestComposeEnvoy holds compose/envoy.yaml to the file that people copy: only
// where things are is another.
func TestComposeEnvoy(t *testing.T) {
	want, err := envoy.Bootstrap(envoy.Addresses{Listener: "0.0.0.0:10000", Credence: "unix:/run/credence/authz.sock"}, func(tree *envoy.Tree) error {
		tree.Upstream["type"] = "STRICT_DNS"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	upstream := regexp.MustCompile(`address: 127\.0\.0\.1\n(\s+)port_value: 8080\n`)
	if n := len(upstream.FindAllIndex(want, -1)); n != 1 {
		t.Fatalf("envoy.yaml names its upstream %d times, want once", n)
	}
	want = upstream.ReplaceAll(want, []byte("address: upstream\n${1}port_value: 8080\n"))
	got := []byte(fileOf(t, "compose/envoy.yaml"))
	if diff := cmp.Diff(treeOf(t, want), treeOf(t, got)); diff != "" {
		t.Errorf("envoy/envoy.yaml at these addresses (-) and compose/envoy.yaml (+):\n%s", diff)
	}
	parts.ValidateEnvoy(t, got)
}

func treeOf(t *testing.T, text []byte) (tree map[string]any) {
	t.Helper()
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

// awaitHealthy asks as the health check of a service does.
func (c *composed) awaitHealthy(name string, probe func() error) {
	c.t.Helper()
	if len(c.services[name].Healthcheck.Test) < 2 || c.services[name].Healthcheck.Test[0] != "CMD" {
		c.t.Fatalf("docker-compose.yaml: %s: want a health check without a shell, got %v", name, c.services[name].Healthcheck.Test)
	}
	parts.Await(c.t, 30*time.Second, name+" healthy", probe)
}

var errNotHealthy = errors.New("not healthy")

func unhealthy(printed []byte, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w: %s", errNotHealthy, err, printed)
}
