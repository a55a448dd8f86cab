package extauthz

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"credence/internal/authz"
)

const drain = 10 * time.Second

// healthy asks a server's health.
func healthy(t *testing.T, connection *grpc.ClientConn) bool {
	t.Helper()
	response, err := healthpb.NewHealthClient(connection).Check(context.Background(), &healthpb.HealthCheckRequest{Service: "envoy.service.auth.v3.Authorization"})
	if err != nil {
		t.Fatal(err)
	}
	return response.Status == healthpb.HealthCheckResponse_SERVING
}

// TestDrain is the sequence of an orderly end: health fails at once, checks
// are answered on, then the listener closes.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := run(t, Options{Checker: answering(authz.TokenUnknown), Drain: drain})
		server.server.SetReady(true)
		before := server.connect(t)
		if !healthy(t, before) {
			t.Fatal("the server is not ready")
		}
		begun := time.Now()
		server.end()
		synctest.Wait()

		server.server.SetReady(true) // comes too late
		for name, connection := range map[string]*grpc.ClientConn{"a connection from before": before, "a new connection": server.connect(t)} {
			if healthy(t, connection) {
				t.Errorf("%s: a draining server is healthy", name)
			}
			if _, err := server.check(t, connection, raw(), time.Second); err != nil {
				t.Errorf("%s: a draining server answers %v, want a decision", name, err)
			}
		}
		time.Sleep(drain - time.Millisecond) // of the bubble's time
		synctest.Wait()
		if _, err := server.check(t, before, raw(), time.Second); err != nil {
			t.Errorf("at the end of the drain the server answers %v, want a decision", err)
		}
		if err := <-server.ended; err != nil {
			t.Errorf("Serve ends with %v, want nil", err)
		}
		if took := time.Since(begun); took != drain {
			t.Errorf("Serve ended after %v, want %v", took, drain)
		}
		if _, err := server.dial(context.Background(), ""); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a new connection gets %v, want %v", err, net.ErrClosed)
		}
	})
}

// TestChecksInFlight holds that the end waits for checks, and how long.
func TestChecksInFlight(t *testing.T) {
	tests := []struct {
		name     string
		takes    time.Duration // the check, from the end of the drain on
		want     time.Duration // until Serve returns
		answered codes.Code
	}{
		{"one that is answered in time", 100 * time.Millisecond, drain + 100*time.Millisecond, codes.OK},
		{"one that hangs", time.Minute, drain + lastAnswers, codes.Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := run(t, Options{Drain: drain, Checker: checkerFunc(func(context.Context, authz.Request) authz.Decision {
					time.Sleep(time.Second + tt.takes) // of the bubble's time
					return authz.Decision{Reason: authz.TokenUnknown}
				})})
				connection := server.connect(t)
				begun := time.Now()
				server.end()
				time.Sleep(drain - time.Second)
				answered := make(chan error, 1)
				go func() {
					_, err := server.check(t, connection, raw(), time.Hour)
					answered <- err
				}()
				if err := <-server.ended; err != nil {
					t.Errorf("Serve ends with %v, want nil", err)
				}
				if took := time.Since(begun); took != tt.want {
					t.Errorf("Serve ended after %v, want %v", took, tt.want)
				}
				if err := <-answered; status.Code(err) != tt.answered {
					t.Errorf("the check in flight got %v, want %s", err, tt.answered)
				}
				time.Sleep(tt.takes) // so that the one that hangs ends with the bubble
			})
		})
	}
}

func TestKill(t *testing.T) {
	tests := []struct {
		name  string
		after func(*running)
		want  time.Duration
	}{
		{"while it serves", func(*running) {}, 0},
		{"in a drain", func(r *running) {
			r.end()
			time.Sleep(3 * time.Second) // of the bubble's time
		}, 3 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := run(t, Options{Checker: answering(authz.TokenUnknown), Drain: drain})
				if _, err := server.check(t, server.connect(t), raw(), time.Second); err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				tt.after(server)
				server.server.Kill()
				if err := <-server.ended; err != nil {
					t.Errorf("Serve ends with %v, want nil", err)
				}
				if took := time.Since(begun); took != tt.want {
					t.Errorf("Serve ended after %v, want %v", took, tt.want)
				}
			})
		})
	}
}

func TestKilledBeforeItServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := New(Options{})
		server.Kill()
		if err := server.Serve(context.Background(), newPipes()); err != nil {
			t.Errorf("Serve ends with %v, want nil", err)
		}
	})
}

// A broken listener accepts nothing.
type broken struct{ *pipes }

var errBroken = errors.New("out of descriptors")

func (broken) Accept() (net.Conn, error) { return nil, errBroken }

func TestListenerThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := New(Options{Drain: drain}).Serve(context.Background(), broken{newPipes()})
		if !errors.Is(err, errBroken) {
			t.Errorf("Serve ends with %v, want %v", err, errBroken)
		}
	})
}
