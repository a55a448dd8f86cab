package parts

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/proto"
)

// CheckServer stands where credence does: it keeps what Envoy asks, and answers what a test says.
type CheckServer struct {
	authv3.UnimplementedAuthorizationServer

	address string
	answer  func(*authv3.CheckRequest) *authv3.CheckResponse

	mu   sync.Mutex
	asks []*authv3.CheckRequest
}

// Checks starts an ext_authz server on an address, "host:port" (port 0 for a free one) or "unix:/path", that answers
// every check with what answer returns; a nil answer allows all. Use it to see what Envoy sends and how it takes an
// answer, and credence's own server for all else.
func Checks(t testing.TB, address string, answer func(*authv3.CheckRequest) *authv3.CheckResponse) *CheckServer {
	t.Helper()
	if answer == nil {
		// The zero response has no status, which Envoy reads as OK.
		answer = func(*authv3.CheckRequest) *authv3.CheckResponse { return &authv3.CheckResponse{} }
	}
	network, at := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, at = "unix", path
	}
	listener, err := net.Listen(network, at)
	if err != nil {
		t.Fatalf("parts: check server: %v", err)
	}
	c := &CheckServer{address: address, answer: answer}
	if network == "tcp" {
		c.address = listener.Addr().String()
	}
	server := grpc.NewServer(
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	)
	authv3.RegisterAuthorizationServer(server, c)
	status := health.NewServer()
	status.SetServingStatus(authv3.Authorization_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	healthv1.RegisterHealthServer(server, status)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Errorf("parts: check server: %v", err)
		}
	})
	return c
}

// Addr returns the server's address in the form that Checks and envoy.Addresses take.
func (c *CheckServer) Addr() string { return c.address }

// Asked returns the checks that Envoy has asked for so far, in order.
func (c *CheckServer) Asked() []*authv3.CheckRequest {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*authv3.CheckRequest(nil), c.asks...)
}

// Check is Envoy's question.
func (c *CheckServer) Check(_ context.Context, request *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	c.mu.Lock()
	c.asks = append(c.asks, proto.CloneOf(request))
	c.mu.Unlock()
	return c.answer(request), nil
}
