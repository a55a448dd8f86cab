package main

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/credential"
	"credence/internal/redisstore"
	"credence/internal/registry"
)

// A writer switches a client off and on.
type writer interface {
	set(ctx context.Context, state registry.State) error
}

// A committer switches by commits, as the commands do.
type committer struct {
	store  *redisstore.Store
	client registry.Entry // as it stands there
}

func newCommitter(ctx context.Context, store *redisstore.Store, id registry.ClientID) (*committer, error) {
	entries, err := store.Read(ctx, registry.ClientRef(id))
	if err != nil {
		return nil, err
	}
	return &committer{store, entries[0]}, nil
}

func (c *committer) set(ctx context.Context, state registry.State) error {
	now := *c.client.Record.(*registry.Client)
	now.State = state
	_, err := c.store.Commit(ctx, registry.Commit{
		Edits: []registry.Edit{{Was: c.client, Now: &now}}, Op: "set", By: "bench", At: time.Now(),
	})
	c.client = registry.Entry{Record: &now, Fields: now.Fields()}
	return err
}

// A stranger writes a field of the record and tells nobody, as somebody with
// redis-cli would.
type stranger struct {
	client *redis.Client
	key    string
}

func (s stranger) set(ctx context.Context, state registry.State) error {
	return s.client.HSet(ctx, s.key, "state", state.String()).Err()
}

// A watched is a client whose state is asked for by checks.
type watched struct {
	load   *load
	frame  frame
	token  credential.Secret
	answer []byte
	other  int // answers that no state of the client explains
}

// A delay is how long one change took, from the call that wrote it.
type delay struct {
	written  time.Duration // the call was over
	old      time.Duration // the last check began that was answered by the state before
	answered time.Duration // a check was answered by the change
}

// change switches the client, which the server knows, and asks for it until a
// check is answered by the change.
func (w *watched) change(ctx context.Context, by writer, state registry.State) (delay, error) {
	// What the feed and the tracking tell of the change before may have come one
	// after another, and the later one has the record read once more.
	if _, err := w.ask(ctx); err != nil {
		return delay{}, err
	}
	var d delay
	written := make(chan error, 1)
	begun := time.Now()
	go func() {
		err := by.set(ctx, state)
		d.written = time.Since(begun)
		written <- err
	}()
	old, answered, err := w.await(ctx, state)
	if err := <-written; err != nil {
		return delay{}, err
	}
	d.old, d.answered = max(0, old.Sub(begun)), answered.Sub(begun)
	return d, err
}

// await asks again and again until an answer goes by a state. It gives when
// that came, and when the last check before it began.
func (w *watched) await(ctx context.Context, state registry.State) (old, answered time.Time, err error) {
	old = time.Now()
	for range mostChecks {
		begun := time.Now()
		found, err := w.ask(ctx)
		if err != nil {
			return old, answered, err
		}
		switch found {
		case state:
			return old, time.Now(), nil
		case registry.NoState:
			w.other++
		default:
			old = begun
		}
	}
	return old, answered, fmt.Errorf("%d checks, and none was answered by state %s", mostChecks, state)
}

// ask gives the state by which a check is answered: none where no state of the
// client explains the answer.
func (w *watched) ask(ctx context.Context) (registry.State, error) {
	if err := w.load.send(ctx, 0, w.frame.with(w.token), &w.answer); err != nil {
		return registry.NoState, err
	}
	if allows(w.answer) {
		return registry.Active, nil
	}
	_, reason, err := refusal(w.answer)
	if err == nil && reason == "client_disabled" {
		return registry.Disabled, nil
	}
	return registry.NoState, err
}
