package cli

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"credence/internal/config"
	"credence/internal/extauthz"
	"credence/internal/telemetry"
)

// mutualTLS reads the files of listen.tls. It gives nil where there are none.
func mutualTLS(c config.ListenTLS, logger *slog.Logger, metrics *telemetry.Metrics) (*extauthz.TLS, error) {
	if !c.IsSet() {
		return nil, nil
	}
	refusals := telemetry.NewTLSRefusals()
	made, err := extauthz.NewTLS(extauthz.TLSOptions{
		CertFile: c.CertFile, KeyFile: c.KeyFile, ClientCAFile: c.ClientCAFile, AllowedClients: c.AllowedClients,
		Logger:  logger,
		Refused: func(reason extauthz.Refusal, name string) { refusals.Observe(string(reason), name) },
	})
	if err != nil {
		return nil, fmt.Errorf("listen.tls: %s", plain(err))
	}
	metrics.TLS(refusals, func() telemetry.TLS {
		state := made.State()
		return telemetry.TLS{Expires: state.Expires, Failing: state.Err != nil}
	})
	return made, nil
}

// tlsLines tells what is amiss with the files of listen.tls, for /readyz. The
// server is ready all the same: the files that could be used serve on.
func tlsLines(state extauthz.TLSState, now time.Time) []string {
	var lines []string
	if state.Err != nil {
		lines = append(lines, "listen.tls: the files have changed and cannot be used, the old ones serve on ("+strings.ReplaceAll(plain(state.Err), "\n", "; ")+")")
	}
	if now.After(state.Expires) {
		lines = append(lines, "listen.tls: the server's certificate has expired at "+state.Expires.UTC().Format(time.RFC3339)+": Envoy does not take it")
	}
	return lines
}
