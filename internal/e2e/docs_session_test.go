package e2e

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"credence/internal/e2e/parts"
)

// ports are those that the pages name, each with the one that stands for it
// while a page is tried.
type ports map[string]string

// named are all ports that a page may name.
var named = []string{"6379", "8080", "9001", "9002", "9901", "10000", "8081"}

// freePorts chooses one for each that is named and adds them to those taken:
// from a range that neither outgoing connections nor other tests are given, so
// that they are free still when a page comes to use them.
func freePorts(t *testing.T, taken map[int]bool) ports {
	t.Helper()
	chosen := ports{}
	for _, name := range named {
		for chosen[name] == "" {
			port := 12000 + rand.N(8000)
			listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				continue
			}
			if err := listener.Close(); err != nil {
				t.Fatal(err)
			}
			if taken[port] {
				continue
			}
			taken[port], chosen[name] = true, fmt.Sprint(port)
		}
	}
	return chosen
}

// set makes the port of an address stand for one that is named.
func (p ports) set(name, address string) {
	_, p[name], _ = strings.Cut(strings.TrimPrefix(address, "http://"), ":")
}

var isNamed = regexp.MustCompile(`\b(?:` + strings.Join(named, "|") + `)\b`)

// onMachine gives a text of a page with the ports of this machine.
func (p ports) onMachine(text string) string {
	return isNamed.ReplaceAllStringFunc(text, func(name string) string { return p[name] })
}

// onPage gives a text that was printed with the ports that pages name.
func (p ports) onPage(text string) string {
	for name, port := range p {
		text = regexp.MustCompile(`:`+port+`\b`).ReplaceAllString(text, ":"+name)
	}
	return strings.ReplaceAll(text, "\r\n", "\n")
}

// A session is a shell in a directory like that of a clone, in which the lines
// of a page are typed.
type session struct {
	t     *testing.T
	dir   string
	ports ports
	typed io.WriteCloser
	lines chan string // what is printed; closed at its end
	count int
	end   func() // ends it, with all that it started
}

// statusMark begins the line that says how a block ended.
const statusMark = "\x1e"

// prologue ends what runs in the background with the shell, also when the test
// is killed.
const prologue = `set -e; trap 's=$?; kill $(jobs -p) 2>/dev/null; printf "` + `\036%s\n" $s' EXIT` + "\n"

func newSession(t *testing.T, p ports) *session {
	t.Helper()
	s := &session{t: t, dir: parts.ShortDir(t), ports: p, lines: make(chan string, 10000)}
	s.furnish()
	shell := exec.Command("bash", "--noprofile", "--norc")
	shell.Dir = s.dir
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Env = []string{
		"PATH=" + filepath.Join(s.dir, ".bin") + ":" + os.Getenv("PATH"), "HOME=" + s.dir, "TERM=dumb", "LC_ALL=C.UTF-8",
		"CREDENCE_REDIS_URL=redis://127.0.0.1:" + p["6379"] + "/0", "CREDENCE_BY=alice",
	}
	out, printed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	shell.Stdout, shell.Stderr = printed, printed
	if s.typed, err = shell.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	_ = printed.Close() // the shell has its own copy
	go s.read(out)
	s.end = sync.OnceFunc(func() {
		_ = s.typed.Close()
		_ = syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) // all that it started
		_ = shell.Wait()
	})
	t.Cleanup(s.end)
	s.write(prologue)
	return s
}

// plainConfig is what a reader has who was told to have some configuration.
const plainConfig = `listen: {grpc: 127.0.0.1:9001, ops: 127.0.0.1:9002, drain: 0s}
redis: {url: redis://127.0.0.1:6379/0, timeout: 1s}
`

// furnish puts there what a clone has after `make build envoy`, with the ports
// of this machine, and a configuration.
func (s *session) furnish() {
	s.t.Helper()
	redisCLI, err := exec.LookPath("redis-cli")
	if err != nil {
		s.t.Fatalf("%v: `make redis` installs it", err)
	}
	bootstrap, err := os.ReadFile(filepath.Join(repository, "envoy", "envoy.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, dir := range []string{".bin", "envoy"} {
		if err := os.Mkdir(filepath.Join(s.dir, dir), 0o700); err != nil {
			s.t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"credence": program(s.t), "envoy": parts.EnvoyProgram(s.t)} {
		if err := os.Symlink(target, filepath.Join(s.dir, ".bin", name)); err != nil {
			s.t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		".bin/redis-cli":   "#!/bin/sh\nexec " + redisCLI + " -p " + s.ports["6379"] + ` "$@"` + "\n",
		"envoy/envoy.yaml": s.ports.onMachine(strings.Replace(string(bootstrap), "timeout: 0.2s", "timeout: 1s", 1)), // tests are patient
		".curlrc":          "silent\nshow-error\n",                                                                   // a terminal shows no progress
		"credence.yaml":    s.ports.onMachine(plainConfig),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o700); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *session) read(from io.ReadCloser) {
	defer close(s.lines)
	defer from.Close()
	for in := bufio.NewReader(from); ; {
		line, err := in.ReadString('\n')
		if line != "" {
			s.lines <- line
		}
		if err != nil {
			return
		}
	}
}

func (s *session) write(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.typed, text); err != nil {
		s.t.Fatalf("the shell has ended: %v", err)
	}
}

// do types lines and gives what they print, on both streams. It is an error
// when one of them fails, which ends the shell.
func (s *session) do(commands string) (printed string, err error) {
	s.t.Helper()
	s.count++
	file := filepath.Join(s.dir, fmt.Sprintf(".block-%d", s.count))
	if err := os.WriteFile(file, []byte(s.ports.onMachine(commands)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.write("source " + file + ` </dev/null; printf '\036%s\n' $?` + "\n")
	late := time.After(30 * time.Second)
	for {
		select {
		case line, more := <-s.lines:
			if !more {
				return printed, fmt.Errorf("the shell is gone")
			}
			before, status, ended := strings.Cut(line, statusMark)
			if printed += s.ports.onPage(before); !ended {
				continue
			}
			if status != "0\n" {
				return printed, fmt.Errorf("exit status %s", strings.TrimSpace(status))
			}
			return printed, nil
		case <-late:
			return printed, fmt.Errorf("not done within 30 s")
		}
	}
}

// TestSession holds a shell to what the pages need of it.
func TestSession(t *testing.T) {
	s := onNothing(t, freePorts(t, map[int]bool{}))
	for _, tt := range []struct{ name, commands, printed string }{
		{"both streams", "echo out; echo err >&2\n", "out\nerr\n"},
		{"a variable", "NAME=value\n", ""},
		{"is kept", "echo $NAME\n", "value\n"},
		{"a port", "PORT=10000; echo 127.0.0.1:$PORT; test $PORT != 10000 || true\n", "127.0.0.1:10000\n"},
		{"no input", "cat\n", ""},
		{"no end of line", "printf %s text\n", "text"},
		{"a failure that is the point", `false || echo "exit status $?"` + "\n", "exit status 1\n"},
		{"the program", "credence config check credence.yaml\n", "credence.yaml: ok\n"},
	} {
		if printed, err := s.do(tt.commands); printed != tt.printed || err != nil {
			t.Errorf("%s: printed %q, %v, want %q", tt.name, printed, err, tt.printed)
		}
	}
	if printed, err := s.do("echo before\nfalse\necho after\n"); printed != "before\n" || err == nil {
		t.Errorf("a failure: printed %q, %v, want an error", printed, err)
	}
}
