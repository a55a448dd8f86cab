package parts

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"credence/envoy"
)

const getEnvoy = "`make envoy` fetches the pinned one into .bin; CREDENCE_ENVOY names another"

// EnvoyProxy is an Envoy of a test's own. Its methods fail the test when they cannot do what they say.
type EnvoyProxy struct {
	t        testing.TB
	dir      string
	listener string // "host:port" or "unix:/path"
	admin    string // "host:port"
	process  *process
	client   *http.Client
}

// Envoy starts the pinned Envoy with the bootstrap of package envoy, and waits until it serves. Addresses of the
// listener and of the admin interface that are not given are free loopback ports; those of credence and of the upstream
// should be, else the file's own are asked.
func Envoy(t testing.TB, a envoy.Addresses, edits ...envoy.Edit) *EnvoyProxy {
	t.Helper()
	return EnvoyFile(t, envoy.Standard, a, edits...)
}

// EnvoyFile is Envoy with another of package envoy's files.
func EnvoyFile(t testing.TB, file string, a envoy.Addresses, edits ...envoy.Edit) *EnvoyProxy {
	t.Helper()
	program := EnvoyProgram(t)
	if a.Listener == "" {
		a.Listener = "127.0.0.1:0"
	}
	if a.Admin == "" {
		a.Admin = "127.0.0.1:0"
	}
	e := &EnvoyProxy{t: t, dir: ShortDir(t), listener: a.Listener, client: &http.Client{Timeout: 5 * time.Second}}
	t.Cleanup(e.client.CloseIdleConnections)
	e.writeBootstrap(file, a, edits)
	showOnFailure(t, "Envoy", e.log())
	var err error
	e.process, err = start(e.log(), program,
		"-c", e.path("envoy.yaml"), "--admin-address-path", e.path("admin"),
		"--concurrency", "1", "--disable-hot-restart", "--log-level", "warning", "--file-flush-interval-msec", "20")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.process.kill)
	if err := e.process.await(e.ready); err != nil {
		t.Fatalf("parts: Envoy: not ready: %v", err)
	}
	return e
}

// ValidateEnvoy fails the test unless Envoy takes the configuration.
func ValidateEnvoy(t testing.TB, config []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatalf("parts: Envoy: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, EnvoyProgram(t), "--mode", "validate", "--log-level", "warning", "-c", file).CombinedOutput()
	if err != nil {
		t.Errorf("parts: Envoy does not take the configuration: %v\n%s", err, out)
	}
}

// URL returns where clients connect, "http://host:port" without a slash at its end. It has no meaning for a listener on
// a socket.
func (e *EnvoyProxy) URL() string { return "http://" + e.listener }

// Addr returns where clients connect, as "host:port" or "unix:/path".
func (e *EnvoyProxy) Addr() string { return e.listener }

// AdminURL returns the admin interface's address, without a slash at its end.
func (e *EnvoyProxy) AdminURL() string { return "http://" + e.admin }

// Stat returns a counter or gauge of Envoy's by its whole name, such as http.api.ext_authz.denied.
func (e *EnvoyProxy) Stat(name string) int64 {
	e.t.Helper()
	text, err := e.ask("/stats?format=text&type=All")
	if err != nil {
		e.t.Fatalf("parts: Envoy: statistic %s: %v", name, err)
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			number, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err != nil {
				e.t.Fatalf("parts: Envoy: statistic %s: %v", name, err)
			}
			return number
		}
	}
	e.t.Fatalf("parts: Envoy has no statistic %s", name)
	return 0
}

// Printed returns what Envoy has printed so far: its access log, and what it warned of. A line of the access log follows
// its request within some milliseconds; wait for it with Await.
func (e *EnvoyProxy) Printed() string {
	e.t.Helper()
	text, err := os.ReadFile(e.log())
	if err != nil {
		e.t.Fatalf("parts: Envoy: %v", err)
	}
	return string(text)
}

// Stop ends Envoy before the test is over.
func (e *EnvoyProxy) Stop() { e.process.kill() }

func (e *EnvoyProxy) path(name string) string { return filepath.Join(e.dir, name) }

func (e *EnvoyProxy) log() string { return e.path("envoy.log") }

func (e *EnvoyProxy) writeBootstrap(file string, a envoy.Addresses, edits []envoy.Edit) {
	e.t.Helper()
	config, err := envoy.BootstrapFile(file, a, edits...)
	if err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(e.path("envoy.yaml"), config, 0o600); err != nil {
		e.t.Fatalf("parts: Envoy: %v", err)
	}
}

// ready learns the addresses that the kernel chose, and asks whether Envoy serves.
func (e *EnvoyProxy) ready() error {
	admin, err := os.ReadFile(e.path("admin"))
	if err != nil {
		return err
	}
	e.admin = strings.TrimSpace(string(admin))
	if _, err := e.ask("/ready"); err != nil {
		return err
	}
	if strings.HasPrefix(e.listener, "unix:") {
		return nil
	}
	text, err := e.ask("/listeners?format=json")
	if err != nil {
		return err
	}
	var listeners struct {
		Statuses []struct {
			Address struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err := json.Unmarshal([]byte(text), &listeners); err != nil {
		return fmt.Errorf("listeners: %w", err)
	}
	if len(listeners.Statuses) != 1 {
		return fmt.Errorf("listeners: got %d, want 1", len(listeners.Statuses))
	}
	socket := listeners.Statuses[0].Address.Socket
	e.listener = net.JoinHostPort(socket.Address, strconv.Itoa(socket.Port))
	return nil
}

// ask gets a page of the admin interface.
func (e *EnvoyProxy) ask(path string) (string, error) {
	response, err := e.client.Get(e.AdminURL() + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: status %d: %s", path, response.StatusCode, text)
	}
	return string(text), nil
}

// EnvoyProgram finds Envoy: what CREDENCE_ENVOY names, else the pinned one.
func EnvoyProgram(t testing.TB) string {
	t.Helper()
	program := os.Getenv("CREDENCE_ENVOY")
	if program == "" {
		pinned, err := inRepository(filepath.Join(".bin", "envoy"))
		if err != nil {
			t.Fatal(err)
		}
		program = pinned
	}
	// Looked at by this process, so that go test forgets a cached result when another Envoy is put there.
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("parts: Envoy: %v: %s", err, getEnvoy)
	}
	return program
}
