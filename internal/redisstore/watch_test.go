package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

func TestTrackEndsWithItsConnection(t *testing.T) {
	server := parts.Redis(t)
	store := open(t, Options{URL: credential.NewSecret(server.URL()), Timeout: time.Second})
	ends := []struct {
		name string
		do   func()
	}{
		{"killed", func() { server.CLI("CLIENT", "KILL", "TYPE", "normal") }},
		{"no answers", server.Pause},
		{"a replica since", func() {
			server.CLI("REPLICAOF", "127.0.0.1", "1")
			server.CLI("CLIENT", "KILL", "TYPE", "normal") // as Sentinel does
		}},
		{"gone", server.Stop},
	}
	for _, end := range ends {
		tracking := track(t, store)
		end.do()
		if err := tracking.end(); !errors.Is(err, registry.ErrUnavailable) || errors.Is(err, registry.ErrNotTracked) {
			t.Errorf("%s: got error %v, want %v", end.name, err, registry.ErrUnavailable)
		}
		switch end.name {
		case "no answers":
			server.Resume()
		case "a replica since":
			if err := beginTracking(t, store, time.Millisecond).end(); !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "replica") {
				t.Errorf("of a replica: got error %v, want that it is one", err)
			}
			server.CLI("REPLICAOF", "NO", "ONE")
		}
	}
	if err := beginTracking(t, store, time.Millisecond).end(); !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("where nobody listens: got error %v, want that the connection was refused", err)
	}
}

// A network in which packets get lost says nothing: only a ping finds it out.
func TestTrackOverAWireThatGoesDead(t *testing.T) {
	server := parts.Redis(t)
	for _, kill := range []func(*parts.WireProxy){(*parts.WireProxy).Hang, (*parts.WireProxy).Reset, (*parts.WireProxy).Vanish} {
		wire := parts.Wire(t, server.Addr())
		tracking := track(t, open(t, Options{URL: credential.NewSecret("redis://" + wire.Addr()), Timeout: time.Second}))
		kill(wire)
		if err := tracking.end(); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("got error %v, want %v", err, registry.ErrUnavailable)
		}
	}
}

// go-redis connects anew by itself. What was written meanwhile would be missed.
func TestTrackNeverConnectsTwice(t *testing.T) {
	server := parts.Redis(t)
	connections := func() int {
		t.Helper()
		_, rest, _ := strings.Cut(server.CLI("INFO", "stats"), "total_connections_received:")
		n, err := strconv.Atoi(rest[:strings.IndexByte(rest+"\r", '\r')])
		if err != nil {
			t.Fatalf("INFO says nothing of connections: %v", err)
		}
		return n
	}
	store := open(t, Options{URL: credential.NewSecret(server.URL()), Timeout: time.Second})
	tracking := track(t, store)
	before := connections()
	server.CLI("CLIENT", "KILL", "TYPE", "normal")
	if err := tracking.end(); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("got error %v, want %v", err, registry.ErrUnavailable)
	}
	if since := connections() - before; since != 2 {
		t.Errorf("%d connections since, want the 2 of redis-cli", since)
	}
}

func TestTrackEndsWithItsContext(t *testing.T) {
	server := parts.Redis(t)
	asked := make(chan struct{}, 1)
	silent := serve(t, func(conn net.Conn) {
		buffer := make([]byte, 4096)
		if _, err := conn.Read(buffer); err != nil {
			return // a connection in reserve
		}
		asked <- struct{}{}
		_, _ = conn.Read(buffer)
	})
	isOver := func(name string, tracking *tracking) {
		t.Helper()
		tracking.stop()
		if err := tracking.end(); !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got error %v, want that it was over", name, err)
		}
	}
	// It waits an hour for answers, so that only its context can end it.
	patient := func(url string) *Store { return open(t, Options{URL: credential.NewSecret(url), Timeout: time.Hour}) }
	quiet := track(t, patient(server.URL()))
	isOver("on", quiet)
	connecting := beginTracking(t, patient("redis://"+silent), time.Hour)
	<-asked
	isOver("while it connects", connecting)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := patient(server.URL()).Tracker().Track(ctx, func() {}, func([]registry.Ref) {}); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("over before it began: got error %v, want %v", err, registry.ErrUnavailable)
	}
}

// An answer that belongs to no ping says that nothing on this connection can be
// relied on.
func TestTrackWithForeignAnswers(t *testing.T) {
	for _, answer := range []string{"+PONG\r\n", "$1\r\n2\r\n", "$1\r\n1\r\n$1\r\n2\r\n", ">2\r\n$7\r\nmessage\r\n", "*0\r\n", ">1\r\n$7\r\nmessage\r\n", "$-1\r\n", "HTTP/1.1 400\r\n"} {
		address := serve(t, func(conn net.Conn) {
			buffer := make([]byte, 4096)
			for _, reply := range []string{"%1\r\n+proto\r\n:3\r\n", "%1\r\n+role\r\n+master\r\n", "+OK\r\n", answer} {
				if _, err := conn.Read(buffer); err != nil {
					return
				}
				if _, err := conn.Write([]byte(reply)); err != nil {
					return
				}
			}
			_, _ = conn.Read(buffer)
		})
		tracking := beginTracking(t, open(t, Options{URL: credential.NewSecret("redis://" + address), Timeout: 200 * time.Millisecond}), time.Hour)
		if err := tracking.end(); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("%q: got error %v, want %v", answer, err, registry.ErrUnavailable)
		}
	}
}

func TestTrackLeavesNothingBehind(t *testing.T) {
	server := parts.Redis(t)
	store := open(t, Options{URL: credential.NewSecret(server.URL())})
	cycle := func(i int) {
		t.Helper()
		tracking := track(t, store)
		if i%2 == 0 {
			tracking.stop()
		} else {
			server.CLI("CLIENT", "KILL", "TYPE", "normal")
		}
		if err := tracking.end(); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("got error %v, want %v", err, registry.ErrUnavailable)
		}
		tracking.stop()
	}
	cycle(0)
	before := runtime.NumGoroutine()
	for i := range 20 {
		cycle(i)
	}
	parts.Await(t, 10*time.Second, "no more goroutines than before", func() error {
		if now := runtime.NumGoroutine(); now > before {
			stacks := make([]byte, 1<<20)
			return fmt.Errorf("%d, before %d:\n%s", now, before, stacks[:runtime.Stack(stacks, true)])
		}
		return nil
	})
	parts.Await(t, 10*time.Second, "no connection that tracks", func() error {
		for line := range strings.Lines(server.CLI("CLIENT", "LIST")) {
			if strings.Contains(line, "flags=t") {
				return errors.New(line)
			}
		}
		return nil
	})
}
