package extauthz

import (
	"cmp"
	"context"
	"slices"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"credence/internal/answer"
	"credence/internal/authz"
)

// A Checker decides. It must always decide, whatever becomes of ctx, which
// bounds lookups. authz.Checker is one.
type Checker interface {
	Check(ctx context.Context, now time.Time, request authz.Request) authz.Decision
}

// Options say how a Server answers. Only the Checker must be given.
type Options struct {
	Checker  Checker
	Identity Identity // what the upstream is told of a client
	Realm    string   // of challenges: printable ASCII without quote and backslash
	// Clock is the time that requests are judged by. Nil: time.Now.
	Clock func() time.Time
	// Observe, where set, is told of every answered check, before the answer
	// leaves, and how long it took. The request's texts are Envoy's message's:
	// clone what outlives the call.
	Observe func(request authz.Request, decision authz.Decision, took time.Duration)
	// Drain is how long checks are still answered once Serve was told to end.
	Drain time.Duration
	// Budget is how long the lookups of one check may take. Zero is 120 ms:
	// Envoy waits for 200 ms unless told otherwise.
	Budget time.Duration
	// TLS, where set, is spoken with everybody. Nil: none.
	TLS *TLS
}

// largestMessage is the largest check that is read, in bytes. A larger one is
// an RPC error.
const largestMessage = 16 << 20

// pingsApart is how close together HTTP/2 pings may come. Envoy's may be 5 s
// apart, less a jitter; grpc-go's own bound of 5 min would end its connections.
const pingsApart = time.Second

// workers are the goroutines that checks run on. gRPC would begin one for each
// check, and its stack would grow each time. What comes while all are busy runs
// as it would without them.
const workers = 64

// A Server answers Envoy's checks, and the health checks beside them.
type Server struct {
	grpc    *grpc.Server
	health  *health.Server
	checker Checker
	encoder encoder
	clock   func() time.Time
	observe func(authz.Request, authz.Decision, time.Duration)
	drain   time.Duration
	budget  time.Duration
	ready   []byte // a denial, internal_error
}

// New makes a Server. It is not ready until SetReady says so.
func New(options Options) *Server {
	s := &Server{
		health:  health.NewServer(),
		checker: options.Checker,
		encoder: encoder{identity: newIdentity(options.Identity), answers: answer.New(options.Realm, nil)},
		clock:   options.Clock,
		observe: options.Observe,
		drain:   options.Drain,
		budget:  cmp.Or(options.Budget, longestCheck),
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.observe == nil {
		s.observe = func(authz.Request, authz.Decision, time.Duration) {}
	}
	wire := []grpc.ServerOption{
		grpc.UnaryInterceptor(s.intercept),
		grpc.NumStreamWorkers(workers),
		grpc.ForceServerCodecV2(newCodec()),
		grpc.MaxRecvMsgSize(largestMessage),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingsApart, PermitWithoutStream: true}),
	}
	if options.TLS != nil {
		wire = append(wire, options.TLS.serverOptions()...)
	}
	s.grpc = grpc.NewServer(wire...)
	s.grpc.RegisterService(&description, service{check: s.answer})
	healthpb.RegisterHealthServer(s.grpc, s.health)
	s.ready = slices.Clone(*s.encoder.deny(new(question), authz.Decision{Reason: authz.InternalError}).text)
	s.SetReady(false)
	return s
}

// SetReady says what health checks are told. While the server drains they
// fail, whatever is said here. Checks are answered all the same.
func (s *Server) SetReady(ready bool) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if ready {
		status = healthpb.HealthCheckResponse_SERVING
	}
	for _, name := range [...]string{"", authv3.Authorization_ServiceDesc.ServiceName} {
		s.health.SetServingStatus(name, status)
	}
}

// answer decides a check and says so. It never gives an error: what cannot be
// decided is denied, by a response.
func (s *Server) answer(ctx context.Context, asked any) (any, error) {
	now, q := s.clock(), asked.(*question)
	q.lookups.begin(ctx, s.budget)
	defer q.lookups.end()
	decision := whole(s.checker.Check(&q.lookups, now, q.request))
	response := s.encoder.respond(q, decision)
	s.observe(q.request, decision, s.clock().Sub(now))
	return response, nil
}
