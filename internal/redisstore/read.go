package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/registry"
)

// Read implements registry.Reader, in one round trip whatever the number of
// refs. A key of another type is an invalid entry; whatever else is no answer
// makes the whole call fail with registry.ErrUnavailable.
func (s *Store) Read(ctx context.Context, refs ...registry.Ref) ([]registry.Entry, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	return s.read(ctx, refs, nil)
}

// ReadThrough implements registry.Witness, in one round trip. Nothing is written
// before it is told: so the entry that is the newest once all was read stands
// behind whatever was read, or is it. A change stream of another type makes the
// call fail.
func (s *Store) ReadThrough(ctx context.Context, refs ...registry.Ref) (entries []registry.Entry, through string, err error) {
	var newest *redis.XMessageSliceCmd
	entries, err = s.read(ctx, refs, func(ctx context.Context, pipe redis.Pipeliner) {
		newest = pipe.XRevRangeN(ctx, s.key(registry.ChangesKey), "+", "-", 1)
	})
	if err != nil {
		return nil, "", err
	}
	switch last, err := newest.Result(); {
	case isWrongType(err):
		return nil, "", registry.WrongType(registry.ChangesKey)
	case err != nil:
		return nil, "", s.unavailable("read", err)
	case len(last) > 0:
		through = last[0].ID
	}
	return entries, through, nil
}

// read reads records in one round trip, in which more may go behind them; nil:
// nothing more.
func (s *Store) read(ctx context.Context, refs []registry.Ref, more func(context.Context, redis.Pipeliner)) ([]registry.Entry, error) {
	client, timeout := s.client(), s.timeout
	if slices.Contains(refs, registry.RevokedRef) {
		timeout = registry.LongRead(timeout)
		client = client.WithTimeout(timeout) // the same connections, which else give up sooner than ctx
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answers := make([]redis.Cmder, len(refs))
	err := exchange(ctx, client, func(pipe redis.Pipeliner) {
		for i, ref := range refs {
			if key := s.key(ref.Key()); ref == registry.RevokedRef {
				answers[i] = pipe.ZRange(ctx, key, 0, -1)
			} else {
				answers[i] = pipe.HGetAll(ctx, key)
			}
		}
		if more != nil {
			more(ctx, pipe)
		}
	})
	if err != nil {
		return nil, s.unavailable("read", err)
	}
	now := s.clock()
	entries := make([]registry.Entry, len(refs))
	for i, ref := range refs {
		if entries[i], err = entryIn(ref, answers[i], now); err != nil {
			return nil, s.unavailable("read", err)
		}
	}
	return entries, nil
}

// entryIn gives what stands under ref by the answer of Redis. A key of another
// type is an invalid entry.
func entryIn(ref registry.Ref, answer redis.Cmder, now time.Time) (registry.Entry, error) {
	err := answer.Err()
	if isWrongType(err) {
		return registry.Entry{Invalid: registry.WrongType(ref.Key())}, nil
	}
	if err != nil {
		return registry.Entry{}, err
	}
	switch answer := answer.(type) {
	case *redis.StringSliceCmd:
		return registry.RevokedEntry(answer.Val()), nil
	case *redis.MapStringStringCmd:
		return registry.EntryOf(ref, answer.Val(), now), nil
	}
	return registry.Entry{}, fmt.Errorf("an answer of type %T", answer)
}

// asked sends one command for each item, some in one round trip. What Redis
// refuses to do is an error; that a key is of another type, or holds nothing,
// is in the command.
func asked[Item any, Cmd redis.Cmder](
	ctx context.Context, s *Store, items []Item, add func(context.Context, redis.Pipeliner, Item) Cmd,
) ([]Cmd, error) {
	commands := make([]Cmd, 0, len(items))
	for some := range slices.Chunk(items, getStep) {
		answers, err := askedAtOnce(ctx, s, some, add)
		if err != nil {
			return nil, err
		}
		commands = append(commands, answers...)
	}
	return commands, nil
}

func askedAtOnce[Item any, Cmd redis.Cmder](
	ctx context.Context, s *Store, items []Item, add func(context.Context, redis.Pipeliner, Item) Cmd,
) ([]Cmd, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	commands := make([]Cmd, len(items))
	err := exchange(ctx, s.client(), func(pipe redis.Pipeliner) {
		for i, item := range items {
			commands[i] = add(ctx, pipe, item)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, command := range commands {
		if err := command.Err(); err != nil && !errors.Is(err, redis.Nil) && !isWrongType(err) {
			return nil, err
		}
	}
	return commands, nil
}

// exchange sends the commands that ask adds, in one round trip. It may call ask
// more than once. Its error says that they were not answered; what Redis said to
// a command is in the command.
func exchange(ctx context.Context, client *redis.Client, ask func(redis.Pipeliner)) error {
	attempts := 1
	for attempt := 1; ; attempt++ {
		pipe := client.Pipeline()
		ask(pipe)
		commands, err := pipe.Exec(ctx)
		if attempt == 1 && wasClosed(err) {
			// After a restart of Redis every idle connection is closed, and each
			// is found out only by its use. Reading twice harms nobody.
			attempts = 2 + int(client.PoolStats().IdleConns)
		}
		switch {
		case wasClosed(err) && attempt < attempts && ctx.Err() == nil:
			continue
		case err != nil && !slices.ContainsFunc(commands, hasFailed):
			// Redis refused the connection (a wrong password, say). go-redis then
			// leaves every command as it was, without error and without answer,
			// which would read as "there is no such record".
			return err
		}
		return nil
	}
}

func hasFailed(command redis.Cmder) bool { return command.Err() != nil }
