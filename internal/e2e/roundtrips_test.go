package e2e

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"credence/internal/authz/authztest"
	"credence/internal/credential"
)

// TestTwoRoundTripsACheck counts what Redis is sent for checks of the whole
// server: two pipelines for a token that is not known yet, one for a token that
// is none, and nothing at all for what is known.
func TestTwoRoundTripsACheck(t *testing.T) {
	const checks = 200
	s := start(t, setting{noEnvoy: true, patient: true, config: "cache: {ttl: 1h, negative_ttl: 1m}"})
	s.partner()
	var tokens, strangers []string
	for i := range checks {
		client := fmt.Sprintf("client%d", i)
		s.client(client)
		tokens, strangers = append(tokens, s.token(client).secret), append(strangers, stranger())
	}
	// The profile is known from here on; the first of the clients is too.
	check := s.checks()
	if got := check(tokens[0]); got != 0 {
		t.Fatalf("status %d, want an allow", got)
	}
	tokens = tokens[1:]
	for _, c := range []struct {
		name       string
		tokens     []string
		status     int
		roundTrips int // by check
		reads      map[string]int
	}{
		{"cold", tokens, 0, 2, map[string]int{"token": 1, "client": 1, "xrevrange": 2}},
		{"known", tokens, 0, 0, nil},
		{"unknown", strangers, 401, 1, map[string]int{"token": 1, "xrevrange": 1}},
		{"known to be none", strangers, 401, 0, nil},
	} {
		begun, before := time.Now(), s.readsOfRedis()
		commands := s.commandsDuring(func() {
			for _, token := range c.tokens {
				if got := check(token); got != c.status {
					t.Fatalf("%s: status %d, want %d", c.name, got, c.status)
				}
			}
		})
		trips, took := s.readsOfRedis()-before, time.Since(begun)
		want := map[string]int{}
		for what, n := range c.reads {
			want[what] = n * len(c.tokens)
		}
		if got := lookups(t, commands); !maps.Equal(got, want) {
			t.Errorf("%s: %d checks made Redis look for %v, want %v", c.name, len(c.tokens), got, want)
		}
		// Beside the checks there are the rounds of the feed, heartbeats, pings,
		// connections that are made, and what the test asks itself.
		atLeast := c.roundTrips * len(c.tokens)
		if beside := 60 + 20*int(took.Seconds()); trips < atLeast || trips > atLeast+beside {
			t.Errorf("%s: %d round trips for %d checks, want %d a check, and %d beside at most", c.name, trips, len(c.tokens), c.roundTrips, beside)
		}
	}
}

// checks gives a function that has the server check a token, and gives the
// status of the denial, or 0.
func (s *stack) checks() func(token string) int {
	s.t.Helper()
	connection, err := grpc.NewClient("passthrough:///"+s.at.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = connection.Close() })
	client := authv3.NewAuthorizationClient(connection)
	return func(token string) int {
		s.t.Helper()
		response, err := client.Check(context.Background(), checkOf(authztest.Sent{
			Source: "127.0.0.1", Method: "GET", Target: "/", Scheme: "http",
			HeaderMap: credential.Headers{{Name: "x-api-key", Value: token}},
		}))
		if err != nil {
			s.t.Fatal(err)
		}
		return answerOf(s.t, response).Status
	}
}

// readsOfRedis gives how often Redis has read what clients sent.
func (s *stack) readsOfRedis() int {
	s.t.Helper()
	_, rest, found := strings.Cut(s.redis.CLI("INFO", "stats"), "total_reads_processed:")
	text, _, _ := strings.Cut(rest, "\r")
	n, err := strconv.Atoi(text)
	if !found || err != nil {
		s.t.Fatalf("INFO stats has no total_reads_processed: %v", err)
	}
	return n
}

// commandsDuring gives the commands that Redis is sent meanwhile, as MONITOR
// shows them: "hgetall" "{credence}:registry". What scripts call is not among
// them.
func (s *stack) commandsDuring(do func()) []string {
	s.t.Helper()
	connection, err := net.Dial("tcp", s.redis.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	shown := bufio.NewScanner(connection)
	if _, err := fmt.Fprint(connection, "MONITOR\r\n"); err != nil || !shown.Scan() {
		s.t.Fatalf("MONITOR: %v, %v", err, shown.Err())
	}
	do()
	var commands []string
	last := rand.Text()
	s.redis.CLI("ECHO", last)
	for shown.Scan() {
		by, command, _ := strings.Cut(shown.Text(), "] ")
		if strings.Contains(command, last) {
			return commands
		}
		if !strings.HasSuffix(by, " lua") { // what scripts do in turn
			commands = append(commands, command)
		}
	}
	s.t.Fatalf("MONITOR ended: %v", shown.Err())
	return nil
}

// lookups counts what commands look for, by kind of record, and the reads that
// end each pipeline of a lookup. Commands that a server sends besides, whether
// or not it is asked, are not counted; others fail the test.
func lookups(t *testing.T, commands []string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	besides := []string{
		"xread", "xrange", `hgetall" "{credence}:registry`, // a round of the feed; every lookup begins with the registry too
		"evalsha", "info", "ping", // heartbeat, eviction, tracking
		"hello", "client", // of a connection that is made
	}
	for _, command := range commands {
		command = strings.TrimPrefix(command, `"`)
		if name, _, _ := strings.Cut(command, `"`); name == "xrevrange" {
			counts[name]++
			continue
		}
		if _, key, found := strings.Cut(command, `hgetall" "{credence}:`); found && !strings.HasPrefix(key, "registry") {
			kind, _, _ := strings.Cut(key, ":")
			counts[kind]++
			continue
		}
		if !slices.ContainsFunc(besides, func(name string) bool { return strings.HasPrefix(strings.ToLower(command), name+`"`) }) {
			t.Errorf("Redis was sent %s", command)
		}
	}
	return counts
}
