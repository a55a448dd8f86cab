package e2e

import (
	"crypto/rand"
	"fmt"
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

	g := newGuest(t, dev)
	for _, line := range greeting {
		if command, pasted := strings.CutPrefix(line, "  "); pasted {
			g.paste(command)
		}
	}
	if g.asked < 8 || g.toggled != 2 || g.disabled != 1 {
		t.Errorf("%d requests, %d signals to stop Redis or start it, %d clients disabled:\n%s", g.asked, g.toggled, g.disabled, strings.Join(greeting, "\n"))
	}
	await(t, "a stranger is told 401 again", func() bool {
		return strings.HasPrefix(g.types(`curl -i -H "x-api-key: a-token-that-nobody-knows" $API`), "HTTP/1.1 401 ")
	})

	dev.signal(syscall.SIGINT)
	if status := dev.wait(); status != 0 {
		t.Errorf("exit status %d after Ctrl-C, want 0", status)
	}
	if left := marked(mark); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
}

// A guest types what `credence dev` prints into a terminal of his own.
type guest struct {
	t       *testing.T
	dev     *running
	home    string
	exports string

	asked, toggled, disabled int
}

func newGuest(t *testing.T, dev *running) *guest {
	t.Helper()
	g := &guest{t: t, dev: dev, home: t.TempDir()}
	// A terminal shows no progress; here it would stand amid the answers.
	if err := os.WriteFile(filepath.Join(g.home, ".curlrc"), []byte("silent\nshow-error\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return g
}

// What a line promises, and what dev says when Redis was toggled.
var (
	promised = regexp.MustCompile(`# ([0-9]{3})( [a-z_]+)?`)
	toggled  = regexp.MustCompile(`(?m)^redis (is stopped|runs again)`)
)

// paste types a line of the greeting, if it is one to be typed, and holds what
// comes of it to what the line promises.
func (g *guest) paste(line string) {
	g.t.Helper()
	if strings.HasPrefix(line, "export ") {
		g.exports += line + "\n"
		return
	}
	for part := range strings.SplitSeq(line, " && ") {
		switch {
		case strings.HasPrefix(part, "curl "):
			g.ask(part)
		case strings.HasPrefix(part, "kill "):
			g.toggle(part)
		case strings.HasPrefix(part, g.dev.command.Path+" client disable "):
			g.disabled++
			if printed := g.types(part); !strings.Contains(printed, ": applied by 1 server after ") {
				g.t.Errorf("%s\ndoes not say who has applied it:\n%s", part, printed)
			}
		case strings.HasPrefix(part, g.dev.command.Path):
			g.types(part)
		}
	}
}

// ask asks the API and holds its answer to what the line promises. The server
// runs with the timeouts that it has in use: where the machine stands still for
// longer than a check may take it rightly answers 503, and then it is asked
// again, as the answer says. No other answer is forgiven.
func (g *guest) ask(line string) {
	g.t.Helper()
	g.asked++
	promise := promised.FindStringSubmatch(line)
	if promise == nil {
		g.t.Fatalf("%q promises nothing", line)
	}
	var answer string
	parts.Await(g.t, 20*time.Second, line, func() error {
		answer = g.types(line)
		isAsPromised := strings.HasPrefix(answer, "HTTP/1.1 "+promise[1]+" ") && strings.Contains(answer, strings.TrimSpace(promise[2]))
		switch {
		case isAsPromised:
			return nil
		case !strings.HasPrefix(answer, "HTTP/1.1 503 "):
			g.t.Fatalf("%s\nanswered:\n%s", line, answer)
		}
		return fmt.Errorf("it answered:\n%s", answer)
	})
	if isLetIn := promise[1] == "200"; isLetIn != strings.Contains(answer, "x-client-id: acme") || strings.Contains(answer, "crd_") {
		g.t.Errorf("%s\nthe upstream got:\n%s", line, answer)
	}
}

// toggle stops Redis or starts it, and waits for what the first terminal then
// shows.
func (g *guest) toggle(line string) {
	g.t.Helper()
	g.types(line)
	g.toggled++
	await(g.t, "dev says that Redis was toggled", func() bool {
		return len(toggled.FindAllString(g.dev.stderr.String(), -1)) == g.toggled
	})
}

// types types a line and gives what it prints, on both streams.
func (g *guest) types(line string) string {
	g.t.Helper()
	shell := exec.Command("bash", "-e", "-c", g.exports+line)
	shell.Env = append(os.Environ(), "HOME="+g.home)
	output, err := shell.CombinedOutput()
	if err != nil {
		g.t.Fatalf("%s\n%v, printed:\n%s", line, err, output)
	}
	return string(output)
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
	g := newGuest(t, dev)
	for line := range strings.Lines(greeting) {
		if command, pasted := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "  "); pasted {
			g.paste(command)
		}
	}
	if g.disabled != 1 {
		t.Errorf("no line switches a client off:\n%s", greeting)
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
