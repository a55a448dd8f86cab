package extauthz

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"credence/internal/authz"
	"credence/internal/cache"
	"credence/internal/cache/cachetest"
	"credence/internal/credential"
	"credence/internal/registry"
)

// The tokens of acme, as the recorded checks carry them.
const (
	ownToken     = "crd_0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef28YxLN"
	foreignToken = "a-token-of-another-system"
)

func clock() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// acme is a registry of one client with two tokens, allowed from loopback and
// from documentation networks.
func acme(t testing.TB) *registry.Memory {
	t.Helper()
	store := registry.NewMemory(clock)
	store.Put(registry.RootRef, registry.Fields{"id": "test", "schema": "1", "digests": "s1"})
	store.Put(registry.ClientRef("acme"), registry.Fields{
		"id": "acme", "name": "Acme, 100% Fun\n", "state": "active", "created_at": "2026-01-01T00:00:00Z",
		"allow": "127.0.0.0/8 ::1 203.0.113.0/24 2001:db8::/32", "labels": "tier=gold secret=s3cret", "limit": "1000/hour",
	})
	store.Put(registry.ProfileRef("standard"), registry.Fields{
		"id": "standard", "state": "active", "accepts": "token", "scopes": "orders:read orders:write", "created_at": "2026-01-01T00:00:00Z",
	})
	for id, text := range map[string]string{"0123456789": ownToken, "foreign000": foreignToken} {
		digest, err := credential.Peppers{}.Digest(credential.PlainDigest, credential.NewSecret(text))
		if err != nil {
			t.Fatal(err)
		}
		store.Put(registry.TokenRef(digest), registry.Fields{
			"digest": string(digest), "id": id, "client": "acme", "profile": "standard",
			"state": "active", "created_at": "2026-01-01T00:00:00Z",
		})
	}
	return store
}

// newChecker makes the real Checker over the registry of acme. Besides the
// places that are there by default it looks into the query, at api_key.
func newChecker(t testing.TB, routes authz.RoutePolicy) *authz.Checker {
	t.Helper()
	lookups := cachetest.Open(t, acme(t), cache.Options{})
	return authz.NewChecker(authz.Policy{Places: newPlaces(), Peer: authz.PeerPolicy{Header: "x-forwarded-for"}, Routes: routes}, authz.Sources{Directory: lookups})
}

func newPlaces() credential.Places {
	return credential.NewPlaces([]credential.Place{
		{Header: "authorization", Scheme: "Bearer"}, {Header: "api-token"}, {Header: "x-api-key"}, {Query: "api_key"},
	})
}

var standardIdentity = Identity{Prefix: "x-client-", Labels: []string{"tier", "cost-center"}}

func newServer(t testing.TB, routes authz.RoutePolicy) *Server {
	t.Helper()
	return New(Options{Checker: newChecker(t, routes), Identity: standardIdentity, Realm: "credence", Clock: clock})
}

// checkerFunc is a Checker made of a function.
type checkerFunc func(ctx context.Context, request authz.Request) authz.Decision

func (f checkerFunc) Check(ctx context.Context, _ time.Time, request authz.Request) authz.Decision {
	return f(ctx, request)
}

// answering is a Checker that always gives one reason.
func answering(reason authz.Reason) Checker {
	return checkerFunc(func(context.Context, authz.Request) authz.Decision { return authz.Decision{Reason: reason} })
}

// raw makes a check as Envoy does with encode_raw_headers: names and values by
// turns.
func raw(lines ...string) *authv3.CheckRequest {
	http := &authv3.AttributeContext_HttpRequest{Method: "GET", Path: "/v1/orders", Scheme: "http", HeaderMap: &corev3.HeaderMap{}}
	for i := 0; i < len(lines); i += 2 {
		http.HeaderMap.Headers = append(http.HeaderMap.Headers, &corev3.HeaderValue{Key: lines[i], RawValue: []byte(lines[i+1])})
	}
	return checkOf(http)
}

// joined makes a check as Envoy does by default.
func joined(headers map[string]string) *authv3.CheckRequest {
	return checkOf(&authv3.AttributeContext_HttpRequest{Method: "GET", Path: "/v1/orders", Scheme: "http", Headers: headers})
}

func checkOf(http *authv3.AttributeContext_HttpRequest) *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
			SocketAddress: &corev3.SocketAddress{Address: "127.0.0.1"},
		}}},
		Request: &authv3.AttributeContext_Request{Http: http},
	}}
}

// pipes is a listener in memory, so that whole conversations fit into a
// synctest bubble.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
	close       func()
}

func newPipes() *pipes {
	p := &pipes{connections: make(chan net.Conn), closed: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.closed) })
	return p
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case connection := <-p.connections:
		return connection, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.close(); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

func (p *pipes) dial(ctx context.Context, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.connections <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// connect gives a client's connection of its own.
func (p *pipes) connect(t *testing.T) *grpc.ClientConn {
	t.Helper()
	connection, err := grpc.NewClient("passthrough:pipes", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(p.dial), grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(2*largestMessage)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// A running server, of which a test may wait for the end.
type running struct {
	*pipes
	server *Server
	end    context.CancelFunc
	ended  chan error
}

func run(t *testing.T, options Options) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{pipes: newPipes(), server: New(options), end: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- r.server.Serve(ctx, r.pipes) }()
	t.Cleanup(func() {
		cancel()
		r.server.Kill()
	})
	return r
}

// check asks once, within the time.
func (r *running) check(t *testing.T, connection *grpc.ClientConn, check *authv3.CheckRequest, within time.Duration) (*authv3.CheckResponse, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return authv3.NewAuthorizationClient(connection).Check(ctx, check)
}
