package redisstore

import (
	"context"
	_ "embed" // the scripts
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/fleet"
	"credence/internal/registry"
)

var (
	//go:embed fleet_join.lua
	joinSource string
	//go:embed fleet_beat.lua
	beatSource string
	//go:embed fleet_forget.lua
	forgetSource string

	joinScript, beatScript, forgetScript = newScript(joinSource), newScript(beatSource), newScript(forgetSource)
)

var _ fleet.Store = (*Store)(nil)

// Join implements fleet.Store.
func (s *Store) Join(ctx context.Context, server fleet.Server) error {
	fields := server.Fields()
	args := []any{server.Name}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		args = append(args, field, fields[field])
	}
	_, err := s.runOnServer(ctx, "join", joinScript, server.Name, args)
	return err
}

// Beat implements fleet.Store. What Redis refused only for want of memory or of
// a disk is what IsFull tells.
func (s *Store) Beat(ctx context.Context, name, applied string, withheld []string) error {
	answer, err := s.runOnServer(ctx, "heartbeat", beatScript, name, []any{name, applied, fleet.Withheld(withheld)})
	if err == nil && answer == "missing" {
		err = fmt.Errorf("redisstore: heartbeat: %s: %w", name, registry.ErrNotListed)
	}
	return err
}

// Leave implements fleet.Store.
func (s *Store) Leave(ctx context.Context, name string) error {
	return s.Forget(ctx, name, time.Time{})
}

// Forget implements fleet.Store.
func (s *Store) Forget(ctx context.Context, name string, seen time.Time) error {
	last := ""
	if !seen.IsZero() {
		last = strconv.FormatInt(seen.Unix(), 10)
	}
	answer, err := s.runOnServer(ctx, "forget", forgetScript, name, []any{name, last})
	if err == nil && answer == "heard" {
		err = fmt.Errorf("redisstore: forget: %s: %w", name, fleet.ErrHeardOf)
	}
	return err
}

// runOnServer runs a script of the fleet, which works where Redis is full too.
func (s *Store) runOnServer(ctx context.Context, tried string, script script, name string, args []any) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	keys := []string{s.key(registry.FleetKey), s.key(registry.ServerKey(name))}
	answer, err := script.run(ctx, s.client(), true, keys, args).Text()
	if err != nil {
		return "", s.fleetFailure(tried, err)
	}
	return answer, nil
}

// fleetFailure makes an error of what Redis does not let the user do, which lasts,
// and registry.ErrUnavailable of all others.
func (s *Store) fleetFailure(tried string, err error) error {
	if IsForbidden(err) {
		return fmt.Errorf("redisstore: %s: Redis refused it: %w", tried, err)
	}
	return s.unavailable(tried, err)
}

// List implements fleet.Store, in two round trips.
func (s *Store) List(ctx context.Context) (time.Time, []fleet.Server, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	roll, err := s.callRoll(ctx, "")
	if err != nil {
		return time.Time{}, nil, err
	}
	hashes, err := s.hashesOf(ctx, roll.names, nil)
	if err != nil {
		return time.Time{}, nil, err
	}
	return roll.now, roll.servers(hashes), nil
}

// Look implements fleet.Lookout, in three round trips at most; in four where
// Redis does not say in one answer how far the change stream reaches. Servers are read
// behind the list, and the stream behind the servers: a server that comes
// meanwhile forgot everything before, and none has applied what is not there.
func (s *Store) Look(ctx context.Context, entry string, names []string) (fleet.Sight, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	roll, err := s.callRoll(ctx, entry)
	if err != nil {
		return fleet.Sight{}, err
	}
	unlisted := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(roll.names, name) })
	hashes, err := s.hashesOf(ctx, roll.names, unlisted)
	if err != nil {
		return fleet.Sight{}, err
	}
	extent, err := s.Extent(ctx)
	if err != nil {
		return fleet.Sight{}, err
	}
	sight := fleet.Sight{Now: roll.now, Servers: roll.servers(hashes), Newest: extent.Newest, Kept: roll.kept}
	for _, name := range unlisted {
		if fields, err := hashes[name].Result(); err != nil || len(fields) > 0 {
			sight.Remains = append(sight.Remains, name)
		}
	}
	return sight, nil
}

// A roll is who is listed, and when.
type roll struct {
	now   time.Time
	names []string // sorted
	beats map[string]time.Time
	kept  bool // an entry that was asked for is in the change stream
}

// callRoll asks who is listed, and for an entry of the change stream besides,
// unless it is empty.
func (s *Store) callRoll(ctx context.Context, entry string) (roll, error) {
	var now *redis.TimeCmd
	var listed *redis.ZSliceCmd
	var found *redis.XMessageSliceCmd
	err := exchange(ctx, s.client(), func(pipe redis.Pipeliner) {
		now = pipe.Time(ctx)
		listed = pipe.ZRangeWithScores(ctx, s.key(registry.FleetKey), 0, -1)
		if entry != "" {
			found = pipe.XRangeN(ctx, s.key(registry.ChangesKey), entry, entry, 1)
		}
	})
	if err == nil {
		err = now.Err()
	}
	if err == nil && isWrongType(listed.Err()) {
		return roll{}, registry.WrongType(registry.FleetKey)
	}
	if err == nil {
		err = listed.Err()
	}
	if err != nil {
		return roll{}, s.fleetFailure("fleet", err)
	}
	r := roll{now: now.Val(), beats: make(map[string]time.Time)}
	for _, member := range listed.Val() {
		name, _ := member.Member.(string) // Redis has nothing else there
		r.names = append(r.names, name)
		r.beats[name] = beatOf(member.Score)
	}
	slices.Sort(r.names)
	if found != nil {
		first, err := s.onlyEntry(found)
		if err != nil {
			return roll{}, err
		}
		r.kept = first == entry
	}
	return r, nil
}

// latestBeat bounds what others may have written as the time of a heartbeat.
var latestBeat = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

func beatOf(score float64) time.Time {
	switch {
	case score >= float64(latestBeat.Unix()):
		return latestBeat
	case score > 0:
		return time.Unix(int64(math.Floor(score)), 0).UTC()
	}
	return time.Unix(0, 0).UTC()
}

// hashesOf reads what is said of servers. What is of another type is in the
// command.
func (s *Store) hashesOf(ctx context.Context, names, more []string) (map[string]*redis.MapStringStringCmd, error) {
	all := slices.Concat(names, more)
	answers, err := asked(ctx, s, all, func(ctx context.Context, pipe redis.Pipeliner, name string) *redis.MapStringStringCmd {
		return pipe.HGetAll(ctx, s.key(registry.ServerKey(name)))
	})
	if err != nil {
		return nil, s.fleetFailure("fleet", err)
	}
	hashes := make(map[string]*redis.MapStringStringCmd, len(all))
	for i, name := range all {
		hashes[name] = answers[i]
	}
	return hashes, nil
}

func (r roll) servers(hashes map[string]*redis.MapStringStringCmd) []fleet.Server {
	servers := make([]fleet.Server, len(r.names))
	for i, name := range r.names {
		fields, err := hashes[name].Result()
		servers[i] = fleet.Parse(name, r.beats[name], fields)
		if err != nil {
			servers[i].Invalid = registry.WrongType(registry.ServerKey(name))
		}
	}
	return servers
}
