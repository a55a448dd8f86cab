package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"credence/internal/config"
	"credence/internal/extauthz"
)

const (
	// healthTimeout is how long a server may take to say how it is: well below
	// what an exec probe waits.
	healthTimeout = 900 * time.Millisecond
	// healthAgain is when a server with TLS is asked again that gave no answer:
	// it may not take our certificate, since it reads new files a moment later
	// than we do. What it was is no more than a text of gRPC's.
	healthAgain = 100 * time.Millisecond
)

// A healthAnswer is what a server says of itself.
type healthAnswer struct {
	serving bool
	note    string // how it was asked, where that is unusual
}

// askHealth asks a server whether it wants to be asked.
func askHealth(ctx context.Context, listen config.Listen) (healthAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	if listen.TLS.IsSet() {
		return askHealthOverTLS(ctx, listen)
	}
	return askHealthBy(ctx, listen.GRPC, insecure.NewCredentials())
}

// askHealthOverTLS shows the server its own certificate. Where new files are
// broken the server serves on with the old ones, which nobody else has any
// more: then /readyz has to do.
func askHealthOverTLS(ctx context.Context, listen config.Listen) (healthAnswer, error) {
	var lastErr error
	for {
		own, err := extauthz.ProbeCredentials(listen.TLS.CertFile, listen.TLS.KeyFile)
		if err != nil {
			return askReadiness(ctx, listen.Ops, err)
		}
		answer, err := askHealthBy(ctx, listen.GRPC, own)
		if err == nil {
			return answer, nil
		}
		if lastErr == nil || ctx.Err() == nil {
			lastErr = err // the last that is not only that time is over
		}
		select {
		case <-ctx.Done():
			return healthAnswer{}, lastErr
		case <-time.After(healthAgain):
		}
	}
}

// askHealthBy asks the gRPC health of a server: of all that it serves.
func askHealthBy(ctx context.Context, at string, by credentials.TransportCredentials) (healthAnswer, error) {
	target := "passthrough:///" + at
	if strings.HasPrefix(at, "unix:") {
		target = at
	}
	// The server is on this very machine: no proxy of the environment's has a part in it.
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(by), grpc.WithNoProxy())
	if err != nil {
		return healthAnswer{}, err
	}
	defer func() { _ = connection.Close() }()
	response, err := healthpb.NewHealthClient(connection).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		return healthAnswer{}, fmt.Errorf("no server answers at %s: %s", at, status.Convert(err).Message())
	}
	return healthAnswer{serving: response.GetStatus() == healthpb.HealthCheckResponse_SERVING}, nil
}

// askReadiness asks /readyz, which says the same as gRPC health.
func askReadiness(ctx context.Context, ops string, why error) (healthAnswer, error) {
	page := "http://" + ops + "/readyz"
	because := fmt.Sprintf("listen.tls: %s", plain(why))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return healthAnswer{}, fmt.Errorf("%s; and %w", because, err)
	}
	client := http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return healthAnswer{}, fmt.Errorf("%s; and no server answers: %w", because, err)
	}
	defer func() { _ = response.Body.Close() }()
	return healthAnswer{serving: response.StatusCode == http.StatusOK, note: because + "; so " + page + " was asked"}, nil
}
