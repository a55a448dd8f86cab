package parts

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const getRedis = "`make redis` installs it on Debian and Ubuntu as root; elsewhere install the package that has redis-server and redis-cli"

// RedisServer is a redis-server of a test's own. Its methods fail the test when they cannot do what they say.
type RedisServer struct {
	t       testing.TB
	program string
	cli     string
	dir     string
	port    int
	args    []string
	process *process
}

// Redis starts a redis-server without persistence, on a free loopback port and on a socket. The arguments are added to
// its command line, where the last of two for one setting counts: Redis(t, "--maxmemory", "1mb").
func Redis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	r := &RedisServer{t: t, dir: ShortDir(t), args: args}
	for program, path := range map[string]*string{"redis-server": &r.program, "redis-cli": &r.cli} {
		found, err := exec.LookPath(program)
		if err != nil {
			t.Fatalf("parts: %s is not on this machine: %s", program, getRedis)
		}
		*path = found
	}
	showOnFailure(t, "redis-server", r.log())
	t.Cleanup(func() {
		if r.process != nil {
			r.process.kill()
		}
	})
	var err error
	for range 5 { // a port can be taken between the look and the use
		if r.port, err = freePort(); err != nil {
			t.Fatal(err)
		}
		if err = r.start(); err == nil {
			return r
		}
	}
	t.Fatal(err)
	return nil
}

// Addr returns the server's "host:port".
func (r *RedisServer) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// URL returns the server's address as clients are configured with it, database 0.
func (r *RedisServer) URL() string { return "redis://" + r.Addr() + "/0" }

// Socket returns the path of the Unix socket that the server listens on besides.
func (r *RedisServer) Socket() string { return filepath.Join(r.dir, "redis.sock") }

// Pause stops the process where it is: connections stay open, and nothing is answered, as when a machine hangs.
func (r *RedisServer) Pause() { r.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (r *RedisServer) Resume() { r.signal(syscall.SIGCONT) }

// Stop kills the server, as a crash does. What it held is lost, unless Save kept it, or an argument turned persistence on.
func (r *RedisServer) Stop() { r.process.kill() }

// Restart starts the server anew on its port, after a Stop or without one.
func (r *RedisServer) Restart() {
	r.t.Helper()
	r.process.kill()
	Await(r.t, patience, "redis-server again on "+r.Addr(), r.start)
}

// Save keeps what the server holds now: a server that is started again begins with that. Whatever is written later is
// lost with the process.
func (r *RedisServer) Save() {
	r.t.Helper()
	if said := r.CLI("SAVE"); said != "OK" {
		r.t.Fatalf("parts: redis-server: SAVE: %s", said)
	}
}

// Unsave throws away what Save kept: a server that is started again begins with nothing.
func (r *RedisServer) Unsave() {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.dir, "dump.rdb")); err != nil {
		r.t.Fatalf("parts: redis-server: %v", err)
	}
}

// FailSnapshots has the server fail to write a snapshot, since something else is in its place, and so refuse all that is
// written from then on (MISCONF). CONFIG SET stop-writes-on-bgsave-error no has it take writes again.
func (r *RedisServer) FailSnapshots() {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Join(r.dir, "dump.rdb", "in-the-way"), 0o700); err != nil {
		r.t.Fatalf("parts: redis-server: %v", err)
	}
	if said := r.CLI("CONFIG", "SET", "save", "86400 1"); said != "OK" {
		r.t.Fatalf("parts: redis-server: CONFIG SET save: %s", said)
	}
	r.CLI("BGSAVE")
	Await(r.t, patience, "a snapshot that failed", func() error {
		if said := r.CLI("PING"); !strings.HasPrefix(said, "MISCONF") {
			return fmt.Errorf("PING: %s", said)
		}
		return nil
	})
}

// CLI runs redis-cli with the arguments and returns what it prints, without the last line's end. An error that Redis
// answers is part of that text.
func (r *RedisServer) CLI(args ...string) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	connect := []string{"-h", "127.0.0.1", "-p", strconv.Itoa(r.port)}
	out, err := exec.CommandContext(ctx, r.cli, append(connect, args...)...).CombinedOutput()
	if err != nil && len(out) == 0 {
		r.t.Fatalf("parts: redis-cli %q: %v", args, err)
	}
	return strings.TrimSuffix(string(out), "\n")
}

func (r *RedisServer) log() string { return filepath.Join(r.dir, "redis.log") }

func (r *RedisServer) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.process.signal(s); err != nil {
		r.t.Fatalf("parts: redis-server: %v: %v", s, err)
	}
}

// start runs the program and waits until it answers. Without persistence and fork, what a test measures is its own doing.
func (r *RedisServer) start() error {
	p, err := start(r.log(), r.program, append([]string{
		"--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--unixsocket", r.Socket(), "--unixsocketperm", "600",
		"--save", "", "--appendonly", "no", "--dir", r.dir, "--daemonize", "no",
	}, r.args...)...)
	if err != nil {
		return err
	}
	if err := p.await(func() error { return r.answers(p.pid()) }); err != nil {
		p.kill()
		return fmt.Errorf("parts: redis-server on %s: %w", r.Addr(), err)
	}
	r.process = p
	return nil
}

// answers asks for PING, and for the process behind the port: it may be another's, taken a moment before.
func (r *RedisServer) answers(pid int) error {
	conn, err := net.DialTimeout("tcp", r.Addr(), time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\nINFO server\r\n")); err != nil {
		return err
	}
	in := bufio.NewScanner(conn)
	in.Scan()
	if strings.HasPrefix(in.Text(), "-NOAUTH") {
		return nil // a server with a password is up, and says no more to us
	}
	if in.Text() != "+PONG" {
		return fmt.Errorf("PING: got %q", in.Text())
	}
	for in.Scan() {
		if id, ok := strings.CutPrefix(in.Text(), "process_id:"); ok {
			if id != strconv.Itoa(pid) {
				return fmt.Errorf("the port is another server's, of process %s", id)
			}
			return nil
		}
	}
	return errors.New("INFO: no process_id")
}
