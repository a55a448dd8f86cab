package parts

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// process is a program that a test started: it is waited for from the start on, and ended by its process id.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended
	err    error         // how it ended; read it after exited
}

// start runs a program with its output in the file log.
func start(log string, program string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("parts: log of %s: %w", program, err)
	}
	defer out.Close() // the program has its own copy
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = endWithParent()
	p := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel ends the child when the thread that started it ends, so that one is kept for the child's life.
		runtime.LockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		p.err = cmd.Wait()
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("parts: %s: %w", program, err)
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// await calls probe until it returns nil, or the program ends, or patience does.
func (p *process) await(probe func() error) error {
	err := await(patience, p.exited, probe)
	if errors.Is(err, errGone) {
		return errors.Join(err, p.err)
	}
	return err
}

// kill ends the program without asking it, paused or not, and waits until it is gone.
func (p *process) kill() {
	// An error says that it is gone already, which is what is wanted.
	_ = p.cmd.Process.Kill()
	<-p.exited
}

func (p *process) signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// showOnFailure prints the end of a log when the test has failed. Register it before what ends the program, since
// cleanups run last first.
func showOnFailure(t testing.TB, name, log string) {
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		text, err := os.ReadFile(log)
		if err != nil {
			t.Logf("parts: log of %s: %v", name, err)
			return
		}
		const most = 16 << 10
		t.Logf("parts: what %s printed (its last %d bytes at most):\n%s", name, most, text[max(0, len(text)-most):])
	})
}

// ShortDir makes a directory that is removed after the test, with a path short enough for a socket in it: the kernel
// takes 107 bytes, and t.TempDir spends most of them on the test's name.
func ShortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "credence-")
	if err != nil {
		t.Fatalf("parts: directory: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("parts: directory: %v", err)
		}
	})
	return dir
}

// inRepository returns the path of a file given relative to the root of the repository, where the go.mod of module
// credence is.
func inRepository(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("parts: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module credence\n") {
			return filepath.Join(dir, name), nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("parts: the working directory is not in the repository of credence")
		}
	}
}
