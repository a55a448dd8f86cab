package e2e

import (
	"context"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"credence/envoy"
	"credence/internal/e2e/parts"
)

// A composeService is what docker-compose.yaml says of one, as far as a process can go
// by it.
type composeService struct {
	Image       string
	Entrypoint  []string
	Command     []string
	Environment map[string]string
	Volumes     []string
	Healthcheck struct{ Test []string }
}

// A composed is docker-compose.yaml played by processes of this machine. What a
// container has at a path they have at the same path under root, and where a
// file names a path or a host, its copy there names the local one.
type composed struct {
	t        *testing.T
	services map[string]composeService
	root     string
	hosts    map[string]string // what stands in the files, and the local address

	redis    *parts.RedisServer
	upstream *parts.UpstreamServer
}

func newComposed(t *testing.T) *composed {
	t.Helper()
	var file struct{ Services map[string]composeService }
	if err := yaml.Unmarshal([]byte(fileOf(t, "docker-compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	return &composed{
		t: t, services: file.Services, root: parts.ShortDir(t), upstream: parts.Upstream(t),
		hosts: map[string]string{"0.0.0.0:9002": "127.0.0.1:0"},
	}
}

// fileOf reads a file of the repository.
func fileOf(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// read reads what a container would have at a path.
func (c *composed) read(path string) string {
	c.t.Helper()
	text, err := os.ReadFile(c.root + path)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

// local gives a text with the paths and hosts of this machine.
func (c *composed) local(text string) string {
	tops := map[string]bool{}
	for _, service := range c.services {
		for _, mount := range service.Volumes {
			path := strings.Split(mount, ":")[1]
			if at := strings.Index(path[1:], "/"); at >= 0 {
				path = path[:at+2] // "/run/" of /run/credence
			}
			tops[path] = true
		}
	}
	var pairs []string
	for _, path := range slices.Sorted(maps.Keys(tops)) {
		pairs = append(pairs, path, c.root+path)
	}
	for name, address := range c.hosts {
		pairs = append(pairs, name, address)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// mount makes the volumes of a service, and copies of its files.
func (c *composed) mount(name string) {
	c.t.Helper()
	for _, volume := range c.services[name].Volumes {
		fields := strings.Split(volume, ":")
		at := c.root + fields[1]
		if !strings.HasPrefix(fields[0], "./") { // a named one
			if err := os.MkdirAll(at, 0o755); err != nil {
				c.t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			c.t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(c.local(fileOf(c.t, fields[0]))), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
}

// environment gives that of a service. The owner of files is who runs the test:
// only root can give them away.
func (c *composed) environment(name string) []string {
	env := []string{"PATH=" + filepath.Dir(program(c.t)) + string(os.PathListSeparator) + os.Getenv("PATH"), "TMPDIR=" + c.root}
	for key, value := range c.services[name].Environment {
		if key == "OWNER" {
			value = strconv.Itoa(os.Getuid())
		}
		env = append(env, key+"="+c.local(value))
	}
	return env
}

// argv gives the command of a service, with other arguments where there are
// any, as for docker compose run.
func (c *composed) argv(name string, args ...string) []string {
	c.t.Helper()
	s := c.services[name]
	if len(args) == 0 {
		args = s.Command
	}
	var argv []string
	for _, word := range append(slices.Clone(s.Entrypoint), args...) {
		argv = append(argv, c.local(word))
	}
	if len(argv) == 0 {
		c.t.Fatalf("docker-compose.yaml: %s has no command", name)
	}
	if argv[0] == "/credence" {
		argv[0] = program(c.t)
	}
	return argv
}

// runToEnd runs a service that ends, and gives what it prints to standard
// output.
func (c *composed) runToEnd(name string, args ...string) string {
	c.t.Helper()
	c.mount(name)
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	argv := c.argv(name, args...)
	command := exec.CommandContext(ctx, argv[0], argv[1:]...)
	command.Env = c.environment(name)
	var stderr parts.Log
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		c.t.Fatalf("docker-compose.yaml: %s: %v\n%s\n%s", name, err, out, stderr.String())
	}
	return string(out)
}

// startRedis starts a redis-server with the settings in its file, and its
// address besides.
func (c *composed) startRedis() {
	c.t.Helper()
	c.mount("redis")
	command := c.argv("redis")
	if len(command) != 2 || command[0] != "redis-server" {
		c.t.Fatalf("docker-compose.yaml: redis: want redis-server and a file, got %v", command)
	}
	text, err := os.ReadFile(command[1])
	if err != nil {
		c.t.Fatal(err)
	}
	var args []string
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
			args = append(append(args, "--"+words[0]), words[1:]...)
		}
	}
	c.redis = parts.Redis(c.t, args...)
	c.hosts["redis:6379"] = c.redis.Addr()
	check := c.services["redis"].Healthcheck.Test
	_, port, _ := net.SplitHostPort(c.redis.Addr())
	c.awaitHealthy("redis", func() error {
		return unhealthy(exec.CommandContext(c.t.Context(), check[1], append([]string{"-p", port}, check[2:]...)...).CombinedOutput())
	})
}

// startCredence starts the server: docker-compose.yaml leaves the program to
// the image.
func (c *composed) startCredence() *running {
	c.t.Helper()
	c.mount("credence")
	server := run(c.t, c.environment("credence"), c.argv("credence")...)
	check := c.services["credence"].Healthcheck.Test
	c.awaitHealthy("credence", func() error {
		ask := exec.CommandContext(c.t.Context(), program(c.t), check[2:]...)
		ask.Env = c.environment("credence")
		return unhealthy(ask.CombinedOutput())
	})
	return server
}

// startEnvoy starts Envoy with the service's file; the ports in it are the
// kernel's choice.
func (c *composed) startEnvoy() {
	c.t.Helper()
	_, port, _ := net.SplitHostPort(c.upstream.Addr())
	for name, address := range map[string]string{
		"address: 0.0.0.0, port_value: 10000":  "address: 127.0.0.1, port_value: 0",
		"address: 127.0.0.1, port_value: 9901": "address: 127.0.0.1, port_value: 0",
		"address: upstream, port_value: 8080":  "address: 127.0.0.1, port_value: " + port,
	} {
		if !strings.Contains(fileOf(c.t, "compose/envoy.yaml"), name) {
			c.t.Fatalf("compose/envoy.yaml: no %q", name)
		}
		c.hosts[name] = address
	}
	c.mount("envoy")
	var root envoy.Object
	if err := yaml.Unmarshal([]byte(c.read("/etc/envoy/envoy.yaml")), &root); err != nil {
		c.t.Fatal(err)
	}
	proxy := parts.Envoy(c.t, envoy.Addresses{}, func(tree *envoy.Tree) error {
		clear(tree.Root)
		maps.Copy(tree.Root, root)
		return nil
	})
	c.hosts["envoy:10000"] = proxy.Addr()
}
