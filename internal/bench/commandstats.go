package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// commands are how often Redis has run each command, by its name.
type commands map[string]int

// commands asks Redis. What asks is among them: INFO, and what connects.
func (s *stage) commands(ctx context.Context) (commands, error) {
	client := s.client()
	defer func() { _ = client.Close() }() // nothing is asked any more
	text, err := client.Info(ctx, "commandstats").Result()
	if err != nil {
		return nil, err
	}
	return parseCommands(text)
}

// client gives a connection to Redis that knows nothing of registries.
func (s *stage) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.address, DisableIdentity: true})
}

// parseCommands reads the lines of INFO commandstats:
// cmdstat_hgetall:calls=7,usec=42,… . A subcommand is written config|set.
func parseCommands(text string) (commands, error) {
	c := make(commands)
	for line := range strings.Lines(text) {
		name, stats, found := strings.Cut(strings.TrimSpace(line), ":")
		name, isCommand := strings.CutPrefix(name, "cmdstat_")
		if !found || !isCommand {
			continue
		}
		calls, found := strings.CutPrefix(stats, "calls=")
		if !found {
			return nil, fmt.Errorf("commandstats: no calls in %q", line)
		}
		calls, _, _ = strings.Cut(calls, ",")
		n, err := strconv.Atoi(calls)
		if err != nil {
			return nil, fmt.Errorf("commandstats: %q: %w", line, err)
		}
		c[name] = n
	}
	return c, nil
}

// minus gives how often each command was run since before.
func (c commands) minus(before commands) commands {
	run := maps.Clone(c)
	for name, n := range before {
		run[name] -= n
	}
	maps.DeleteFunc(run, func(_ string, n int) bool { return n == 0 })
	return run
}

// lookups gives how many records were read by lookups: the feed reads a hash
// with each of its rounds, and nothing else reads one.
func (c commands) lookups() int { return c["hgetall"] - c["xread"] }

// names gives the names in both, sorted.
func names(a, b commands) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
