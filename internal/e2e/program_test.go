package e2e

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"credence/internal/e2e/parts"
)

// built is where the program was built to, once for all tests.
var built struct {
	once sync.Once
	from string // where the tests were started: some go elsewhere
	path string
	err  error
}

// program builds cmd/credence and gives its path.
func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		dir, err := os.MkdirTemp("", "credence-program-")
		if err != nil {
			built.err = err
			return
		}
		built.path = filepath.Join(dir, "credence")
		build := exec.Command("go", "build", "-o", built.path, "credence/cmd/credence")
		build.Dir = built.from
		if text, err := build.CombinedOutput(); err != nil {
			built.err = err
			t.Logf("%s", text)
		}
	})
	if built.err != nil {
		t.Fatalf("build: %v", built.err)
	}
	return built.path
}

// TestMain removes the program when all tests are over.
func TestMain(m *testing.M) {
	built.from, built.err = os.Getwd()
	status := m.Run()
	if built.path != "" {
		_ = os.RemoveAll(filepath.Dir(built.path))
	}
	os.Exit(status)
}

// A running is a command that was started and prints lines.
type running struct {
	t       *testing.T
	command *exec.Cmd
	lines   chan string
	stderr  *parts.Log
	ended   chan error
}

// run starts the program. It is killed when the test ends, if it has not ended
// by itself.
func run(t *testing.T, env []string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, lines: make(chan string, 1000), stderr: &parts.Log{}, ended: make(chan error, 1)}
	r.command = exec.CommandContext(ctx, program(t), args...)
	// What it writes into temporary files, a key of credence dev's say, goes with
	// the test, also where it is killed.
	r.command.Env = append(append(os.Environ(), "TMPDIR="+parts.ShortDir(t)), env...)
	r.command.Stderr = r.stderr
	stdout, err := r.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.command.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		r.read(stdout)
	}()
	go func() { <-read; r.ended <- r.command.Wait() }()
	t.Cleanup(func() {
		cancel()
		if t.Failed() {
			t.Logf("standard error of credence %s:\n%s", strings.Join(args, " "), r.stderr)
		}
	})
	return r
}

func (r *running) read(from io.Reader) {
	defer close(r.lines)
	for scanner := bufio.NewScanner(from); scanner.Scan(); {
		r.lines <- scanner.Text()
	}
}

// untilReady reads lines up to "ready".
func (r *running) untilReady() []string {
	r.t.Helper()
	late := time.After(30 * time.Second)
	var lines []string
	for {
		select {
		case line, more := <-r.lines:
			if !more {
				r.t.Fatalf("ended before it printed \"ready\":\n%s\n%s", strings.Join(lines, "\n"), r.stderr)
			}
			if line == "ready" {
				return lines
			}
			lines = append(lines, line)
		case <-late:
			r.t.Fatalf("did not print \"ready\":\n%s\n%s", strings.Join(lines, "\n"), r.stderr)
		}
	}
}

// signal sends a signal to the program.
func (r *running) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.command.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// wait waits until the program has ended and gives its exit status.
func (r *running) wait() int {
	r.t.Helper()
	select {
	case <-r.ended:
		return r.command.ProcessState.ExitCode()
	case <-time.After(30 * time.Second):
		r.t.Fatalf("has not ended\n%s", r.stderr)
		return -1
	}
}
