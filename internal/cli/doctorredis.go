package cli

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"credence/internal/config"
	"credence/internal/redisstore"
)

// oldestRedis is the first version that keeps a registry: earlier ones cannot
// switch a client off when they are full.
const oldestRedis = 7

// diagnoseRedis tells what a Redis says of itself.
func (a *app) diagnoseRedis(d *diagnosis, c config.Config, i redisstore.Inspection) {
	a.diagnoseServer(d, c, i)
	if i.Info != nil {
		diagnoseMemory(d, *i.Info)
		diagnosePersistence(d, i)
	}
	diagnoseRights(d, c, i)
	for _, command := range slices.Sorted(maps.Keys(i.Refused)) {
		diagnoseRefusal(d, command, i.Refused[command])
	}
}

// diagnoseServer looks at version, role, speed and clock.
func (a *app) diagnoseServer(d *diagnosis, c config.Config, i redisstore.Inspection) {
	major, _, _ := strings.Cut(i.Version, ".")
	switch number, err := strconv.Atoi(major); {
	case i.Version == "":
	case err == nil && number < oldestRedis:
		d.fail("version", "use Redis 7.0 or later, or Valkey", "%s %s: too old", i.Server, i.Version)
	default:
		d.ok("version", "%s %s at %s", i.Server, i.Version, a.redisAt)
	}
	switch {
	case i.Replica:
		d.fail("role", "name the primary with --redis or redis.url", "a read-only replica: nothing can be changed there, and what it holds may be old")
	case i.Info != nil && i.Info.Loading:
		d.fail("role", "wait until it is done: checks are denied with 503 meanwhile", "Redis is still loading its data")
	case i.Info != nil:
		d.ok("role", "primary, %s", counted(i.Info.Replicas, "replica"))
	}
	if i.Info != nil && i.Info.Replicas < c.Redis.Replicas {
		d.fail("redis.replicas", "start replicas, or demand fewer", "%d must acknowledge a change, and there are %d: no --wait succeeds", c.Redis.Replicas, i.Info.Replicas)
	}
	if i.Took > c.Redis.Timeout {
		d.warn("answers", "look for slow commands and for load, or raise redis.timeout", "took %v; a lookup may take %v (redis.timeout)", i.Took.Round(time.Millisecond), c.Redis.Timeout)
	}
	if i.Ahead != nil && i.Ahead.Abs() > tolerance {
		direction := map[bool]string{true: "ahead of", false: "behind"}[*i.Ahead > 0]
		d.fail("clock", "let both machines take their time from the same servers (NTP)", "Redis is %v %s this machine; tokens expire and changes are proven by clocks that agree within %v",
			i.Ahead.Abs().Round(time.Second), direction, tolerance)
	}
}

// nearlyFull is the part of maxmemory above which somebody should know.
const nearlyFull = 0.9

// diagnoseMemory looks at how full Redis is, and at what it does then.
func diagnoseMemory(d *diagnosis, info redisstore.Info) {
	const noEviction = "CONFIG SET maxmemory-policy noeviction, and the same in its configuration file"
	limit := "no limit"
	if info.MaxMemory > 0 {
		limit = bytesInWords(info.MaxMemory)
	}
	switch used := bytesInWords(info.Memory); {
	case info.MaxMemory > 0 && info.Memory >= info.MaxMemory:
		d.fail("memory", "raise maxmemory, or remove other data", "%s of %s in use: full; only what switches off can still be changed", used, limit)
	case info.MaxMemory > 0 && float64(info.Memory) >= nearlyFull*float64(info.MaxMemory):
		d.warn("memory", "raise maxmemory, or remove other data", "%s of %s in use: nearly full", used, limit)
	default:
		d.ok("memory", "%s in use, %s", used, limit)
	}
	switch {
	case info.Evicts():
		d.fail("eviction", noEviction, "%s: a full Redis removes any record, so that servers deny every check", info.Policy)
	case strings.HasPrefix(info.Policy, "allkeys-"):
		d.warn("eviction", noEviction, "%s: as soon as there is a maxmemory, a full Redis removes any record", info.Policy)
	case strings.HasPrefix(info.Policy, "volatile-"):
		d.ok("eviction", "%s: a full Redis removes keys that have an end; a registry has none", info.Policy)
	default:
		d.ok("eviction", "%s", info.Policy)
	}
}

// diagnosePersistence looks at what is left when Redis ends.
func diagnosePersistence(d *diagnosis, i redisstore.Inspection) {
	const where, appendOnly = "persistence", "CONFIG SET appendonly yes, and the same in its configuration file"
	info := *i.Info
	if info.AppendFails || info.SaveFails {
		what := map[bool]string{true: "the append-only file", false: "a snapshot"}[info.AppendFails]
		d.fail(where, "make room on its disk; its log says why", "Redis could not write %s: it takes no more changes (MISCONF), and loses at its end what it has", what)
		return
	}
	snapshots, told := info.Saves > 0, info.Saves > 0
	if i.Rights != nil && i.Rights.Snapshots != nil {
		snapshots, told = *i.Rights.Snapshots != "", true
	}
	switch {
	case info.AppendOnly:
		d.ok(where, "append-only file")
	case snapshots:
		d.warn(where, appendOnly, "snapshots only: a crash undoes what was done since the last, and a client that was switched off meanwhile is on again")
	case told:
		d.fail(where, appendOnly, "nothing is saved: when Redis ends, the registry is gone, and nobody can make its tokens again")
	default:
		d.warn(where, appendOnly, "no append-only file, and no snapshot since it was started %s ago: is anything saved?", span(info.Up))
	}
}

// diagnoseRights looks at what the user may do.
func diagnoseRights(d *diagnosis, c config.Config, i redisstore.Inspection) {
	const where = "rights"
	user := c.Redis.Username
	if user == "" {
		user = "default"
	}
	switch {
	case i.Rights != nil && len(i.Rights.Refused) > 0:
		d.fail(where, "credence redis acl admin prints the rights that are needed", "user %s may run scripts, but not %s: a change could end half-way", user, strings.Join(i.Rights.Refused, ", "))
	case i.Rights != nil:
		d.ok(where, "user %s may change the registry", user)
	case redisstore.IsForbidden(i.Refused["EVAL"]):
		d.ok(where, "user %s may not change the registry", user)
	}
}

// missed says what is not looked at where Redis does not answer a command.
var missed = map[string]string{
	"HELLO": "version and role were not looked at",
	"TIME":  "its clock was not looked at",
	"INFO":  "memory, eviction and persistence were not looked at",
	"EVAL":  "the rights of the user were not looked at",
}

// diagnoseRefusal tells what could not be looked at, and why.
func diagnoseRefusal(d *diagnosis, command string, err error) {
	switch {
	case command == "EVAL" && redisstore.IsForbidden(err): // told with the rights
	case redisstore.IsForbidden(err):
		d.warn(command, "credence redis acl report prints the rights that are needed", "this user may not ask: %s", missed[command])
	default:
		d.warn(command, "ask whoever runs this Redis", "this server does not tell: %s (%s)", missed[command], plain(err))
	}
}
