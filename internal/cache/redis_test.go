package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/fleet"
	"credence/internal/redisstore"
)

// Two changes at once, of which only one is left in the stream.
const changeAndTrim = `
redis.call('XADD', '{credence}:changes', '*', 'keys', 'client:acme')
redis.call('HSET', '{credence}:client:acme', 'state', 'disabled')
redis.call('XADD', '{credence}:changes', '*', 'keys', 'client:globex')
redis.call('XTRIM', '{credence}:changes', 'MAXLEN', '1')`

// TestGapInRedis loses an entry while the feed waits in a blocking read: that
// brings the one that is left, and nothing says what was before it but that the
// entry from which it began is gone.
func TestGapInRedis(t *testing.T) {
	redis := parts.Redis(t)
	for _, line := range []string{
		"HSET {credence}:registry id first schema 1 digests s1",
		"HSET {credence}:client:acme id acme state active created_at 2026-01-01T00:00:00Z",
		"HSET {credence}:profile:partner id partner state active accepts token created_at 2026-01-01T00:00:00Z",
		fmt.Sprintf("HSET {credence}:%s digest %s id 0123456789 client acme profile partner state active created_at 2026-01-01T00:00:00Z",
			plainRef(t, ownToken).Key(), plainRef(t, ownToken).ID),
		"XADD {credence}:changes * keys client:globex",
	} {
		redis.CLI(strings.Fields(line)...)
	}
	store, err := redisstore.Open(redisstore.Options{
		URL: credential.NewSecret(redis.URL()), Prefix: "{credence}:", Timeout: 10 * time.Second, Clock: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	feed, err := store.Feed(time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	c, err := New(Options{Source: store, TTL: time.Hour, StaleFor: time.Hour, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	f := &Follower{
		Cache: c, Feed: feed, Past: store, Seat: fleet.NewSeat(store, fleet.SeatOptions{StaleFor: time.Hour, Host: "test"}),
		Counts: redisstore.IsFull, Watcher: NewWatcher(c, logger, func() {}), Logger: logger,
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.Run(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	checker := authz.NewChecker(testPolicy, authz.Sources{Directory: c})
	becomes := func(want authz.Reason) {
		t.Helper()
		parts.Await(t, 30*time.Second, want.String(), func() error {
			got := checker.Check(context.Background(), noon, present(ownToken))
			if got.Reason != want {
				return errors.Join(errors.New(got.Reason.String()), got.Cause)
			}
			return nil
		})
	}
	becomes(authz.Allowed)
	parts.Await(t, 30*time.Second, "a feed that waits", func() error {
		if info := redis.CLI("INFO", "clients"); !strings.Contains(info, "blocked_clients:1\r") {
			return errors.New(info)
		}
		return nil
	})
	redis.CLI("EVAL", changeAndTrim, "0")
	becomes(authz.ClientDisabled)
}
