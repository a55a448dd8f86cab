package dev

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"credence/internal/config"
	"credence/internal/credential"
	"credence/internal/redisstore"
	"credence/internal/registry"
)

// TestRedisIsStoppedAndStartedAgain: it keeps what it holds, and reads that wait
// for changes do so as before.
func TestRedisIsStoppedAndStartedAgain(t *testing.T) {
	redis, err := startRedis()
	if err != nil {
		t.Fatal(err)
	}
	defer redis.end()
	key, err := newKeyPair()
	if err != nil {
		t.Fatal(err)
	}
	defer key.end()
	if _, err := fillAt(t.Context(), redis.url(), key); err != nil {
		t.Fatal(err)
	}
	store, err := redisstore.Open(redisstore.Options{
		URL: credential.NewSecret(redis.url()), Prefix: config.Default().Redis.Prefix, Timeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	feed, err := store.Feed(20 * time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = feed.Close() }()

	round, err := feed.Next(t.Context(), registry.Position{})
	if err != nil || len(round.Changes) == 0 {
		t.Fatalf("before: got %+v, %v, want the changes that made the sample", round, err)
	}
	last := round.Changes[len(round.Changes)-1].Position()
	waitsInVain := func(when string) {
		t.Helper()
		if round, err := feed.Next(t.Context(), last); err != nil || len(round.Changes) != 0 || round.Root.Record == nil {
			t.Errorf("%s: got %+v, %v, want a round without changes", when, round, err)
		}
	}
	waitsInVain("before")

	var told bytes.Buffer
	redis.toggle(&told)
	if _, err := feed.Next(t.Context(), last); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("stopped: got error %v, want ErrUnavailable", err)
	}
	_ = feed.Close() // the next round connects anew, and not only after a second
	squatter, err := net.Listen("tcp", redis.address)
	if err != nil {
		t.Fatal(err)
	}
	redis.toggle(&told)
	if err := squatter.Close(); err != nil {
		t.Fatal(err)
	}
	redis.toggle(&told)
	waitsInVain("started again")
	for i, want := range []string{"redis is stopped; kill -USR1 ", "redis cannot be started: ", "redis runs again"} {
		if lines := strings.Split(told.String(), "\n"); !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d: got %q, want %q …", i+1, lines[i], want)
		}
	}
}
