package extauthz

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"credence/internal/authz"
	"credence/internal/cache"
	"credence/internal/cache/cachetest"
	"credence/internal/credential"
	"credence/internal/registry"
)

// TestOneCheckOverTheWire is the way of a request, from Envoy's message to its
// answer, with the real Checker.
func TestOneCheckOverTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var observed []authz.Reason
		server := run(t, Options{
			Checker: newChecker(t, authz.RoutePolicy{}), Identity: standardIdentity, Realm: "credence", Clock: clock,
			Observe: func(request authz.Request, decision authz.Decision, _ time.Duration) {
				observed = append(observed, decision.Reason)
				if request.Method != "GET" {
					t.Errorf("observed the method %q, want GET", request.Method)
				}
			},
		})
		connection := server.connect(t)
		response, err := server.check(t, connection, raw("authorization", "Bearer "+ownToken), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		got := read(t, server.server.encoder.identity, response)
		if got.Set["x-client-id"] != "acme" || got.Set["x-client-name"] != "Acme, 100%25 Fun%0A" || !slices.Contains(got.Removed, "authorization") {
			t.Errorf("a registered token is answered %+v, want acme's identity and the credential removed", got)
		}
		response, err = server.check(t, connection, raw(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, server.server.encoder.identity, response); got.Status != 401 || got.Set["www-authenticate"] != `Bearer realm="credence"` {
			t.Errorf("no token is answered %+v, want a 401 with the realm", got)
		}
		if want := []authz.Reason{authz.Allowed, authz.CredentialMissing}; !slices.Equal(observed, want) {
			t.Errorf("observed %v, want %v", observed, want)
		}
	})
}

// TestBudget holds lookups to the smaller of the caller's time less the way
// back and 120 ms.
func TestBudget(t *testing.T) {
	tests := []struct {
		name   string
		within time.Duration // 0: no deadline
		want   time.Duration
	}{
		{"Envoy's default of 200 ms", 200 * time.Millisecond, 120 * time.Millisecond},
		{"a caller with time", time.Minute, 120 * time.Millisecond},
		{"no deadline", 0, 120 * time.Millisecond},
		{"a caller in a hurry", 100 * time.Millisecond, 70 * time.Millisecond},
		{"no time but for the way back", 30 * time.Millisecond, 0},
		{"not even that", 10 * time.Millisecond, -20 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var left time.Duration
				server := run(t, Options{Checker: checkerFunc(func(ctx context.Context, _ authz.Request) authz.Decision {
					deadline, _ := ctx.Deadline()
					left = time.Until(deadline)
					return authz.Decision{Reason: authz.TokenUnknown}
				})})
				ctx := context.Background()
				if tt.within > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.within)
					defer cancel()
				}
				response, err := authv3.NewAuthorizationClient(server.connect(t)).Check(ctx, raw())
				if err != nil || response.GetDeniedResponse().GetStatus().GetCode() != 401 {
					t.Errorf("answered %v, %v, want the decision", response, err)
				}
				if left != tt.want {
					t.Errorf("lookups may take %v, want %v", left, tt.want)
				}
			})
		})
	}
}

// hanging is a registry that never answers.
type hanging struct{}

func (hanging) ReadThrough(ctx context.Context, _ ...registry.Ref) ([]registry.Entry, string, error) {
	<-ctx.Done()
	return nil, "", ctx.Err()
}

// TestSpentBudgetIsADecision holds that the caller gets a 503 decision in time
// when the registry hangs, and no RPC error.
func TestSpentBudgetIsADecision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := registry.Entry{Record: &registry.Root{ID: "hangs", Digests: []credential.DigestKind{credential.PlainDigest}}}
		lookups := cachetest.OpenWith(t, hanging{}, cache.Options{Timeout: time.Minute}, root)
		defer time.Sleep(2 * time.Minute) // of the bubble's time: until the last read has ended
		policy := authz.Policy{Places: newPlaces()}
		var took time.Duration
		server := run(t, Options{Checker: authz.NewChecker(policy, authz.Sources{Directory: lookups}), Identity: standardIdentity, Observe: func(_ authz.Request, _ authz.Decision, d time.Duration) { took = d }})
		for _, within := range []time.Duration{200 * time.Millisecond, 60 * time.Millisecond, 25 * time.Millisecond} {
			response, err := server.check(t, server.connect(t), raw("x-api-key", foreignToken), within)
			if err != nil {
				t.Fatalf("within %v: %v, want a decision", within, err)
			}
			got := read(t, server.server.encoder.identity, response)
			if got.Status != 503 || got.Metadata["reason"] != "registry_unavailable" {
				t.Errorf("within %v: answered %+v, want 503 for registry_unavailable", within, got)
			}
			if want := min(120*time.Millisecond, max(0, within-30*time.Millisecond)); took != want {
				t.Errorf("within %v: took %v, want %v", within, took, want)
			}
		}
	})
}

// TestCallerThatGoesAway holds that a caller who does not wait is no failure of
// the registry.
func TestCallerThatGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := make(chan struct{})
		gone := make(chan error, 1)
		server := run(t, Options{Checker: checkerFunc(func(ctx context.Context, _ authz.Request) authz.Decision {
			close(asked)
			synctest.Wait() // until the server knows
			gone <- ctx.Err()
			return authz.Decision{}
		})})
		connection := server.connect(t)
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			<-asked
			cancel()
		}()
		_, err := authv3.NewAuthorizationClient(connection).Check(ctx, raw())
		if status.Code(err) != codes.Canceled {
			t.Errorf("the caller got %v, want that it went away", err)
		}
		if err := <-gone; err != nil {
			t.Errorf("lookups are ended by %v, want that they go on", err)
		}
	})
}

// TestFaultsAreDecisions holds faults of our own to a denial.
func TestFaultsAreDecisions(t *testing.T) {
	tests := []struct {
		name    string
		checker Checker
		observe func(authz.Request, authz.Decision, time.Duration)
	}{
		{"a panic in a rule", checkerFunc(func(context.Context, authz.Request) authz.Decision { panic("a rule") }), nil},
		{"no checker", nil, nil},
		{"no decision", answering(authz.Undecided), nil},
		{"allowed without facts", answering(authz.Allowed), nil},
		{"a panic of who observes", answering(authz.AllowedAnonymous), func(authz.Request, authz.Decision, time.Duration) { panic("observing") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := run(t, Options{Checker: tt.checker, Observe: tt.observe})
				response, err := server.check(t, server.connect(t), raw(), time.Second)
				if err != nil {
					t.Fatalf("answered the error %v, want a decision", err)
				}
				if got := read(t, server.server.encoder.identity, response); got.Status != 503 || got.Metadata["reason"] != "internal_error" {
					t.Errorf("answered %+v, want 503 for internal_error", got)
				}
			})
		})
	}
}

// bytesCodec sends bytes as they are.
type bytesCodec struct{}

func (bytesCodec) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (bytesCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = data
	return nil
}
func (bytesCodec) Name() string { return "proto" }

// TestMessages holds what is read and what is an RPC error: it is a decision
// up to 16 MiB, and an error beyond, and where it is no CheckRequest.
func TestMessages(t *testing.T) {
	sized := func(size int) []byte {
		check := raw()
		check.Attributes.Request.Http.Body = "x"
		frame := proto.Size(check)
		for overhead := 0; ; overhead++ { // the lengths before the body grow with it
			check.Attributes.Request.Http.Body = strings.Repeat("x", size-frame-overhead)
			if data, err := proto.Marshal(check); err != nil || len(data) <= size {
				if len(data) != size {
					t.Fatalf("a message of %d bytes, %v, want %d", len(data), err, size)
				}
				return data
			}
		}
	}
	tests := []struct {
		name    string
		message []byte
		want    codes.Code
	}{
		{"an empty message", nil, codes.OK},
		{"16 MiB", sized(largestMessage), codes.OK},
		{"a byte more", sized(largestMessage + 1), codes.ResourceExhausted},
		{"no protocol buffer", []byte("\xff\xff\xff"), codes.Internal},
		{"a text that is no UTF-8", []byte("\x0a\x05\x52\x03\x0a\x01\xff"), codes.Internal}, // attributes.context_extensions
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := run(t, Options{Checker: answering(authz.TokenUnknown)})
				var answered []byte
				err := server.connect(t).Invoke(context.Background(), authv3.Authorization_Check_FullMethodName, tt.message, &answered, grpc.ForceCodec(bytesCodec{}))
				if status.Code(err) != tt.want {
					t.Fatalf("answered %v, want %s", err, tt.want)
				}
				if err == nil {
					response := &authv3.CheckResponse{}
					if err := proto.Unmarshal(answered, response); err != nil {
						t.Fatal(err)
					}
					read(t, server.server.encoder.identity, response)
				}
			})
		})
	}
}

// TestPings holds that Envoy may ping an idle connection each 5 s. Pings in a
// flood end it, which shows that the test could fail.
func TestPings(t *testing.T) {
	tests := []struct {
		name  string
		apart time.Duration
		want  error
	}{
		{"5 s apart", 5 * time.Second, nil},
		{"5 s apart with a jitter", 4500 * time.Millisecond, nil},
		{"a flood", time.Millisecond, errGoAway},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := run(t, Options{Checker: answering(authz.TokenUnknown)})
				if err := ping(t, server, 20, tt.apart); !errors.Is(err, tt.want) {
					t.Errorf("20 pings %v apart end in %v, want %v", tt.apart, err, tt.want)
				}
			})
		})
	}
}

var errGoAway = errors.New("the server ends the connection")

// ping opens a connection without a stream and pings it. An error says why it
// ended.
func ping(t *testing.T, server *running, pings int, apart time.Duration) error {
	t.Helper()
	connection, err := server.dial(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(connection, connection)
	ended := make(chan error, 1)
	go func() { ended <- drainFrames(framer) }()
	if _, err := io.WriteString(connection, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	for range pings {
		time.Sleep(apart) // of the bubble's time
		if framer.WritePing(false, [8]byte{1}) != nil {
			break
		}
		synctest.Wait()
	}
	_ = connection.Close()
	return <-ended
}

// drainFrames reads until the connection ends; errGoAway says that the server
// wants it so.
func drainFrames(framer *http2.Framer) error {
	var ended error
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return ended
		}
		if goAway, is := frame.(*http2.GoAwayFrame); is && goAway.ErrCode == http2.ErrCodeEnhanceYourCalm {
			ended = errGoAway
		}
	}
}

func TestHealthNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := run(t, Options{Checker: answering(authz.TokenUnknown)})
		client := healthpb.NewHealthClient(server.connect(t))
		asked := []string{"", "envoy.service.auth.v3.Authorization", "another"}
		const unready, ready, unknown = healthpb.HealthCheckResponse_NOT_SERVING, healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_UNKNOWN
		steps := []struct {
			name string
			do   func()
			want []healthpb.HealthCheckResponse_ServingStatus
		}{
			{"at first", func() {}, []healthpb.HealthCheckResponse_ServingStatus{unready, unready, unknown}},
			{"ready", func() { server.server.SetReady(true) }, []healthpb.HealthCheckResponse_ServingStatus{ready, ready, unknown}},
			{"not any more", func() { server.server.SetReady(false) }, []healthpb.HealthCheckResponse_ServingStatus{unready, unready, unknown}},
		}
		for _, step := range steps {
			step.do()
			for i, service := range asked {
				response, err := client.Check(context.Background(), &healthpb.HealthCheckRequest{Service: service})
				if response.GetStatus() != step.want[i] || step.want[i] == unknown && status.Code(err) != codes.NotFound {
					t.Errorf("%s: health of %q is %v, %v, want %v", step.name, service, response, err, step.want[i])
				}
			}
		}
	})
}

// TestNothingElseIsServed holds that the port offers checks and health only.
func TestNothingElseIsServed(t *testing.T) {
	server := New(Options{})
	var got []string
	for name := range server.grpc.GetServiceInfo() {
		got = append(got, name)
	}
	slices.Sort(got)
	if want := []string{"envoy.service.auth.v3.Authorization", "grpc.health.v1.Health"}; !slices.Equal(got, want) {
		t.Errorf("services %q, want %q", got, want)
	}
}
