package parts

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

func TestRedisAnswersOnPortAndSocket(t *testing.T) {
	r := Redis(t)
	if got := r.CLI("SET", "k", "v"); got != "OK" {
		t.Errorf("SET k v: got %q, want OK", got)
	}
	if got, want := r.CLI("-s", r.Socket(), "GET", "k"), "v"; got != want {
		t.Errorf("GET k through the socket: got %q, want %q", got, want)
	}
	if got, want := r.URL(), "redis://"+r.Addr()+"/0"; got != want {
		t.Errorf("URL: got %q, want %q", got, want)
	}
	if got, want := r.CLI("-u", r.URL(), "GET", "k"), "v"; got != want {
		t.Errorf("GET k through the URL: got %q, want %q", got, want)
	}
	if got, want := r.CLI("CONFIG", "GET", "save"), "save\n"; got != want {
		t.Errorf("CONFIG GET save: got %q, want %q: a test's Redis must not fork", got, want)
	}
	if got := r.CLI("HGET", "k", "f"); !strings.HasPrefix(got, "WRONGTYPE") {
		t.Errorf("HGET on a string: got %q, want what Redis answers, WRONGTYPE…", got)
	}
}

func TestRedisTakesArguments(t *testing.T) {
	r := Redis(t, "--maxmemory", "7mb", "--appendonly", "yes")
	if got, want := r.CLI("CONFIG", "GET", "maxmemory"), "maxmemory\n7340032"; got != want {
		t.Errorf("CONFIG GET maxmemory: got %q, want %q", got, want)
	}
	if got, want := r.CLI("CONFIG", "GET", "appendonly"), "appendonly\nyes"; got != want {
		t.Errorf("CONFIG GET appendonly: got %q, want %q: the last argument counts", got, want)
	}
}

func TestRedisWithPasswordIsUp(t *testing.T) {
	r := Redis(t, "--requirepass", "of-a-test")
	if got := r.CLI("PING"); !strings.HasPrefix(got, "NOAUTH") {
		t.Errorf("PING without the password: got %q, want NOAUTH…", got)
	}
}

func TestTwoRedisAreTwo(t *testing.T) {
	one, two := Redis(t), Redis(t)
	one.CLI("SET", "k", "one")
	if got := two.CLI("EXISTS", "k"); got != "0" {
		t.Errorf("the second server has the first one's key: EXISTS: got %q, want 0", got)
	}
}

func TestRedisPausesAndResumes(t *testing.T) {
	r := Redis(t)
	conn, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer := make([]byte, 64)
	ping := func(limit time.Duration) (string, error) {
		if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
			return "", err
		}
		if _, err := conn.Write([]byte("PING\r\n")); err != nil {
			return "", err
		}
		n, err := conn.Read(answer)
		return string(answer[:n]), err
	}

	r.Pause()
	var timeout net.Error
	if got, err := ping(50 * time.Millisecond); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("PING of a paused server: got %q, %v, want a timeout", got, err)
	}
	r.Resume()
	if got, err := ping(patience); err != nil || !strings.HasPrefix(got, "+PONG\r\n") {
		t.Fatalf("PING of a resumed server: got %q, %v, want +PONG", got, err)
	}
}

func TestRedisStopsAndRestartsOnItsPort(t *testing.T) {
	r := Redis(t)
	address, first := r.Addr(), r.CLI("INFO", "server")
	r.CLI("SET", "k", "v")

	r.Stop()
	if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		conn.Close()
		t.Fatalf("dial %s after Stop: no error", address)
	}

	r.Restart()
	if r.Addr() != address {
		t.Errorf("address after Restart: got %s, want %s", r.Addr(), address)
	}
	if got := r.CLI("EXISTS", "k"); got != "0" {
		t.Errorf("EXISTS k after Restart: got %q, want 0: there is no persistence", got)
	}
	if second := r.CLI("INFO", "server"); line(first, "run_id:") == line(second, "run_id:") {
		t.Errorf("run_id after Restart is the first one's: %q", line(second, "run_id:"))
	}
}

// line returns the line of a text that begins with prefix.
func line(text, prefix string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, prefix) {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

func TestRedisDoesNotTakeAnotherServersPort(t *testing.T) {
	first := Redis(t)
	second := &RedisServer{t: t, program: first.program, cli: first.cli, dir: ShortDir(t), port: first.port}
	if err := second.start(); err == nil {
		t.Fatalf("a second server on %s: no error", first.Addr())
	}
	if got := first.CLI("PING"); got != "PONG" {
		t.Errorf("PING of the first server: got %q, want PONG", got)
	}
}

func TestAwait(t *testing.T) {
	calls := 0
	Await(t, patience, "the third call", func() error {
		if calls++; calls < 3 {
			return fmt.Errorf("call %d", calls)
		}
		return nil
	})
	if calls != 3 {
		t.Errorf("calls: got %d, want 3", calls)
	}
	never := errors.New("never")
	if err := await(20*time.Millisecond, nil, func() error { return never }); !errors.Is(err, never) {
		t.Errorf("await of what never comes: got %v, want %v", err, never)
	}
	gone := make(chan struct{})
	close(gone)
	if err := await(patience, gone, func() error { return never }); !errors.Is(err, errGone) {
		t.Errorf("await of what has ended: got %v, want %v", err, errGone)
	}
}
