package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"credence/internal/e2e/parts"
)

// healthOver runs `credence health` with TLS, against a server that listens
// elsewhere than its own configuration says, and gives its exit status. The
// environment names a proxy that nobody must ask: with no host before the port
// it would be.
func healthOver(t *testing.T, at, ops string, own *parts.Secret, flags ...string) (status int, stderr string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "credence.yaml")
	at, ops = strings.TrimPrefix(at, "127.0.0.1"), strings.TrimPrefix(ops, "127.0.0.1")
	text := strings.Replace(tlsConfig(own), "listen: {", fmt.Sprintf("listen: {grpc: '%s', ops: '%s', ", at, ops), 1)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program(t), append([]string{"health", "--config", config}, flags...)...)
	command.Env = append(os.Environ(), "HTTPS_PROXY=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1")
	var out bytes.Buffer
	command.Stderr = &out
	_ = command.Run() // its status is what is asked for
	return command.ProcessState.ExitCode(), out.String()
}

// TestHealthOverTLS asks a server with nothing but its own files, whatever
// becomes of them.
func TestHealthOverTLS(t *testing.T) {
	servers, clients := parts.NewAuthority(t, "servers"), parts.NewAuthority(t, "clients")
	pair := func(name string) parts.KeyPair { return servers.Issue(name, []string{credenceName}) }
	own := parts.NewSecret(t, tlsFiles(pair("credence"), clients.PEM))
	redis := parts.Redis(t)
	config := filepath.Join(t.TempDir(), "credence.yaml")
	text := strings.Replace(tlsConfig(own), "listen: {", "listen: {grpc: '127.0.0.1:0', ops: '127.0.0.1:0', drain: 0s, ", 1) +
		fmt.Sprintf("redis: {url: '%s', timeout: 1s}\nlog: {format: json}\n", redis.URL())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := run(t, nil, "serve", "--config", config)
	var at, ops string
	await(t, "credence listens", func() bool {
		found := regexp.MustCompile(`"grpc":"([^"]+)","ops":"([^"]+)"`).FindStringSubmatch(server.stderr.String())
		if found != nil {
			at, ops = found[1], found[2]
		}
		return found != nil
	})
	want := func(what string, status int, flags ...string) string {
		t.Helper()
		got, stderr := healthOver(t, at, ops, own, flags...)
		if got != status {
			t.Errorf("%s: health %s: exit status %d, want %d: %s", what, flags, got, status, stderr)
		}
		return stderr
	}
	want("without a registry", 3)
	want("without a registry", 0, "--live")
	redis.CLI("HSET", "{credence}:registry", "id", "a", "schema", "1", "digests", "s1")
	await(t, "ready", func() bool { status, _ := healthOver(t, at, ops, own); return status == 0 })

	stranger := parts.NewSecret(t, tlsFiles(pair("stranger"), clients.PEM))
	if got, stderr := healthOver(t, at, ops, stranger); got != 1 || !strings.Contains(stderr, "no server answers at") {
		t.Errorf("with the files of another server: exit status %d, want 1: %s", got, stderr)
	}
	own.Swap(tlsFiles(pair("credence, next"), clients.PEM))
	want("with new files, at once", 0)

	broken := tlsFiles(pair("credence, next"), clients.PEM)
	broken["tls.key"] = pair("another").Key
	own.Swap(broken)
	if stderr := want("with broken files", 0); !strings.Contains(stderr, "/readyz was asked") {
		t.Errorf("health with broken files says %q, want how it asked", stderr)
	}
	redis.CLI("DEL", "{credence}:registry")
	server.signal(syscall.SIGTERM)
	if status := server.wait(); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	want("of a server that has ended", 1)
	own.Swap(tlsFiles(pair("credence"), clients.PEM))
	want("of a server that has ended", 1, "--live")

	// And what cannot be started says why.
	own.Swap(broken)
	failed := run(t, nil, "serve", "--config", config)
	if status := failed.wait(); status != 1 || !strings.Contains(failed.stderr.String(), "listen.tls: key "+own.Path("tls.key")) {
		t.Errorf("serve with broken files: exit status %d, says %s", status, failed.stderr)
	}
}
