package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// processFaults are those of the server that Redis is.
func processFaults() []fault {
	config := func(name, value string) func(*siege) {
		return func(s *siege) { s.redisDoes("OK", "CONFIG", "SET", name, value) }
	}
	return []fault{
		{name: "killed, and back with its data", row: "It is down", strike: func(s *siege) {
			s.redis.Save()
			s.redis.Stop()
		}, mend: func(s *siege) {
			s.redis.Restart()
			s.redis.Unsave()
		}, known: served, unknown: denied, lasts: untilStale, outlasted: true},
		{name: "hung", row: "It hangs", strike: func(s *siege) { s.redis.Pause() }, mend: func(s *siege) { s.redis.Resume() },
			known: served, unknown: denied, lasts: untilStale},
		{name: "killed, and back without its data", row: "It was emptied", strike: func(s *siege) { s.redis.Restart() },
			mend: (*siege).fill, known: denied, unknown: denied, lasts: untilMended},
		{name: "emptied", row: "It was emptied", strike: func(s *siege) { s.redisDoes("OK", "FLUSHALL") },
			mend: (*siege).fill, known: denied, unknown: denied, lasts: untilMended},
		{name: "full", row: "It is full", strike: config("maxmemory", "1"), mend: config("maxmemory", "0"),
			known: served, unknown: served, lasts: whileItLasts},
		{name: "evicting", row: "It evicts", strike: func(s *siege) {
			s.redisDoes("OK", "CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
		}, mend: func(s *siege) {
			s.redisDoes("OK", "CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "noeviction")
		}, known: served, unknown: denied, lasts: untilStale},
		{name: "a replica that lost its primary", row: "It takes no writes", strike: func(s *siege) {
			s.redisDoes("OK", "REPLICAOF", "127.0.0.1", "1")
		}, mend: (*siege).promote, known: served, unknown: served, lasts: untilStale, outlasted: true},
		{name: "a replica that serves nothing old", row: "It is a replica that refuses reads", strike: func(s *siege) {
			s.redisDoes("OK", "CONFIG", "SET", "replica-serve-stale-data", "no")
			s.redisDoes("OK", "REPLICAOF", "127.0.0.1", "1")
		}, mend: (*siege).promote, known: served, unknown: denied, lasts: untilStale, outlasted: true},
		{name: "without the replicas that it wants", row: "It takes no writes",
			strike: config("min-replicas-to-write", "1"), mend: config("min-replicas-to-write", "0"),
			known: served, unknown: served, lasts: untilStale, outlasted: true},
		{name: "too many clients", row: "It has too many clients", strike: (*siege).takeSlots, mend: (*siege).giveSlots,
			known: served, unknown: denied, lasts: untilStale},
	}
}

// accessFaults are those of the server's user.
func accessFaults() []fault {
	acl := func(rules ...string) func(*siege) {
		return func(s *siege) { s.redisDoes("OK", append([]string{"ACL", "SETUSER", user}, rules...)...) }
	}
	all := []fault{
		{name: "another password", strike: func(s *siege) {
			s.password += "0"
			acl("resetpass", ">"+s.password)(s)
			s.dropConnections()
		}, mend: func(s *siege) {
			write(s.t, s.passwordFile, s.password)
		}, outlasted: true},
		{name: "no user", strike: func(s *siege) {
			s.redisDoes("1", "ACL", "DELUSER", user)
		}, mend: func(s *siege) {
			acl("on", ">"+s.password, "~*", "&*", "+@all")(s)
		}},
		{name: "no right to read", strike: acl("-hgetall"), mend: acl("+hgetall")},
		{name: "no right to the change stream", strike: acl("-xread"), mend: acl("+xread")},
		{name: "no right to its heartbeat", row: "It takes no writes", strike: acl("-evalsha"), mend: acl("+evalsha"), unknown: served},
	}
	for i := range all {
		f := &all[i]
		f.known, f.lasts = served, untilStale
		if f.unknown == "" {
			f.row, f.unknown = "The password", denied
		}
	}
	return all
}

// promote makes a replica a primary again.
func (s *siege) promote() {
	s.t.Helper()
	s.redisDoes("OK", "REPLICAOF", "NO", "ONE")
	s.redisDoes("OK", "CONFIG", "SET", "replica-serve-stale-data", "yes")
}

// takeSlots makes Redis have room for one connection, and takes it.
func (s *siege) takeSlots() {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.redis.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	s.slots = conn
	tell(s.t, conn, "CONFIG SET maxclients 1")
	tell(s.t, conn, "CLIENT KILL TYPE normal")
}

// giveSlots makes room for all again.
func (s *siege) giveSlots() {
	s.t.Helper()
	tell(s.t, s.slots, "CONFIG SET maxclients 10000")
	if err := s.slots.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// tell sends Redis a command, and fails if it is refused.
func tell(t *testing.T, redis net.Conn, command string) {
	t.Helper()
	if _, err := fmt.Fprintf(redis, "%s\r\n", command); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(redis).ReadString('\n')
	if err != nil || strings.HasPrefix(answer, "-") {
		t.Fatalf("%s: Redis answers %q, %v", command, answer, err)
	}
}

// TestPasswordWhereNoneWas has Redis ask for a password that the server does
// not have. Who is known is served. Nobody else is told that he is wrong, not
// even he who was told so a moment before.
func TestPasswordWhereNoneWas(t *testing.T) {
	s := start(t, setting{patient: true, config: "cache: {negative_ttl: 1m}"})
	good, bad := "x-api-key: "+s.good().secret, "x-api-key: "+stranger()
	s.get("/", good).wantStatus(t, http.StatusOK, "")
	s.get("/", bad).wantStatus(t, http.StatusUnauthorized, "credential_invalid")
	if got := s.redis.CLI("CONFIG", "SET", "requirepass", "sesame"); got != "OK" {
		t.Fatalf("requirepass: %s", got)
	}
	s.redis.CLI("-a", "sesame", "CLIENT", "KILL", "TYPE", "normal")
	await(t, "contact is lost", func() bool { return strings.Contains(s.log.String(), outOfContact) })
	for range 50 {
		s.get("/", good).wantStatus(t, http.StatusOK, "")
		s.get("/", bad).wantStatus(t, http.StatusServiceUnavailable, "unavailable")
		s.get("/", "x-api-key: "+stranger()).wantStatus(t, http.StatusServiceUnavailable, "unavailable")
		s.get("/").wantStatus(t, http.StatusUnauthorized, "credential_missing")
	}
	s.redis.CLI("-a", "sesame", "CONFIG", "SET", "requirepass", "")
	s.getUntil(http.StatusServiceUnavailable, http.StatusUnauthorized, bad)
	s.get("/", good).wantStatus(t, http.StatusOK, "")
	s.wantNoErrors()
}
