package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/registry"
)

// mostTold is how many changes come at a time, where the connection is quick
// enough for so many. One may name 500 records.
const mostTold = 1000

// A Feed is the change feed of a registry, over a connection of its own: one
// that waits for changes answers nothing else meanwhile.
type Feed struct {
	store   *Store
	round   time.Duration
	options *redis.Options

	mu     sync.Mutex
	client *redis.Client // nil: to be made
	most   int64         // changes at a time
}

var _ registry.Feed = (*Feed)(nil)

// Feed makes a feed whose rounds take some time, a millisecond at least. An
// answer may take the store's timeout more. It connects to nothing before the
// first Next; Close ends it.
func (s *Store) Feed(round time.Duration) (*Feed, error) {
	options, err := s.options.client()
	if err != nil {
		return nil, err
	}
	options.ReadTimeout += round
	options.PoolSize, options.MinIdleConns = 1, 0
	return &Feed{store: s, round: max(round, time.Millisecond), options: options, most: mostTold}, nil
}

// Close ends the feed. A Next that waits fails.
func (f *Feed) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.client == nil {
		return nil
	}
	err := f.client.Close()
	f.client = nil
	return err
}

// connected gives the client, which has a single connection.
func (f *Feed) connected() *redis.Client {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.client == nil {
		f.client = redis.NewClient(f.options)
	}
	return f.client
}

// Next implements registry.Feed.
func (f *Feed) Next(ctx context.Context, after registry.Position) (registry.Round, error) {
	ctx, cancel := context.WithTimeout(ctx, f.round+f.store.timeout)
	defer cancel()
	client := f.connected()
	// A blocking read takes no notice of its context: it ends with its connection.
	defer context.AfterFunc(ctx, func() { _ = f.Close() })()
	round, err := f.next(ctx, client, after.Entry)
	f.adapt(err == nil)
	switch {
	case ctx.Err() != nil:
		return registry.Round{}, f.store.unavailable("feed", errors.Join(ctx.Err(), err))
	case isWrongType(err):
		return registry.Round{}, registry.WrongType(registry.ChangesKey)
	case errors.Is(err, registry.ErrGap):
		return registry.Round{}, fmt.Errorf("redisstore: feed: behind %s: %w", after.Entry, err)
	case err != nil:
		return registry.Round{}, f.store.unavailable("feed", err)
	}
	return round, nil
}

// count gives how many changes are asked for.
func (f *Feed) count() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most
}

// adapt has fewer changes come at a time after a round that failed: there may
// have been more than the connection carries in its time.
func (f *Feed) adapt(came bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if came {
		f.most = min(2*f.most, mostTold)
	} else {
		f.most = max(f.most/2, 1)
	}
}

// next waits for changes and looks, once it has them or has waited in vain,
// whether the entry from which it began is still there: of a trim, a flush or
// a fail-over Redis tells in no other way. The root comes last. All go in one
// round trip.
func (f *Feed) next(ctx context.Context, client *redis.Client, entry string) (registry.Round, error) {
	stream, from := f.store.key(registry.ChangesKey), entry
	if from == "" {
		from = "0-0"
	}
	pipe := client.Pipeline()
	told := pipe.XRead(ctx, &redis.XReadArgs{Streams: []string{stream, from}, Count: f.count(), Block: f.round})
	there := pipe.XRangeN(ctx, stream, from, from, 1)
	root := pipe.HGetAll(ctx, f.store.key(registry.RootRef.Key()))
	if commands, err := pipe.Exec(ctx); err != nil && !slices.ContainsFunc(commands, hasFailed) {
		return registry.Round{}, err // Redis refused the connection, and no command was sent
	}
	begun, err := there.Result()
	if told.Err() != nil && !errors.Is(told.Err(), redis.Nil) {
		err = told.Err()
	}
	switch {
	case err != nil:
		return registry.Round{}, err
	case entry != "" && len(begun) == 0:
		return registry.Round{}, registry.ErrGap
	}
	var round registry.Round
	if len(told.Val()) > 0 {
		round.Changes = changesOf(told.Val()[0].Messages)
	}
	round.Root, err = entryIn(registry.RootRef, root, f.store.clock())
	return round, err
}
