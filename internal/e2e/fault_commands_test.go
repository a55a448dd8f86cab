package e2e

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"credence/internal/cli"
)

// command runs credence as an operator does.
func (s *stack) command(args ...string) (status int, stdout, stderr string) {
	s.t.Helper()
	env := map[string]string{"CREDENCE_REDIS_URL": s.redis.URL(), "CREDENCE_BY": "alice"}
	var out, said bytes.Buffer
	status = cli.Main(args, strings.NewReader(""), &out, &said, func(name string) string { return env[name] })
	return status, out.String(), said.String()
}

// TestSwitchOffWhateverRedisTakes switches a client off while Redis takes no
// writes: where it has no room left that succeeds, and every server has applied
// it when the command says so; where it may not write at all it fails, says so,
// and the client is served as before.
func TestSwitchOffWhateverRedisTakes(t *testing.T) {
	s := start(t, setting{patient: true})
	acme := "x-api-key: " + s.good().secret
	s.client("victim")
	victim := "x-api-key: " + s.token("victim").secret
	s.get("/", acme).wantStatus(t, http.StatusOK, "")
	s.get("/", victim).wantStatus(t, http.StatusOK, "")
	disable := []string{"client", "disable", "victim", "--reason", "leaked"}
	set := func(name, value string) func() {
		return func() { s.redis.CLI("CONFIG", "SET", name, value) }
	}
	for _, c := range []struct {
		name         string
		strike, mend func()
		command      []string
		status       int
		says         string
		after        int // the status of the victim's next request
		code         string
	}{
		{"a replica", func() { s.redis.CLI("REPLICAOF", "127.0.0.1", "1") }, func() { s.redis.CLI("REPLICAOF", "NO", "ONE") },
			disable, 1, "is a read-only replica", http.StatusOK, ""},
		{"too few replicas", set("min-replicas-to-write", "1"), set("min-replicas-to-write", "0"),
			disable, 1, "has too few replicas", http.StatusOK, ""},
		{"full, and something new", set("maxmemory", "1"), set("maxmemory", "0"),
			[]string{"client", "create", "another"}, 1, "is full", http.StatusOK, ""},
		{"full", set("maxmemory", "1"), set("maxmemory", "0"),
			disable, 0, "", http.StatusForbidden, "client_disabled"},
		{"full, and back again", set("maxmemory", "1"), set("maxmemory", "0"),
			[]string{"client", "enable", "victim"}, 1, "is full", http.StatusForbidden, "client_disabled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.strike()
			defer c.mend()
			s.get("/", acme).wantStatus(t, http.StatusOK, "")
			status, _, said := s.command(c.command...)
			if status != c.status || !strings.Contains(said, c.says) {
				t.Errorf("credence %s: exit status %d, want %d; it says %q, want %q", strings.Join(c.command, " "), status, c.status, said, c.says)
			}
			s.get("/", victim).wantStatus(t, c.after, c.code)
			s.get("/", acme).wantStatus(t, http.StatusOK, "")
		})
	}
	if got := s.redis.CLI("HGET", "{credence}:client:victim", "state_reason"); got != "leaked" {
		t.Errorf("reason %q, want leaked", got)
	}
	s.wantNoErrors()
}
