package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/config"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// untracked takes from a user the right to be told of every write: his servers
// have nothing but the change feed.
const untracked = "-client|tracking"

// TestNewTokensWaitForWhatCameBefore cuts a server off while more is changed
// than it is told of at a time: and then a client is switched off, and is given
// a token after that. Once the server is back it can look the token up at once;
// it must not let it in by what it knew of the client. Redis tells of changes in
// no other way here.
func TestNewTokensWaitForWhatCameBefore(t *testing.T) {
	s := &stack{t: t, redis: parts.Redis(t, "--user", "default", "on", "nopass", "~*", "&*", "+@all", untracked), log: &parts.Log{}}
	s.set("registry", "id", "e2e", "schema", "1", "seq", "0", "digests", "s1", "created_at", ago(time.Hour))
	known := newLineTo(s, s.good().secret)
	wire := parts.Wire(t, s.redis.Addr())
	c, err := config.Parse("credence.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Redis.URL, c.Redis.Timeout = "redis://"+wire.Addr()+"/0", 5*time.Second
	c.Listen.GRPC, c.Listen.Ops, c.Listen.Drain = "127.0.0.1:0", "127.0.0.1:0", 0
	s.at = s.serveAtOnce(c, 5*time.Second)
	await(t, "the server knows the client", func() bool { return known() == "allowed" })

	wire.Sever()
	s.awaitFollows(false)
	portal := redis.NewClient(&redis.Options{Addr: s.redis.Addr(), MaxRetries: -1, DisableIdentity: true})
	defer portal.Close()
	backlog(t, portal, 12_000)
	tellOf(t, portal, "client:acme", "state", "disabled")
	late := s.token("acme")
	tellOf(t, portal, late.key, "x_told", "late")
	if got := known(); got != "allowed" {
		t.Fatalf("a server that is cut off tells a known token %s, want allowed", got)
	}

	wire.Slow(30 * time.Millisecond)
	ask := newLineTo(s, late.secret)
	parts.Await(t, patience, "the new token is told that its client is switched off", func() error {
		switch got := ask(); got {
		case "client_disabled":
			return nil
		case "registry_unavailable":
			return errors.New(got)
		default:
			t.Fatalf("the new token of a client that was switched off before is told %s", got)
			return nil
		}
	})
	if got := known(); got != "client_disabled" {
		t.Errorf("the known token is told %s then, want client_disabled", got)
	}
	if strings.Contains(s.log.String(), writesTracked) {
		t.Error("Redis tells of every write: this test proves nothing")
	}
}

// newLineTo gives what asks the server for a token, and tells the reason of the
// answer.
func newLineTo(s *stack, token string) func() string {
	var l *line
	return func() string {
		s.t.Helper()
		if l == nil {
			l = newLine(s.t, s.at.GRPC)
		}
		answer, err := l.ask(checkBy(token, "10.0.0.1"))
		if err != nil {
			s.t.Fatal(err)
		}
		got, err := toldBy(answer)
		if err != nil {
			s.t.Fatal(err)
		}
		return got.reason
	}
}

// backlog tells of many changes that are about nobody.
func backlog(t *testing.T, portal *redis.Client, n int) {
	t.Helper()
	ctx := context.Background()
	_, err := portal.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for range n {
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: key + registry.ChangesKey, Values: []string{"keys", "client:nobody", "op", "set"}})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tellOf writes a field as another program does.
func tellOf(t *testing.T, portal *redis.Client, name, field, text string) {
	t.Helper()
	ctx := context.Background()
	_, err := portal.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.XAdd(ctx, &redis.XAddArgs{Stream: key + registry.ChangesKey, Values: []string{"keys", name, "op", "set", "by", "portal"}})
		pipe.HSet(ctx, key+name, field, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
