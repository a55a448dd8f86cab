package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"credence/internal/credential"
)

// listen answers requests as Envoy does, with the status that judge gives, on
// connections that begin with the PROXY protocol. It gives its address.
func listen(t *testing.T, judge func(*http.Request) int) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	t.Cleanup(served.Wait)
	t.Cleanup(func() { listener.Close() })
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			served.Go(func() { answerAll(conn, judge) })
		}
	})
	return listener.Addr().String()
}

// answerAll serves one connection until the other side closes it.
func answerAll(conn net.Conn, judge func(*http.Request) int) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	if line, _ := reader.ReadString('\n'); !strings.HasPrefix(line, "PROXY TCP4 "+peerAddress+" ") {
		return
	}
	for {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(conn, "HTTP/1.1 %d Whatever\r\ncontent-length: 0\r\n\r\n", judge(request)); err != nil {
			return
		}
	}
}

// guarded lets pass what shows a credential.
func guarded(shown string) func(*http.Request) int {
	return func(r *http.Request) int {
		if r.Header.Get("Authorization") == "Bearer "+shown {
			return http.StatusOK
		}
		return http.StatusUnauthorized
	}
}

func TestPassageProvesWhatItDoes(t *testing.T) {
	for name, test := range map[string]struct {
		judge   func(*http.Request) int
		refused int
		err     string // empty: none
	}{
		"guarded":            {guarded("secret"), http.StatusUnauthorized, ""},
		"open":               {func(*http.Request) int { return http.StatusOK }, http.StatusOK, ""},
		"open, not meant":    {func(*http.Request) int { return http.StatusOK }, http.StatusUnauthorized, "without a credential: status 200"},
		"closed to all":      {guarded("another"), http.StatusUnauthorized, "with its credential: status 401"},
		"nobody is asked":    {func(*http.Request) int { return http.StatusServiceUnavailable }, http.StatusUnauthorized, "status 503"},
		"guarded, not meant": {guarded("secret"), http.StatusOK, "without a credential: status 401"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &passage{shown: credential.NewSecret("secret"), refused: test.refused, address: listen(t, test.judge)}
			defer p.close()
			err := p.open(t.Context())
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("open: %v, want an error with %q", err, test.err)
			}
		})
	}
}

func TestPassageRuns(t *testing.T) {
	var judged atomic.Int64
	secret := guarded("secret")
	p := &passage{shown: credential.NewSecret("secret"), refused: http.StatusUnauthorized, address: listen(t, func(r *http.Request) int {
		judged.Add(1)
		return secret(r)
	})}
	defer p.close()
	if err := p.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	judged.Store(0)
	latencies, err := p.run(t.Context(), 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if n := judged.Load(); n == 0 || int64(len(latencies)) != n {
		t.Errorf("%d latencies, want one for each of %d requests, and some", len(latencies), n)
	}
}

// A request that does not pass, or that nobody answers, is an error and no figure.
func TestPassageEndsWithTheFirstThatDoesNotPass(t *testing.T) {
	var status atomic.Int64
	status.Store(http.StatusOK)
	p := &passage{refused: http.StatusOK, address: listen(t, func(*http.Request) int { return int(status.Load()) })}
	defer p.close()
	if err := p.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	status.Store(http.StatusServiceUnavailable)
	if _, err := p.run(t.Context(), time.Minute); err == nil || !strings.Contains(err.Error(), "status 503") {
		t.Errorf("run: %v, want an error of status 503", err)
	}
}

func TestPassageEndsWithItsContext(t *testing.T) {
	p := &passage{refused: http.StatusOK, address: listen(t, func(*http.Request) int { return http.StatusOK })}
	defer p.close()
	if err := p.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.run(ctx, time.Minute); err == nil {
		t.Error("run: no error, want that of its context")
	}
}
