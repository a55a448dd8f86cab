package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"credence/envoy"
	"credence/internal/e2e/parts"
)

// A container is credence as a pod has it: a process with a credence.yaml of
// k8s/.
type container struct {
	*service
	grpc string // where it is asked
}

// newContainer makes one that is not started yet. Of the shipped configuration
// all is left, but where it listens and where its secrets are, which a test
// says; and what is known once is not looked up again, since a busy machine may
// not have the time for it that a check has.
func newContainer(t *testing.T, shipped string, redis *parts.RedisServer, listen envoy.Object) *container {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "k8s", shipped))
	if err != nil {
		t.Fatal(err)
	}
	var tree envoy.Object
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	there, ok := tree["listen"].(envoy.Object)
	if !ok || there["drain"] == nil {
		t.Fatalf("k8s/%s does not say how long it drains", shipped)
	}
	maps.Copy(there, listen)
	there["ops"] = "127.0.0.1:0"
	tree["redis"] = envoy.Object{"url": redis.URL(), "timeout": "1s"}
	tree["cache"] = envoy.Object{"ttl": "1h"}
	delete(tree, "credentials") // peppers
	if text, err = yaml.Marshal(tree); err != nil {
		t.Fatal(err)
	}
	c := &container{service: &service{t: t, config: filepath.Join(parts.ShortDir(t), "credence.yaml")}}
	write(t, c.config, string(text))
	return c
}

// start starts the process, and does not wait for it.
func (c *container) start() {
	c.t.Helper()
	c.running = run(c.t, nil, "serve", "--config", c.config)
	c.ops = ""
}

// isListening tells whether it has said where it listens.
func (c *container) isListening() bool {
	found := regexp.MustCompile(`"grpc":"([^"]+)","ops":"([^"]+)"`).FindStringSubmatch(c.stderr.String())
	if found != nil {
		c.grpc, c.ops = found[1], found[2]
	}
	return found != nil
}

// isLive and isReady are the probes over HTTP.
func (c *container) isLive() bool { return c.pageIsGood("/livez") }

func (c *container) isReady() bool { return c.pageIsGood("/readyz") }

func (c *container) pageIsGood(path string) bool {
	status, _ := c.page(path)
	return status == http.StatusOK
}

// terminate begins the end of it.
func (c *container) terminate() { c.signal(syscall.SIGTERM) }

// wantEnded waits until it has ended by itself.
func (c *container) wantEnded() {
	c.t.Helper()
	if status := c.wait(); status != 0 {
		c.t.Errorf("credence: exit status %d, want 0\n%s", status, c.stderr)
	}
}

// crash ends it as the kernel does when memory is short.
func (c *container) crash() {
	c.signal(syscall.SIGKILL)
	c.wait()
}

// patientHealth has Envoy wait for an answer about credence's health as long as
// a busy machine needs; how often it asks stays as shipped.
func patientHealth(tree *envoy.Tree) error {
	checks, ok := tree.Credence["health_checks"].([]any)
	if !ok || len(checks) != 1 {
		return fmt.Errorf("want one health check of credence, have %v", tree.Credence["health_checks"])
	}
	checks[0].(envoy.Object)["timeout"] = "10s"
	return nil
}
