package parts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	ratelimitcommonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
)

// Asked is what Envoy asked a rate limit service about one request: a descriptor.
type Asked struct {
	Domain  string
	Entries string // key=value, with spaces between
	Limit   string // 1000/HOUR; empty where Envoy names none
}

// RateLimitServer is a rate limit service. It counts what it is asked about, and never forgets; the only limits that it
// knows are those that Envoy names.
type RateLimitServer struct {
	ratelimitv3.UnimplementedRateLimitServiceServer
	listener net.Listener
	server   *grpc.Server
	ended    chan error

	mu    sync.Mutex
	asked []Asked
	count map[Asked]uint32 // of equal questions
}

// RateLimit starts a rate limit service on a free loopback port.
func RateLimit(t testing.TB) *RateLimitServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("parts: rate limit service: %v", err)
	}
	s := &RateLimitServer{listener: listener, server: grpc.NewServer(), ended: make(chan error, 1), count: make(map[Asked]uint32)}
	ratelimitv3.RegisterRateLimitServiceServer(s.server, s)
	go func() { s.ended <- s.server.Serve(listener) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-s.ended; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("parts: rate limit service: %v", err)
		}
	})
	return s
}

// Addr returns the service's "host:port".
func (s *RateLimitServer) Addr() string { return s.listener.Addr().String() }

// Asked returns what was asked so far, in order.
func (s *RateLimitServer) Asked() []Asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Asked(nil), s.asked...)
}

// Stop ends the service before the test is over.
func (s *RateLimitServer) Stop() { s.server.Stop() }

// ShouldRateLimit answers Envoy: over the limit, if one descriptor is.
func (s *RateLimitServer) ShouldRateLimit(_ context.Context, request *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := &ratelimitv3.RateLimitResponse{OverallCode: ratelimitv3.RateLimitResponse_OK}
	for _, descriptor := range request.GetDescriptors() {
		status := s.take(askedAbout(request.GetDomain(), descriptor), descriptor.GetLimit())
		answer.Statuses = append(answer.Statuses, status)
		if status.GetCode() == ratelimitv3.RateLimitResponse_OVER_LIMIT {
			answer.OverallCode = ratelimitv3.RateLimitResponse_OVER_LIMIT
		}
	}
	return answer, nil
}

// take counts a request under a limit, or under none.
func (s *RateLimitServer) take(about Asked, limit *ratelimitcommonv3.RateLimitDescriptor_RateLimitOverride) *ratelimitv3.RateLimitResponse_DescriptorStatus {
	s.asked = append(s.asked, about)
	s.count[about]++
	if limit == nil {
		return &ratelimitv3.RateLimitResponse_DescriptorStatus{Code: ratelimitv3.RateLimitResponse_OK}
	}
	status := &ratelimitv3.RateLimitResponse_DescriptorStatus{
		Code: ratelimitv3.RateLimitResponse_OK,
		CurrentLimit: &ratelimitv3.RateLimitResponse_RateLimit{
			RequestsPerUnit: limit.GetRequestsPerUnit(),
			Unit:            ratelimitv3.RateLimitResponse_RateLimit_Unit(ratelimitv3.RateLimitResponse_RateLimit_Unit_value[limit.GetUnit().String()]),
		},
	}
	if taken := s.count[about]; taken > limit.GetRequestsPerUnit() {
		status.Code = ratelimitv3.RateLimitResponse_OVER_LIMIT
	} else {
		status.LimitRemaining = limit.GetRequestsPerUnit() - taken
	}
	return status
}

func askedAbout(domain string, descriptor *ratelimitcommonv3.RateLimitDescriptor) Asked {
	var entries []string
	for _, entry := range descriptor.GetEntries() {
		entries = append(entries, entry.GetKey()+"="+entry.GetValue())
	}
	about := Asked{Domain: domain, Entries: strings.Join(entries, " ")}
	if limit := descriptor.GetLimit(); limit != nil {
		about.Limit = fmt.Sprintf("%d/%s", limit.GetRequestsPerUnit(), limit.GetUnit())
	}
	return about
}
