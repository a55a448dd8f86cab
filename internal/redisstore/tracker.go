package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/registry"
)

// tracked are the kinds of record that a tracker watches, by how their keys
// begin. None may begin as another does: Redis refuses prefixes that overlap.
// The whole registry would be one, but heartbeats and the change stream are
// written all the time.
var tracked = []registry.RecordKind{
	registry.RootKind, registry.ClientKind, registry.ProfileKind, registry.TokenKind,
	registry.KeyKind, registry.BindingKind, registry.RevokedKind,
}

const (
	// pingPause is how long after an answer a tracker asks again whether its
	// connection leads anywhere. Redis sends nothing where nothing is written.
	pingPause = time.Second
	// pingGrace is how much longer than any other answer that one may take.
	pingGrace = time.Second
)

// A Tracker tells of every write to a record, also of those that the change
// stream does not tell of, by Redis' client tracking. It is safe for concurrent
// use; each Track has a connection of its own.
type Tracker struct {
	store *Store
	pause time.Duration // between the answer to one ping and the next
}

var _ registry.Tracker = (*Tracker)(nil)

// Tracker makes a tracker, which connects to nothing before Track.
func (s *Store) Tracker() *Tracker { return &Tracker{s, pingPause} }

// Track implements registry.Tracker. It fails with registry.ErrUnavailable
// where Redis cannot be reached, is a replica, or once the connection is lost,
// at the latest when a ping has had no answer for the store's timeout and a
// second; and with registry.ErrNotTracked where the server does not know client
// tracking, or does not let the user have it. It never connects a second time:
// what was written meanwhile would be missed. The functions must not block, or
// the connection counts as lost.
func (t *Tracker) Track(ctx context.Context, on func(), written func(refs []registry.Ref)) error {
	watch, err := t.store.newWatch(written)
	if err != nil {
		return err
	}
	defer watch.close()
	defer context.AfterFunc(ctx, func() { watch.cut(ctx.Err()) })()
	err = watch.run(ctx, t.pause, on)
	var refused *untrackedError
	switch {
	case ctx.Err() != nil:
		return t.store.unavailable("track", ctx.Err())
	case errors.As(err, &refused):
		return fmt.Errorf("redisstore: track: %w: %w", registry.ErrNotTracked, refused.cause)
	}
	return t.store.unavailable("track", err)
}

// An untrackedError says that the server, or the rights of the user, are not
// made for tracking.
type untrackedError struct{ cause error }

func (e *untrackedError) Error() string { return e.cause.Error() }
func (e *untrackedError) Unwrap() error { return e.cause }

// untrackedBy turns an answer of Redis that it never does what it was asked
// into an untrackedError. It says otherwise that it cannot do so now: that it
// is loading, or busy.
func untrackedBy(err error) error {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return err
	}
	for _, word := range []string{"ERR ", "NOPERM ", "NOPROTO "} {
		if strings.HasPrefix(answer.Error(), word) {
			return &untrackedError{err}
		}
	}
	return err
}

// trackCommand gives the command by which Redis begins to tell of writes.
func (s *Store) trackCommand() []any {
	words := []any{"CLIENT", "TRACKING", "ON", "BCAST"}
	for _, kind := range tracked {
		words = append(words, "PREFIX", s.key(registry.Ref{Kind: kind}.Key()))
	}
	return words
}

// begin has Redis tell of writes on a connection. It must be the primary's: a
// replica hears of them later, or never.
func (s *Store) begin(ctx context.Context, conn *redis.Conn) error {
	answer, err := conn.Do(ctx, "HELLO", 3).Result() // go-redis does without where it is refused
	if err != nil {
		return untrackedBy(err)
	}
	if hello, ok := answer.(map[any]any); ok && (hello["role"] == "replica" || hello["role"] == "slave") {
		return errors.New("it is a replica")
	}
	return untrackedBy(conn.Do(ctx, s.trackCommand()...).Err())
}

// writtenRefs reads what Redis says that was written. all: everything may have
// been.
func (s *Store) writtenRefs(notification []any) (refs []registry.Ref, all bool) {
	if len(notification) != 2 {
		return nil, true
	}
	names, ok := notification[1].([]any)
	if !ok {
		return nil, true // FLUSHALL or FLUSHDB
	}
	for _, name := range names {
		text, _ := name.(string)
		key, ours := strings.CutPrefix(text, s.prefix)
		if ref, ok := registry.ParseRef(key); ok && ours {
			refs = append(refs, ref)
		}
	}
	return refs, false
}
