package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// told is what one Next gives, and when.
type told struct {
	changes []registry.Change
	err     error
	at      time.Time
}

// waitingNext calls Next, and returns once Redis has it waiting.
func waitingNext(ctx context.Context, t *testing.T, server *parts.RedisServer, feed *Feed, after registry.Position) <-chan told {
	t.Helper()
	ended := make(chan told, 1)
	go func() {
		round, err := feed.Next(ctx, after)
		ended <- told{round.Changes, err, time.Now()}
	}()
	parts.Await(t, 10*time.Second, "a feed that waits", func() error { return haveWaiting(server, 1) })
	return ended
}

// haveWaiting wants a number of connections that wait in a blocking read.
func haveWaiting(server *parts.RedisServer, n int) error {
	if info := server.CLI("INFO", "clients"); !strings.Contains(info, fmt.Sprintf("blocked_clients:%d\r", n)) {
		return errors.New(info)
	}
	return nil
}

func TestFeedThatWaitsEndsAtOnce(t *testing.T) {
	server := parts.Redis(t)
	store := openRegistry(t, server.URL())
	feed := openFeed(t, store, time.Minute)
	ends := map[string]func(cancel context.CancelFunc){
		"cancelled": func(cancel context.CancelFunc) { cancel() },
		"closed": func(context.CancelFunc) {
			if err := feed.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		},
		"Redis is gone": func(context.CancelFunc) { server.Stop() },
	}
	for _, name := range []string{"cancelled", "closed", "Redis is gone"} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := waitingNext(ctx, t, server, feed, registry.Position{})
		begin := time.Now()
		ends[name](cancel)
		got := <-ended
		if !errors.Is(got.err, registry.ErrUnavailable) || got.changes != nil {
			t.Errorf("%s: got %v, error %v, want %v", name, got.changes, got.err, registry.ErrUnavailable)
		}
		if took := got.at.Sub(begin); took > time.Second {
			t.Errorf("%s: Next ended after %v, want it at once", name, took)
		}
		cancel()
		if name != "Redis is gone" {
			parts.Await(t, 10*time.Second, name+": no connection that waits on", func() error { return haveWaiting(server, 0) })
		}
	}

	// And it goes on when Redis is back.
	server.Restart()
	store = openRegistry(t, server.URL())
	parts.Await(t, 10*time.Second, "a feed after the restart", func() error {
		mustCommit(t, store, testCommit("create", registry.Edit{Now: testClient(registry.ClientID(fmt.Sprint("c", time.Now().UnixNano())))}))
		_, err := feed.Next(t.Context(), registry.Position{})
		return err
	})
}

func TestFeedFromARedisThatHangs(t *testing.T) {
	server := parts.Redis(t)
	const round, timeout = 20 * time.Millisecond, 50 * time.Millisecond
	store := open(t, Options{URL: credential.NewSecret(server.URL()), Timeout: timeout})
	feed := openFeed(t, store, round)
	parts.Await(t, 10*time.Second, "a first round", func() error {
		_, err := feed.Next(t.Context(), registry.Position{})
		return err
	})
	server.Pause()
	begin := time.Now()
	_, err := feed.Next(t.Context(), registry.Position{})
	if took := time.Since(begin); took > 10*(round+timeout) {
		t.Errorf("Next took %v, want about %v", took, round+timeout)
	}
	if !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("Next: got error %v, want %v and why", err, registry.ErrUnavailable)
	}
	server.Resume()
	parts.Await(t, 10*time.Second, "a round after the pause", func() error {
		_, err := feed.Next(t.Context(), registry.Position{})
		return err
	})
}

// A full Redis goes on telling of what switches off.
func TestFeedOfARedisThatIsFull(t *testing.T) {
	server := parts.Redis(t)
	store := openRegistry(t, server.URL())
	client := testClient("acme")
	created := mustCommit(t, store, testCommit("create", registry.Edit{Now: client}))
	feed := openFeed(t, store, time.Minute)
	server.CLI("CONFIG", "SET", "maxmemory", "1")
	ended := waitingNext(t.Context(), t, server, feed, created)
	disabled := *client
	disabled.State = registry.Disabled
	mustCommit(t, store, testCommit("disable", registry.Edit{Was: entryOf(t, store, client.Ref()), Now: &disabled}))
	if got := <-ended; got.err != nil || len(got.changes) != 1 || got.changes[0].Op != "disable" {
		t.Errorf("Next: got %v, error %v, want the change", got.changes, got.err)
	}
}

// More than comes at a time comes in several, and nothing is left out.
func TestFeedOfManyChanges(t *testing.T) {
	server := parts.Redis(t)
	store, raw := openRegistry(t, server.URL()), rawClient(t, server.URL())
	const total = 2*mostTold + 1
	pipe := raw.Pipeline()
	for i := range total {
		pipe.Do(t.Context(), "XADD", "{credence}:changes", "*", "keys", "client:acme", "op", fmt.Sprint(i))
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	feed := openFeed(t, store, time.Minute)
	var position registry.Position
	for seen := 0; seen < total; {
		round, err := feed.Next(t.Context(), position)
		changes := round.Changes
		if err != nil || len(changes) == 0 || len(changes) > mostTold {
			t.Fatalf("behind %d changes: got %d, error %v, want 1 to %d", seen, len(changes), err, mostTold)
		}
		for _, change := range changes {
			if change.Op != fmt.Sprint(seen) {
				t.Fatalf("change %d: got %s", seen, change.Op)
			}
			seen++
		}
		position = changes[len(changes)-1].Position()
	}
}

// A feed goes on behind what it gave, with the root as it was once that had been
// told: it counts at least the commits that came.
func TestFeedGivesTheRootBehindTheChanges(t *testing.T) {
	server := parts.Redis(t)
	store, raw := openRegistry(t, server.URL()), rawClient(t, server.URL())
	feed := openFeed(t, store, time.Minute)
	const commits = 300
	writing := make(chan error, 1)
	go func() {
		for i := range commits {
			if _, err := store.Commit(t.Context(), testCommit("create", registry.Edit{Now: testClient(registry.ClientID(fmt.Sprint("c", i)))})); err != nil {
				writing <- err
				return
			}
		}
		writing <- nil
	}()
	var position registry.Position
	for position.Seq < commits {
		round, err := feed.Next(t.Context(), position)
		if err != nil {
			t.Fatalf("behind %v: %v", position, err)
		}
		for _, change := range round.Changes {
			if change.Seq != position.Seq+1 {
				t.Fatalf("behind commit %d came %d", position.Seq, change.Seq)
			}
			position = change.Position()
		}
		root, ok := round.Root.Record.(*registry.Root)
		if !ok || root.Seq < position.Seq || root.ID != "of-the-tests" {
			t.Fatalf("root behind commit %d: got %+v", position.Seq, round.Root)
		}
	}
	if err := <-writing; err != nil {
		t.Fatal(err)
	}

	var trips roundTrips
	feed.connected().AddHook(&trips)
	if err := raw.XAdd(t.Context(), &redis.XAddArgs{Stream: "{credence}:changes", Values: []string{"keys", "client:acme"}}).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := feed.Next(t.Context(), position); err != nil || trips.n.Load() != 1 {
		t.Errorf("Next: %d round trips, error %v, want 1", trips.n.Load(), err)
	}
}

// What a feed may not read of makes it fail: it must not look as if there were
// no root.
func TestFeedWithoutTheRightToTheRoot(t *testing.T) {
	server := parts.Redis(t)
	openRegistry(t, server.URL())
	server.CLI("ACL", "SETUSER", "half", "on", ">open", "~{credence}:changes", "+@all")
	half := open(t, Options{URL: credential.NewSecret("redis://half:open@" + server.Addr()), Clock: testClock})
	round, err := openFeed(t, half, time.Millisecond).Next(t.Context(), registry.Position{})
	if !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("Next: got %+v, error %v, want %v", round, err, registry.ErrUnavailable)
	}
}

// TestFeedAsksForFewer holds a feed whose rounds fail to ask for fewer changes
// each time: all at once may be more than its connection carries.
func TestFeedAsksForFewer(t *testing.T) {
	feed := &Feed{most: mostTold}
	for want := int64(mostTold / 2); want > 0; want /= 2 {
		if feed.adapt(false); feed.count() != want {
			t.Fatalf("after another round that failed: %d at a time, want %d", feed.count(), want)
		}
	}
	if feed.adapt(false); feed.count() != 1 {
		t.Errorf("at the least: %d at a time, want 1", feed.count())
	}
	for range 20 {
		feed.adapt(true)
	}
	if feed.count() != mostTold {
		t.Errorf("when all is well again: %d at a time, want %d", feed.count(), mostTold)
	}
}
