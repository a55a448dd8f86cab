package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/config"
	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/redisstore"
	"credence/internal/registry"
)

// A trial is two servers over one Redis, those who change the registry, those
// who ask, and a record of all that they did.
type trial struct {
	t       *testing.T
	began   time.Time
	redis   *parts.RedisServer
	direct  *redis.Client     // another program, which writes as the documentation says
	store   *redisstore.Store // as commands write
	members []*member
	slots   []*slot
	never   *slot // its allowlists are apart in every state: nobody may ever be let in
	pair    *slot // everybody is let in, and told of its client and profile

	asked   atomic.Int64  // checks
	permits chan struct{} // to make a change: one for a number of checks
	stop    context.CancelFunc
	working sync.WaitGroup
	halt    context.CancelFunc // of the writers
	writing sync.WaitGroup

	mu       sync.Mutex
	first    map[string]registry.Fields // the records before the first entry
	plans    map[string]plan            // by tag
	entries  []registry.Change          // all that the change stream had
	readings []*reader
}

// A member is a server of a trial.
type member struct {
	*stack
	wire    *parts.WireProxy // between it and Redis
	name    string           // in the fleet
	applied atomic.Pointer[string]
	upsets  []span // when something was wrong, and until all was well again
}

// A span is a time, since the run began.
type span struct{ from, to time.Duration }

// key begins all keys of the registry.
const key = "{credence}:"

// The clients and profiles of a trial. Each pair of them has a slot.
var (
	trialClients  = [...]string{"c0", "c1", "c2"}
	trialProfiles = [...]string{"p0", "p1", "p2"}
)

// jitter is what each piece of a reply takes at most, by chance: so that reads,
// the change feed and what tracking tells overtake each other.
const jitter = 3 * time.Millisecond

// newTrial starts Redis, which loses nothing that it has acknowledged, and two
// servers: one as it comes, and one that holds few facts, and not for long
// without contact, and whom nothing but the change feed tells of changes.
func newTrial(t *testing.T) *trial {
	t.Helper()
	r := &trial{
		t: t, began: time.Now(), permits: make(chan struct{}, 16), plans: make(map[string]plan), first: make(map[string]registry.Fields),
		redis: parts.Redis(t, "--appendonly", "yes", "--appendfsync", "always",
			"--user", "untracked", "on", "nopass", "~*", "&*", "+@all", untracked),
	}
	anyPassword := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(anyPassword, []byte("whatever"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.direct = redis.NewClient(&redis.Options{
		Addr: r.redis.Addr(), MaxRetries: -1, DialTimeout: time.Second, ReadTimeout: time.Second, DisableIdentity: true,
	})
	var err error
	r.store, err = redisstore.Open(redisstore.Options{
		URL: credential.NewSecret(r.redis.URL()), Prefix: key, Timeout: time.Second, Connections: 8,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.direct.Close(); r.store.Close() })
	r.fill()
	for _, text := range []string{"", "redis: {username: untracked, password_file: '" + anyPassword + "'}\ncache: {stale_for: 3s, max_entries: 24}\n"} {
		r.members = append(r.members, r.serve(text))
	}
	return r
}

// serve starts a server, and waits until it has applied all that is there.
func (r *trial) serve(text string) *member {
	r.t.Helper()
	m := &member{stack: &stack{t: r.t, redis: r.redis, log: &parts.Log{}}, wire: parts.Wire(r.t, r.redis.Addr())}
	c, err := config.Parse("credence.yaml", []byte(text+"identity: {strip: seen}\n"))
	if err != nil {
		r.t.Fatal(err)
	}
	c.Redis.URL, c.Redis.Timeout = "redis://"+m.wire.Addr()+"/0", 500*time.Millisecond
	c.Listen.GRPC, c.Listen.Ops, c.Listen.Drain = "127.0.0.1:0", "127.0.0.1:0", 0
	before := r.fleet()
	m.at = m.serveAtOnce(c, time.Second)
	newest := r.newest()
	parts.Await(r.t, patience, "a server has joined, and applied all", func() error {
		for name := range strings.FieldsSeq(r.fleet()) {
			if !strings.Contains(before, name) {
				m.name = name
			}
		}
		if got := r.redis.CLI("HGET", key+registry.ServerKey(m.name), "applied"); got != newest {
			return fmt.Errorf("server %q has applied %q, of %q", m.name, got, newest)
		}
		return nil
	})
	m.applied.Store(&newest)
	m.wire.Jitter(jitter)
	return m
}

// fleet names who is listed.
func (r *trial) fleet() string { return r.redis.CLI("ZRANGE", key+registry.FleetKey, "0", "-1") }

// fill writes the first state, and an entry that changes nothing, so that there
// is one to have been applied.
func (r *trial) fill() {
	r.t.Helper()
	r.set("registry", registry.Fields{"id": "e2e", "schema": "1", "seq": "0", "digests": "s1", "created_at": ago(time.Hour)})
	for _, id := range trialClients {
		r.write("client:"+id, clientFields(id, "first"))
	}
	for _, id := range trialProfiles {
		r.write("profile:"+id, profileFields(id, "first"))
	}
	for _, client := range trialClients {
		for _, profile := range trialProfiles {
			r.slots = append(r.slots, r.newSlot(client, profile, ""))
		}
	}
	client, profile := clientFields("never", "first"), profileFields("never", "first")
	client["allow"], profile["allow"] = here, there
	r.write("client:never", client)
	r.write("profile:never", profile)
	r.never = r.newSlot("never", "never", here)
	r.write("client:pair", clientFields("pair", "first"))
	r.write("profile:pair", profileFields("pair", "first"))
	r.pair = r.newSlot("pair", "pair", "")
	r.plan("first", nil)
	r.redis.CLI("XADD", key+registry.ChangesKey, "*", "keys", "client:c0", "op", "set", "note", "first")
}

// write writes a record of the first state.
func (r *trial) write(name string, fields registry.Fields) {
	r.set(name, fields)
	r.first[name] = fields
}

func (r *trial) set(name string, fields registry.Fields) {
	r.t.Helper()
	args := []string{"HSET", key + name}
	for field, text := range fields {
		args = append(args, field, text)
	}
	r.redis.CLI(args...)
}

// The peers that ask, and the networks that they are in.
var trialPeers = [...]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.1.1")}

const here, there, both = "10.0.0.0/24", "10.0.1.0/24", "10.0.0.0/23"

func clientFields(id, name string) registry.Fields {
	return registry.Fields{"id": id, "state": "active", "created_at": ago(time.Hour), "name": name}
}

func profileFields(id, scope string) registry.Fields {
	return registry.Fields{"id": id, "state": "active", "created_at": ago(time.Hour), "accepts": "token", "scopes": scope}
}

// now gives the time since the run began.
func (r *trial) now() time.Duration { return time.Since(r.began) }

// work runs something until the run ends.
func (r *trial) work(ctx context.Context, do func(context.Context)) { r.working.Go(func() { do(ctx) }) }

// begin has the registry changed and servers asked, until end. Readers are for
// each server.
func (r *trial) begin(readers, writers int) {
	r.t.Helper()
	var all, some context.Context
	all, r.stop = context.WithCancel(context.Background())
	some, r.halt = context.WithCancel(all)
	r.t.Cleanup(func() { r.stop(); r.writing.Wait(); r.working.Wait() })
	r.work(all, r.record)
	r.work(all, r.follow)
	for _, m := range r.members {
		for range readers {
			reader := r.newReader(m)
			r.readings = append(r.readings, reader)
			r.work(all, reader.run)
		}
	}
	for n := range writers {
		w := r.newWriter(n)
		r.writing.Go(func() { w.run(some) })
	}
}

// end has the last changes applied by every server, and asked for, and ends all.
func (r *trial) end() {
	r.t.Helper()
	r.halt()
	r.writing.Wait()
	newest := r.newest()
	parts.Await(r.t, patience, "all is recorded", func() error {
		if got := r.recorded(); got != newest {
			return fmt.Errorf("up to %s of %s", got, newest)
		}
		return nil
	})
	for _, m := range r.members {
		r.awaitApplied(m, newest)
	}
	r.awaitChecks(2000)
	r.stop()
	r.working.Wait()
}

// awaitChecks waits until that many more checks were answered.
func (r *trial) awaitChecks(n int64) {
	r.t.Helper()
	until := r.asked.Load() + n
	parts.Await(r.t, 2*time.Minute, "checks are answered", func() error {
		if got := r.asked.Load(); got < until {
			return fmt.Errorf("%d of %d", got, until)
		}
		return nil
	})
}

// awaitApplied waits until a server says that it goes by an entry.
func (r *trial) awaitApplied(m *member, entry string) {
	r.t.Helper()
	parts.Await(r.t, patience, m.name+" has applied all", func() error {
		if got := *m.applied.Load(); got != entry && !registry.ComesAfter(got, entry) {
			return fmt.Errorf("it has applied %s, of %s", got, entry)
		}
		return nil
	})
}
