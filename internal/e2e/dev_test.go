package e2e

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"credence/internal/e2e/parts"
)

// TestDevIsWhatItPrints types every line that `credence dev` prints, as a
// newcomer would, and looks for the status that it promises.
func TestDevIsWhatItPrints(t *testing.T) {
	begun := time.Now()
	mark := "CREDENCE_TEST_MARK=" + rand.Text()
	dev := run(t, []string{mark, "CREDENCE_ENVOY=" + parts.EnvoyProgram(t)}, "dev")
	greeting := dev.untilReady()
	t.Logf("ready after %v", time.Since(begun).Round(time.Millisecond))

	shell := exec.Command("bash", "-e")
	promised := regexp.MustCompile(`# ([0-9]{3})( [a-z_]+)?`)
	var script strings.Builder
	var want []string
	for _, line := range greeting {
		command, pasted := strings.CutPrefix(line, "  ")
		switch {
		case !pasted:
			continue
		case strings.HasPrefix(command, "curl "):
			promise := promised.FindStringSubmatch(command)
			if promise == nil {
				t.Fatalf("%q promises nothing", command)
			}
			want = append(want, promise[1]+promise[2])
			command, _, _ = strings.Cut(command, "#")
			script.WriteString("echo '--- answer'; " + command + "\n")
		case strings.HasPrefix(command, "export "), strings.HasPrefix(command, dev.command.Path):
			script.WriteString(command + "\n")
		}
	}
	shell.Stdin = strings.NewReader(script.String())
	output, err := shell.Output()
	if err != nil {
		t.Fatalf("a line failed: %v\n%s", err, output)
	}
	answers := strings.Split(string(output), "--- answer\n")[1:]
	if len(answers) != len(want) || len(want) < 5 {
		t.Fatalf("%d answers to %d lines", len(answers), len(want))
	}
	for i, promise := range want {
		status, code, _ := strings.Cut(promise, " ")
		if !strings.HasPrefix(answers[i], "HTTP/1.1 "+status+" ") || !strings.Contains(answers[i], code) {
			t.Errorf("line %d promises %s, and answered:\n%s", i+1, promise, answers[i])
		}
	}
	if !strings.Contains(answers[1], "x-client-id: acme") || strings.Contains(answers[1], "crd_") {
		t.Errorf("the upstream got:\n%s", answers[1])
	}
	if !strings.Contains(string(output), "umbrella") {
		t.Errorf("client list did not list the clients:\n%s", output)
	}

	dev.signal(syscall.SIGINT)
	if status := dev.wait(); status != 0 {
		t.Errorf("exit status %d after Ctrl-C, want 0", status)
	}
	if left := marked(mark); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
}

// marked names the processes that were started with a mark in their
// environment and still run.
func marked(mark string) []string {
	var left []string
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, environ := range environs {
		if text, err := os.ReadFile(environ); err == nil && strings.Contains(string(text), mark) {
			left = append(left, filepath.Dir(environ))
		}
	}
	return left
}

// TestDevWithoutEnvoy goes on without, and says how to get one.
func TestDevWithoutEnvoy(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	dev := run(t, []string{"CREDENCE_ENVOY=", "PATH=" + dir}, "dev")
	greeting := strings.Join(dev.untilReady(), "\n")
	if !strings.Contains(greeting, "make envoy") || strings.Contains(greeting, "curl") {
		t.Errorf("greeting without Envoy:\n%s", greeting)
	}
	dev.signal(syscall.SIGTERM)
	if status := dev.wait(); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
}

// TestDevEndsWhenEnvoyEnds and leaves nothing behind, whichever of the two is
// killed.
func TestDevEndsWhenEnvoyEnds(t *testing.T) {
	for _, killed := range []string{"envoy", "dev"} {
		t.Run(killed, func(t *testing.T) {
			mark := "CREDENCE_TEST_MARK=" + rand.Text()
			dev := run(t, []string{mark, "CREDENCE_ENVOY=" + parts.EnvoyProgram(t)}, "dev")
			dev.untilReady()
			victim := dev.command.Process.Pid
			if killed == "envoy" {
				victim = envoyOf(t, mark, victim)
			}
			if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if status := dev.wait(); killed == "envoy" && (status != 1 || !strings.Contains(dev.stderr.String(), "Envoy ended")) {
				t.Errorf("exit status %d and %q, want 1 and why", status, dev.stderr)
			}
			await(t, "nothing is left running", func() bool { return len(marked(mark)) == 0 })
		})
	}
}

// envoyOf gives the process with the mark that is not the one given.
func envoyOf(t *testing.T, mark string, other int) int {
	t.Helper()
	for _, dir := range marked(mark) {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && pid != other {
			return pid
		}
	}
	t.Fatal("dev runs no Envoy")
	return 0
}
