package e2e

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"credence/internal/authz/authztest"
	"credence/internal/credential"
	"credence/internal/e2e/parts"
)

// TestDocsTellTheCause strikes Redis as the rows of docs/operations.md say, and
// looks for the words that the page says the log has. What clients see is held
// by TestFaultsOfRedis and TestFaultsOfTheNetwork.
func TestDocsTellTheCause(t *testing.T) {
	s := start(t, setting{noEnvoy: true})
	root := func(s *stack) {
		s.set("registry", "id", "e2e", "schema", "1", "seq", "9", "digests", "s1", "created_at", ago(time.Hour))
	}
	var slot net.Conn
	for _, fault := range []struct {
		row          string // how it begins
		strike, mend func(*stack)
	}{
		{"It is down", func(s *stack) { s.redis.Stop() }, func(s *stack) { s.redis.Restart(); root(s) }},
		{"It hangs", func(s *stack) { s.redis.Pause() }, func(s *stack) { s.redis.Resume() }},
		{"It was emptied", func(s *stack) { s.redis.CLI("FLUSHALL") }, root},
		{"It has too many clients", func(s *stack) { slot = s.leaveOneSlot() }, func(s *stack) {
			tell(s.t, slot, "CONFIG SET maxclients 10000")
		}},
		{"The password", func(s *stack) {
			s.redis.CLI("CONFIG", "SET", "requirepass", "sesame")
			s.redis.CLI("-a", "sesame", "CLIENT", "KILL", "TYPE", "normal")
		}, func(s *stack) { s.redis.CLI("-a", "sesame", "CONFIG", "SET", "requirepass", "") }},
		{"It is another registry", func(s *stack) { s.set("registry", "id", "other") }, root},
		{"It went back", func(s *stack) { s.set("registry", "seq", "8") }, root},
		{"A pepper is missing", func(s *stack) { s.set("registry", "digests", "h1") }, root},
	} {
		t.Run(fault.row, func(t *testing.T) {
			causes := causesOf(t, fault.row)
			await(t, "all is well", func() bool { return s.ask(t) == 401 })
			before := len(s.log.String())
			fault.strike(s)
			parts.Await(t, 20*time.Second, "503 and one of the causes that docs/operations.md names", func() error {
				status := s.ask(t)
				said := s.log.String()[before:]
				if status != 503 || !slices.ContainsFunc(causes, func(words string) bool { return strings.Contains(said, words) }) {
					return fmt.Errorf("status %d, want one of %q in\n%s", status, causes, said)
				}
				return nil
			})
			fault.mend(s)
		})
	}
}

// causesOf gives the words of a row's third column.
func causesOf(t *testing.T, begins string) []string {
	t.Helper()
	for _, row := range pageNamed(t, "docs/operations.md").rows(t, "## When Redis fails") {
		if strings.HasPrefix(row[0], begins) {
			return quoted(row[2])
		}
	}
	t.Fatalf("docs/operations.md has no row that begins with %q", begins)
	return nil
}

// ask asks the server as Envoy does, about an unknown token, and gives the HTTP
// status of the denial.
func (s *stack) ask(t *testing.T) int {
	t.Helper()
	connection, err := grpc.NewClient("passthrough:///"+s.at.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	response, err := authv3.NewAuthorizationClient(connection).Check(ctx, checkOf(authztest.Sent{
		Source: "203.0.113.7", Method: "GET", Target: "/", Scheme: "https",
		HeaderMap: []credential.Header{{Name: "x-api-key", Value: stranger()}},
	}))
	if err != nil {
		t.Fatalf("an RPC error is no decision: %v", err)
	}
	return int(response.GetDeniedResponse().GetStatus().GetCode())
}

// leaveOneSlot makes Redis have room for one connection, and takes it.
func (s *stack) leaveOneSlot() net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.redis.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	tell(s.t, conn, "CONFIG SET maxclients 1")
	tell(s.t, conn, "CLIENT KILL TYPE normal")
	return conn
}
