package e2e

import (
	"context"
	"strconv"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"credence/internal/authz/authztest"
	"credence/internal/credential"
)

// TestTwoRoundTripsACheck counts what Redis was sent for checks of the whole
// server: two pipelines for a known token, one for an unknown one.
func TestTwoRoundTripsACheck(t *testing.T) {
	const checks = 200
	s := start(t, setting{noEnvoy: true, patient: true})
	known := s.good().secret
	connection, err := grpc.NewClient("passthrough:///"+s.at.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	client := authv3.NewAuthorizationClient(connection)
	ask := func(token string) int {
		t.Helper()
		response, err := client.Check(context.Background(), checkOf(authztest.Sent{
			Source: "127.0.0.1", Method: "GET", Target: "/", Scheme: "http",
			HeaderMap: credential.Headers{{Name: "x-api-key", Value: token}},
		}))
		if err != nil {
			t.Fatal(err)
		}
		return answerOf(t, response).Status
	}
	// Beside the checks there are this command, the server's own look at the
	// registry at every second, and connections that are made.
	const beside = 40
	for _, c := range []struct {
		name, token        string
		status, roundTrips int
	}{{"known", known, 0, 2}, {"unknown", stranger(), 401, 1}} {
		before := s.readsOfRedis()
		for range checks {
			if got := ask(c.token); got != c.status {
				t.Fatalf("%s: status %d, want %d", c.name, got, c.status)
			}
		}
		reads := s.readsOfRedis() - before
		if reads < c.roundTrips*checks || reads > c.roundTrips*checks+beside {
			t.Errorf("%s: %d round trips for %d checks, want %d a check", c.name, reads, checks, c.roundTrips)
		}
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
