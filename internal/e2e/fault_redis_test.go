package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestFaultsOfRedis lets one server, one after the other, live through all that
// can become of its Redis.
func TestFaultsOfRedis(t *testing.T) {
	s := besiege(t, false)
	var slots net.Conn // the one connection that Redis has room for
	for _, f := range []fault{
		{name: "killed, and back without its data", strike: func(s *siege) { s.redis.Stop() }, mend: func(s *siege) {
			s.redis.Restart()
			s.fill()
		}},
		{name: "killed, and empty after that", strike: func(s *siege) { s.redis.Restart() }, mend: (*siege).fill},
		{name: "hung", strike: func(s *siege) { s.redis.Pause() }, mend: func(s *siege) { s.redis.Resume() }},
		{name: "emptied", strike: func(s *siege) { s.redisDoes("OK", "FLUSHALL") }, mend: (*siege).fill},
		{name: "without the registry's own record", strike: func(s *siege) {
			s.redisDoes("1", "DEL", "{credence}:registry")
		}, mend: (*siege).fill},
		{name: "full", strike: func(s *siege) {
			s.redisDoes("OK", "CONFIG", "SET", "maxmemory", "1")
		}, mend: func(s *siege) {
			s.redisDoes("OK", "CONFIG", "SET", "maxmemory", "0")
		}, served: true},
		{name: "a replica that lost its primary", strike: func(s *siege) {
			s.redisDoes("OK", "REPLICAOF", "127.0.0.1", "1")
		}, mend: (*siege).promote, served: true},
		{name: "a replica that serves nothing old", strike: func(s *siege) {
			s.redisDoes("OK", "CONFIG", "SET", "replica-serve-stale-data", "no")
			s.redisDoes("OK", "REPLICAOF", "127.0.0.1", "1")
		}, mend: (*siege).promote},
		{name: "without the replicas that it wants", strike: func(s *siege) {
			s.redisDoes("OK", "CONFIG", "SET", "min-replicas-to-write", "1")
		}, mend: func(s *siege) {
			s.redisDoes("OK", "CONFIG", "SET", "min-replicas-to-write", "0")
		}, served: true},
		{name: "with too many clients", strike: func(s *siege) {
			slots = s.takeSlots()
		}, mend: func(s *siege) {
			tell(s.t, slots, "CONFIG SET maxclients 10000")
		}},
		{name: "with another password", strike: func(s *siege) {
			s.password += "0"
			s.redisDoes("OK", "ACL", "SETUSER", user, "resetpass", ">"+s.password)
			s.dropConnections()
		}, mend: func(s *siege) {
			write(s.t, s.passwordFile, s.password)
		}},
		{name: "without the server's user", strike: func(s *siege) {
			s.redisDoes("1", "ACL", "DELUSER", user)
		}, mend: func(s *siege) {
			s.redisDoes("OK", "ACL", "SETUSER", user, "on", ">"+s.password, "~*", "+@all")
		}},
		{name: "without the right to read", strike: func(s *siege) {
			s.redisDoes("OK", "ACL", "SETUSER", user, "-hgetall")
		}, mend: func(s *siege) {
			s.redisDoes("OK", "ACL", "SETUSER", user, "+hgetall")
		}},
		{name: "another registry", strike: func(s *siege) { s.set("registry", "id", "other") }, mend: (*siege).fill},
		{name: "a pepper that the server lacks", strike: func(s *siege) { s.set("registry", "digests", "h2 h1") }, mend: (*siege).fill},
		{name: "another pepper", strike: func(s *siege) { s.set("registry", "check_h1", "0123456789abcdef") }, mend: (*siege).fill},
		{name: "a schema to come", strike: func(s *siege) { s.set("registry", "schema", "2") }, mend: (*siege).fill},
		{name: "a registry of a wrong type", strike: func(s *siege) {
			s.redisDoes("OK", "SET", "{credence}:registry", "e2e")
		}, mend: func(s *siege) {
			s.redisDoes("1", "DEL", "{credence}:registry")
			s.fill()
		}},
		s.spoilt("token:"+s.digest(s.tokens["acme"]), "known"),
		s.spoilt("client:off", "switched off"),
		s.spoilt("profile:partner", "known"), // that the client is off is found first
	} {
		if !t.Run(f.name, func(t *testing.T) { s.endure(t, f) }) {
			return // what follows would fail for what this one left
		}
	}
}

// spoilt is a key that is of another type for a while. Records are put back by
// renaming: there is no moment without one, when it would be unknown.
func (s *siege) spoilt(key string, hits ...string) fault {
	kind, _, _ := strings.Cut(key, ":")
	key = "{credence}:" + key
	const kept = "{credence}:kept"
	return fault{name: "a " + kind + " of a wrong type", strike: func(s *siege) {
		s.redisDoes("1", "COPY", key, kept)
		s.redisDoes("OK", "SET", key, "text")
	}, mend: func(s *siege) {
		s.redisDoes("OK", "RENAME", kept, key)
	}, hits: hits}
}

// TestPasswordWhereNoneWas has Redis ask for a password that the server does
// not have.
func TestPasswordWhereNoneWas(t *testing.T) {
	s := start(t, setting{patient: true})
	good := "x-api-key: " + s.good().secret
	s.get("/", good).wantStatus(t, http.StatusOK, "")
	if got := s.redis.CLI("CONFIG", "SET", "requirepass", "sesame"); got != "OK" {
		t.Fatalf("requirepass: %s", got)
	}
	s.redis.CLI("-a", "sesame", "CLIENT", "KILL", "TYPE", "normal")
	for range 50 {
		s.get("/", good).wantStatus(t, http.StatusServiceUnavailable, "unavailable")
		s.get("/", "x-api-key: "+stranger()).wantStatus(t, http.StatusServiceUnavailable, "unavailable")
		s.get("/").wantStatus(t, http.StatusUnauthorized, "credential_missing")
	}
	s.redis.CLI("-a", "sesame", "CONFIG", "SET", "requirepass", "")
	await(t, "served again", func() bool { return s.get("/", good).status == http.StatusOK })
	s.get("/", "x-api-key: "+stranger()).wantStatus(t, http.StatusUnauthorized, "credential_invalid")
	s.wantNoErrors()
}

// promote makes a replica a primary again.
func (s *siege) promote() {
	s.t.Helper()
	s.redisDoes("OK", "REPLICAOF", "NO", "ONE")
	s.redisDoes("OK", "CONFIG", "SET", "replica-serve-stale-data", "yes")
}

// takeSlots makes Redis have room for one connection, and takes it.
func (s *siege) takeSlots() net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.redis.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	tell(s.t, conn, "CONFIG SET maxclients 1")
	tell(s.t, conn, "CLIENT KILL TYPE normal")
	return conn
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
