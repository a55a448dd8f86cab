package redisstore

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"credence/internal/registry"
)

// Read implements registry.Reader, in one round trip whatever the number of
// refs. A key of another type is an invalid entry; whatever else is not a hash
// makes the whole call fail with registry.ErrUnavailable.
func (s *Store) Read(ctx context.Context, refs ...registry.Ref) ([]registry.Entry, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	hashes, err := pipelined(ctx, s.client, refs, func(pipe redis.Pipeliner, ref registry.Ref) *redis.MapStringStringCmd {
		return pipe.HGetAll(ctx, s.key(ref.Key()))
	})
	if err != nil {
		return nil, s.unavailable("read", err)
	}
	now := s.clock()
	entries := make([]registry.Entry, len(refs))
	for i, ref := range refs {
		fields, err := hashes[i].Result()
		switch {
		case err == nil:
			entries[i] = registry.EntryOf(ref, fields, now)
		case isWrongType(err):
			entries[i] = registry.Entry{Invalid: registry.WrongType(ref.Key())}
		default:
			return nil, s.unavailable("read", err)
		}
	}
	return entries, nil
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
	commands, err := pipelined(ctx, s.client, items, func(pipe redis.Pipeliner, item Item) Cmd { return add(ctx, pipe, item) })
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

// pipelined sends one command for each item, in one round trip, and gives the
// commands with their answers. Its error says that they were not answered; what
// Redis said to a command is in the command.
func pipelined[Item any, Cmd redis.Cmder](
	ctx context.Context, client *redis.Client, items []Item, add func(redis.Pipeliner, Item) Cmd,
) ([]Cmd, error) {
	commands := make([]Cmd, len(items))
	attempts := 1
	for attempt := 1; ; attempt++ {
		pipe := client.Pipeline()
		for i, item := range items {
			commands[i] = add(pipe, item)
		}
		_, err := pipe.Exec(ctx)
		if attempt == 1 && wasClosed(err) {
			// After a restart of Redis every idle connection is closed, and each
			// is found out only by its use. Reading twice harms nobody.
			attempts = 2 + int(client.PoolStats().IdleConns)
		}
		switch {
		case wasClosed(err) && attempt < attempts && ctx.Err() == nil:
			continue
		case err != nil && !slices.ContainsFunc(commands, hasFailed[Cmd]):
			// Redis refused the connection (a wrong password, say). go-redis then
			// leaves every command as it was, without error and without answer,
			// which would read as "there is no such record".
			return nil, err
		}
		return commands, nil
	}
}

func hasFailed[Cmd redis.Cmder](command Cmd) bool { return command.Err() != nil }
