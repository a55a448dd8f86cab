package e2e

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"credence/internal/cli"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// A garrison is servers as they run in production, each a process with a wire of
// its own to Redis, and somebody who asks each of them all the time for clients
// that are about to be switched off.
type garrison struct {
	*stack
	staleFor time.Duration // how long its servers answer from memory
	posts    []*post
	tokens   map[string]token // by client
}

// A post is one of the servers.
type post struct {
	*service
	wire   *parts.WireProxy
	name   string // in the fleet
	askers map[string]*asker
}

// newGarrison starts servers that know each of some clients.
func newGarrison(t *testing.T, staleFor time.Duration, servers int, clients ...string) *garrison {
	t.Helper()
	g := &garrison{stack: &stack{t: t, redis: parts.Redis(t), log: &parts.Log{}}, staleFor: staleFor, tokens: make(map[string]token)}
	g.set("registry", "id", "e2e", "schema", "1", "seq", "0", "digests", "s1", "created_at", ago(time.Hour))
	g.profile("partner")
	for _, client := range clients {
		g.client(client)
		g.tokens[client] = g.token(client)
	}
	for range servers {
		g.posts = append(g.posts, g.post())
	}
	for _, p := range g.posts {
		for _, client := range clients {
			p.askers[client].awaitAllowed(10)
		}
	}
	return g
}

// post starts a server.
func (g *garrison) post() *post {
	g.t.Helper()
	p := &post{wire: parts.Wire(g.t, g.redis.Addr()), askers: make(map[string]*asker)}
	before := g.listed()
	p.service = startService(g.t, "redis://"+p.wire.Addr()+"/0", "0s", fmt.Sprintf("cache: {stale_for: %v}", g.staleFor))
	await(g.t, "a server has joined, and is ready", func() bool {
		for name := range strings.FieldsSeq(g.listed()) {
			if !strings.Contains(before, name) {
				p.name = name
			}
		}
		return p.name != "" && strings.Contains(p.stderr.String(), inContact)
	})
	for client, token := range g.tokens {
		p.askers[client] = g.ask(p, token.secret)
	}
	return p
}

// listed names the servers of the fleet.
func (g *garrison) listed() string { return g.redis.CLI("ZRANGE", key+registry.FleetKey, "0", "-1") }

// isListed tells whether a server is.
func (g *garrison) isListed(p *post) bool {
	return g.redis.CLI("ZSCORE", key+registry.FleetKey, p.name) != ""
}

// address is where a server is asked.
func (p *post) address() string { return "unix:" + filepath.Dir(p.config) + "/authz.sock" }

func (p *post) halt()   { p.signal(syscall.SIGSTOP) }
func (p *post) resume() { p.signal(syscall.SIGCONT) }

// kill ends a server as a crash does.
func (p *post) kill() {
	p.signal(syscall.SIGKILL)
	p.wait()
}

// An order is a command of an operator that is carried out.
type order struct {
	t      *testing.T
	args   []string
	begun  time.Time
	out    bytes.Buffer
	said   *parts.Log
	done   chan struct{} // closed when it has ended
	status int
	ended  time.Time // right after
}

// order begins a command.
func (g *garrison) order(args ...string) *order {
	g.t.Helper()
	env := map[string]string{"CREDENCE_REDIS_URL": g.redis.URL(), "CREDENCE_BY": "alice"}
	o := &order{t: g.t, args: args, begun: time.Now(), said: &parts.Log{}, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		o.status = cli.Main(args, strings.NewReader(""), &o.out, o.said, func(name string) string { return env[name] })
		o.ended = time.Now()
	}()
	g.t.Cleanup(func() { <-o.done })
	return o
}

// longestOrder is when a command counts as hung. The longest wait is for
// servers to have been silent for long enough.
const longestOrder = 2 * time.Minute

// awaitEnd waits until the command has ended, and fails unless it did with the
// status.
func (o *order) awaitEnd(status int) *order {
	o.t.Helper()
	select {
	case <-o.done:
	case <-time.After(longestOrder):
		o.t.Fatalf("credence %s: has not ended; it said:\n%s", strings.Join(o.args, " "), o.said)
	}
	if o.status != status {
		o.t.Fatalf("credence %s: exit status %d, want %d; it said:\n%s", strings.Join(o.args, " "), o.status, status, o.said)
	}
	return o
}

// awaitWaiting waits until the command says that it waits.
func (o *order) awaitWaiting() {
	o.t.Helper()
	await(o.t, "the command says that it waits", func() bool { return strings.Contains(o.said.String(), "waiting for") })
}

// lineOf gives what was said of a server; empty: nothing was.
func (o *order) lineOf(p *post) string {
	for line := range strings.Lines(o.said.String()) {
		if strings.HasPrefix(line, "server "+p.name+": ") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// until gives until when a server may answer from memory, as it was said.
func (o *order) until(p *post) time.Time {
	o.t.Helper()
	_, text, found := strings.Cut(o.lineOf(p), "may answer from memory until ")
	at, err := time.Parse(time.RFC3339, text)
	if !found || err != nil {
		o.t.Fatalf("credence %s does not say until when server %s may answer from memory; it said:\n%s", strings.Join(o.args, " "), p.name, o.said)
	}
	return at
}

// wantSaid fails unless something was said of a server.
func (o *order) wantSaid(p *post, what string) {
	o.t.Helper()
	if got := o.lineOf(p); !strings.Contains(got, what) {
		o.t.Errorf("of server %s was said %q, want %q in it; all that was said:\n%s", p.name, got, what, o.said)
	}
}
