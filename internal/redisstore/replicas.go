package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/registry"
)

// A keptConnection is that of the last commit: only there Redis can be asked how
// many replicas have it (WAIT tells of what was written on its own connection).
type keptConnection struct {
	mu       sync.Mutex
	conn     *redis.Conn // nil: none
	position registry.Position
}

// keep puts a connection in place of the one that was kept.
func (k *keptConnection) keep(conn *redis.Conn, position registry.Position) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn != nil {
		_ = k.conn.Close() // it goes back to the others
	}
	k.conn, k.position = conn, position
}

// take gives the connection on which a commit was made; nil: it is not kept.
func (k *keptConnection) take(position registry.Position) *redis.Conn {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn == nil || k.position != position {
		return nil
	}
	conn := k.conn
	k.conn = nil
	return conn
}

// A committer is what one commit is sent by: any connection, or one of its own
// where replicas have to acknowledge it.
type committer struct {
	redis.Scripter
	store *Store
	conn  *redis.Conn // nil: any
}

func (s *Store) committer() committer {
	client := s.client()
	if s.options.Replicas == 0 {
		return committer{Scripter: client}
	}
	conn := client.Conn()
	return committer{conn, s, conn}
}

// done ends the commit, which was made unless its position is zero.
func (c committer) done(position registry.Position) {
	switch {
	case c.conn == nil:
	case position.Entry == "":
		_ = c.conn.Close() // it goes back to the others
	default:
		c.store.kept.keep(c.conn, position)
	}
}

// Acknowledged waits until as many replicas as the options want have a commit,
// for some time at most, and gives how many have. Of the last commit of this
// store Redis is asked with WAIT, on the connection that made it; of another
// one, whether replicas have all that Redis holds by now.
func (s *Store) Acknowledged(ctx context.Context, position registry.Position, within time.Duration) (int, error) {
	within = max(within, time.Millisecond) // WAIT 0 would wait for ever
	ctx, cancel := context.WithTimeout(ctx, within+s.timeout)
	defer cancel()
	conn := s.kept.take(position)
	if conn == nil {
		return s.caughtUp(ctx, within)
	}
	defer func() { _ = conn.Close() }() // it goes back to the others
	count, err := conn.Wait(ctx, s.options.Replicas, within).Result()
	if err != nil {
		return 0, s.unavailable("replicas", err)
	}
	return int(count), nil
}

// A replica says once a second how far it is.
const replicaPause = 100 * time.Millisecond

// caughtUp waits until replicas have what Redis holds at the first look.
func (s *Store) caughtUp(ctx context.Context, within time.Duration) (int, error) {
	over := time.NewTimer(within)
	defer over.Stop()
	for begun, goal := false, uint64(0); ; begun = true {
		text, err := s.client().Info(ctx, "replication").Result()
		if err != nil {
			return 0, s.unavailable("replicas", err)
		}
		offset, replicas := parseReplication(text)
		if !begun {
			goal = offset
		}
		count := 0
		for _, has := range replicas {
			if has >= goal {
				count++
			}
		}
		if count >= s.options.Replicas {
			return count, nil
		}
		select {
		case <-over.C:
			return count, nil
		case <-ctx.Done():
			return count, s.unavailable("replicas", ctx.Err())
		case <-time.After(replicaPause):
		}
	}
}

// parseReplication reads how far Redis is, and how far each replica that is
// online.
func parseReplication(text string) (offset uint64, replicas []uint64) {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if name == "master_repl_offset" {
			offset, _ = strconv.ParseUint(value, 10, 64)
		}
		var n int
		if _, err := fmt.Sscanf(name, "slave%d", &n); err != nil {
			continue
		}
		if has, online := parseReplica(value); online {
			replicas = append(replicas, has)
		}
	}
	return offset, replicas
}

// parseReplica reads ip=…,port=…,state=online,offset=42,lag=0.
func parseReplica(text string) (offset uint64, online bool) {
	for pair := range strings.SplitSeq(text, ",") {
		switch name, value, _ := strings.Cut(pair, "="); name {
		case "state":
			online = value == "online"
		case "offset":
			offset, _ = strconv.ParseUint(value, 10, 64)
		}
	}
	return offset, online
}
