package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/registry"
)

// An Inspection is what a Redis says of itself, as far as it does.
type Inspection struct {
	Server  string         // redis, valkey …; empty: not told
	Version string         // 7.0.15
	Replica bool           // it takes no writes
	Took    time.Duration  // from question to answer, the quickest of some
	Ahead   *time.Duration // its clock before ours, below zero behind; nil: not told
	Info    *Info          // nil: not told
	Rights  *Rights        // nil: not told
	// Refused says why something is not told, by the command that asked:
	// HELLO, TIME, INFO, EVAL.
	Refused map[string]error
}

// Info is what a registry needs to know of INFO.
type Info struct {
	Loading     bool          // it is still reading its data
	Up          time.Duration // since it was started
	Memory      uint64        // bytes in use
	MaxMemory   uint64        // bytes; zero: no limit
	Policy      string        // what is removed at the limit: noeviction …
	AppendOnly  bool          // each write goes to a file
	AppendFails bool          // the last could not
	SaveFails   bool          // the last snapshot could not be written
	Saves       uint64        // snapshots since it was started
	LastSave    time.Time     // the last snapshot, or the start
	Replicas    int           // connected to it
	WantsSome   bool          // it takes no writes without replicas (min-replicas-to-write)
}

// Evicts tells that Redis removes whatever it likes when it is full.
func (i Info) Evicts() bool { return i.MaxMemory > 0 && strings.HasPrefix(i.Policy, "allkeys-") }

// EvictsEnding tells that Redis removes keys that have an end when it is full.
func (i Info) EvictsEnding() bool { return i.MaxMemory > 0 && strings.HasPrefix(i.Policy, "volatile-") }

// Rights are what the user may do.
type Rights struct {
	// Refused are the commands that a change of the registry needs and that
	// are refused, as ACL SETUSER calls them.
	Refused []string
	// Snapshots is what CONFIG GET save says; empty: there are none. It is
	// asked for only where that is allowed, and nil where it is not.
	Snapshots *string
}

// Inspect asks Redis about itself. It fails with registry.ErrUnavailable where
// Redis cannot be reached or lets nobody in.
func (s *Store) Inspect(ctx context.Context) (Inspection, error) {
	i := Inspection{Refused: make(map[string]error)}
	if err := s.Ping(ctx); err != nil && !isRefused(err) {
		return i, err
	}
	for _, question := range []struct {
		command string
		ask     func(context.Context, *Inspection) error
	}{{"HELLO", s.askHello}, {"TIME", s.askTime}, {"INFO", s.askInfo}, {"EVAL", s.askRights}} {
		if err := s.inTime(ctx, &i, question.ask); isRefused(err) {
			i.Refused[question.command] = err
		} else if err != nil {
			return i, s.unavailable("inspect", err)
		}
	}
	return i, nil
}

func (s *Store) inTime(ctx context.Context, i *Inspection, ask func(context.Context, *Inspection) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return ask(ctx, i)
}

// Info asks Redis about itself in one round trip. told is false where it does
// not say, as some managed services do not.
func (s *Store) Info(ctx context.Context) (info Info, told bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var i Inspection
	switch err := s.askInfo(ctx, &i); {
	case isRefused(err):
		return info, false, nil
	case err != nil:
		return info, false, s.unavailable("info", err)
	}
	return *i.Info, true, nil
}

// errNotTold says that a server knows a command, but not what it is asked for.
var errNotTold = errors.New("the server does not tell")

// isRefused tells an answer of Redis that it does not do something, but not
// that it lets nobody in.
func isRefused(err error) bool {
	var answer redis.Error
	letsNobodyIn := redis.HasErrorPrefix(err, "NOAUTH") || redis.HasErrorPrefix(err, "WRONGPASS")
	return errors.Is(err, errNotTold) || errors.As(err, &answer) && !letsNobodyIn
}

// timed is how often it is asked how long an answer takes: a machine that is
// busy for a moment is not slow.
const timed = 3

// askHello asks what every user may ask.
func (s *Store) askHello(ctx context.Context, i *Inspection) error {
	var answer any
	for range timed {
		begin := time.Now()
		var err error
		if answer, err = s.client().Do(ctx, "HELLO", 3).Result(); err != nil {
			return err
		}
		if took := time.Since(begin); i.Took == 0 || took < i.Took {
			i.Took = took
		}
	}
	pairs, ok := answer.(map[any]any)
	if !ok {
		return errNotTold
	}
	i.Server, _ = pairs["server"].(string)
	i.Version, _ = pairs["version"].(string)
	i.Replica = pairs["role"] == "replica" || pairs["role"] == "slave"
	return nil
}

func (s *Store) askTime(ctx context.Context, i *Inspection) error {
	begin := s.clock()
	at, err := s.client().Time(ctx).Result()
	if err != nil {
		return err
	}
	end := s.clock()
	ahead := at.Sub(begin.Add(end.Sub(begin) / 2))
	i.Ahead = &ahead
	return nil
}

func (s *Store) askInfo(ctx context.Context, i *Inspection) error {
	text, err := s.client().Info(ctx).Result()
	if err != nil {
		return err
	}
	i.Info, err = parseInfo(text)
	return err
}

// parseInfo reads the answer to INFO.
func parseInfo(text string) (*Info, error) {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); found {
			fields[name] = value
		}
	}
	for _, name := range []string{"maxmemory", "aof_enabled"} {
		if fields[name] == "" {
			return nil, fmt.Errorf("%s: %w", name, errNotTold)
		}
	}
	number := func(name string) uint64 {
		n, _ := strconv.ParseUint(fields[name], 10, 64)
		return n
	}
	return &Info{
		Loading:     fields["loading"] == "1",
		Up:          time.Duration(number("uptime_in_seconds")) * time.Second,
		Memory:      number("used_memory"),
		MaxMemory:   number("maxmemory"),
		Policy:      fields["maxmemory_policy"],
		AppendOnly:  fields["aof_enabled"] == "1",
		AppendFails: fields["aof_last_write_status"] == "err",
		SaveFails:   fields["rdb_last_bgsave_status"] == "err",
		Saves:       number("rdb_saves"),
		LastSave:    time.Unix(int64(number("rdb_last_save_time")), 0).UTC(),
		Replicas:    int(number("connected_slaves")),
		WantsSome:   fields["min_slaves_good_slaves"] != "", // told only then
	}, nil
}

// commandsOfChange are the commands that a change of the registry consists of,
// each with the key of a kind that it is given.
func (s *Store) commandsOfChange() [][]string {
	key := s.key
	commands := [][]string{
		{"EVALSHA", strings.Repeat("0", 40), "0"},
		{"TYPE", key(registry.RootRef.Key())},
		{"HGETALL", key(registry.RootRef.Key())},
		{"HGET", key(registry.RootRef.Key()), "schema"},
		{"HINCRBY", key(registry.RootRef.Key()), "seq", "1"},
		{"XADD", key(registry.ChangesKey), "*", "op", "test"},
		{"SADD", key(registry.ClientsKey), "x"},
		{"SADD", key(registry.ProfilesKey), "x"},
		{"SADD", key(registry.TokensOfKey("x")), "x"},
		{"SET", key(registry.TokenIDKey("x")), "x"},
	}
	for _, kind := range []registry.RecordKind{registry.ClientKind, registry.ProfileKind, registry.TokenKind} {
		record := key(registry.Ref{Kind: kind, ID: "x"}.Key())
		commands = append(commands, []string{"HSET", record, "state", "x"}, []string{"HDEL", record, "state"})
	}
	return commands
}

// askRights has a script look which commands would be refused. Nothing is
// written, and nothing is tried that ACL LOG would tell of.
func (s *Store) askRights(ctx context.Context, i *Inspection) error {
	commands := append(s.commandsOfChange(), []string{"CONFIG", "GET", "save"})
	list, err := json.Marshal(commands)
	if err != nil {
		return err
	}
	positions, err := s.client().Eval(ctx, rightsSource, nil, string(list)).Int64Slice()
	if err != nil {
		return err
	}
	rights := &Rights{}
	mayConfigure := true
	for _, position := range positions {
		switch name := strings.ToLower(commands[position-1][0]); {
		case int(position) == len(commands):
			mayConfigure = false
		case !slices.Contains(rights.Refused, name):
			rights.Refused = append(rights.Refused, name)
		}
	}
	i.Rights = rights
	if mayConfigure {
		return s.askSnapshots(ctx, rights)
	}
	return nil
}

// askSnapshots asks when snapshots are made. Services that do not tell have
// their own way of keeping data.
func (s *Store) askSnapshots(ctx context.Context, rights *Rights) error {
	answer, err := s.client().ConfigGet(ctx, "save").Result()
	text, told := answer["save"]
	switch {
	case isRefused(err), err == nil && !told:
		return nil
	case err != nil:
		return err
	}
	rights.Snapshots = &text
	return nil
}
