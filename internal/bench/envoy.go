package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"

	"credence/internal/credential"
	"credence/internal/jwt"
)

// Goals of requests a second through Envoy, to those with a no-op that answers
// the bytes of `strip: seen`.
const (
	leastSeenToNoop = 0.98
	leastAllToNoop  = 0.85
)

// The order of passages in their table.
const (
	noFilter = iota
	credenceSeen
	noopSeen
	credenceAll
	noopAll
	ownAPIKey
	ownJWT
)

// measureEnvoy measures whole paths: requests through a real Envoy that asks
// credence, that asks a no-op which answers the same, and that judges by itself.
func measureEnvoy(ctx context.Context, s *stage, p plan, out io.Writer) (section, error) {
	passages, err := s.newPassages(ctx, p)
	if err != nil {
		return section{}, err
	}
	envoy, err := s.startEnvoy(ctx, p.envoy, passages)
	if err != nil {
		return section{}, err
	}
	defer func() {
		for _, way := range passages {
			way.close()
		}
	}()
	if err := passInTurns(ctx, envoy, p, passages, out); err != nil {
		return section{}, err
	}
	sizes, err := envoy.answerSizes(ctx, passages)
	if err != nil {
		return section{}, err
	}
	return reportEnvoy(passages, sizes), nil
}

// newPassages starts all that Envoy will ask, and says what its listeners do.
func (s *stage) newPassages(ctx context.Context, p plan) ([]*passage, error) {
	all, err := s.credenceOf(ctx, p, population{1, 1, 1})
	if err != nil {
		return nil, err
	}
	checks := all.load.checks
	seen, err := s.startCredence(ctx, p, "credence-seen", stripSeen, checks)
	if err != nil {
		return nil, err
	}
	likeSeen, err := s.startPeer(ctx, seen.answer, checks)
	if err != nil {
		return nil, err
	}
	likeAll, err := s.startPeer(ctx, all.answer, checks)
	if err != nil {
		return nil, err
	}
	key, err := newPair(jwt.ES256, clientID(0))
	if err != nil {
		return nil, err
	}
	signed, err := key.sign(ctx, 1)
	if err != nil {
		return nil, err
	}
	token := checks.credentials[0]
	return []*passage{
		noFilter:     {name: "no filter", Listener: "bare", refused: http.StatusOK, shown: token},
		credenceSeen: asking("credence, strip: seen", "credence_seen", seen, token, http.StatusUnauthorized),
		noopSeen:     asking("no-op, answer of strip: seen", "noop_seen", likeSeen, token, http.StatusOK),
		credenceAll:  asking("credence, strip: all", "credence_all", all, token, http.StatusUnauthorized),
		noopAll:      asking("no-op, answer of strip: all", "noop_all", likeAll, token, http.StatusOK),
		ownAPIKey: {
			name: "Envoy's api_key_auth", Listener: "api_key_auth", refused: http.StatusUnauthorized, shown: token,
			Filter: apiKeyAuth(token.Expose(), string(clientID(0))),
		},
		ownJWT: {
			name: "Envoy's jwt_authn, ES256", Listener: "jwt_authn", refused: http.StatusUnauthorized, shown: signed[0],
			Filter: jwtAuthn(string(clientID(0)), key.signer.Key().JWK(key.kid())),
		},
	}, nil
}

// asking makes a passage in which a server is asked.
func asking(name, listener string, server *server, shown credential.Secret, refused int) *passage {
	return &passage{name: name, Listener: listener, Filter: extAuthz(listener), server: server, shown: shown, refused: refused}
}

// answerSizes gives for each passage how many bytes Envoy was sent for a check.
// A no-op has to send as many as credence does, or it is no measure of it.
func (e *proxy) answerSizes(ctx context.Context, passages []*passage) ([]float64, error) {
	sizes := make([]float64, len(passages))
	for i, way := range passages {
		if !way.Asks() {
			continue
		}
		var err error
		if sizes[i], err = e.answerBytes(ctx, way.Listener); err != nil {
			return nil, fmt.Errorf("%s: %w", way.name, err)
		}
	}
	return sizes, errors.Join(sameSize(sizes[credenceSeen], sizes[noopSeen]), sameSize(sizes[credenceAll], sizes[noopAll]))
}

// sameSize is an error where a no-op answers other bytes than credence. HTTP/2's
// own frames are among them, so that they differ by a few.
func sameSize(credence, noop float64) error {
	const tolerated = 0.02
	if math.Abs(credence-noop) > tolerated*credence {
		return fmt.Errorf("a no-op sends Envoy %.0f bytes for a check, want the %.0f of credence", noop, credence)
	}
	return nil
}

// toRate gives how many times the requests a second of another passage one lets
// through: the median of the rounds.
func (p *passage) toRate(other *passage) float64 {
	rate := func(r passing) float64 { return r.rate }
	return median(ratios(mapped(p.rounds, rate), mapped(other.rounds, rate)))
}

func reportEnvoy(passages []*passage, sizes []float64) section {
	var b strings.Builder
	fmt.Fprintf(&b, "%d connections of HTTP/1.1 to one Envoy with one worker, a request at a time on each. Envoy answers what its filters let pass. Its configuration is that of envoy/envoy.yaml, without access log and health checks. "+
		"The ratio is of requests a second to those with the no-op that answers the bytes of strip: seen, the median of the rounds' ratios.\n\n", inFlight)
	table := [][]string{{"filter", "requests/s", "ratio", "Envoy's CPU, µs/request", "server's CPU, µs/check", "bytes/check", "p50, ms", "p99, ms"}}
	picture := chart{title: "CPU of Envoy, µs a request"}
	for i, way := range passages {
		of := func(figure func(passing) float64) float64 { return median(mapped(way.rounds, figure)) }
		server, size := "–", "–"
		if way.Asks() {
			server = fmt.Sprintf("%.1f", of(func(r passing) float64 { return micros(r.server) }))
			size = fmt.Sprintf("%.0f", sizes[i])
		}
		cpu := of(func(r passing) float64 { return micros(r.envoy) })
		table = append(table, []string{
			way.name, fmt.Sprintf("%.0f", of(func(r passing) float64 { return r.rate })), fmt.Sprintf("%.2f", way.toRate(passages[noopSeen])),
			fmt.Sprintf("%.1f", cpu), server, size,
			fmt.Sprintf("%.2f", of(func(r passing) float64 { return millis(r.p50) })),
			fmt.Sprintf("%.2f", of(func(r passing) float64 { return millis(r.p99) })),
		})
		picture.bars = append(picture.bars, bar{group: "through Envoy", name: way.name, figure: cpu, ours: i == credenceSeen || i == credenceAll})
	}
	writeTable(&b, table)
	fmt.Fprintf(&b, "\nRequests a second with strip: all, to the no-op that answers the same bytes: %.2f. Bytes are what Envoy was sent for a check, with all of gRPC.\n",
		passages[credenceAll].toRate(passages[noopAll]))
	return section{text: b.String(), charts: []chart{picture}, goals: []goal{
		atLeast("requests a second through Envoy, strip: seen, to a no-op of the same bytes", "%.3f", leastSeenToNoop, passages[credenceSeen].toRate(passages[noopSeen])),
		atLeast("requests a second through Envoy, strip: all, to a no-op of the bytes of strip: seen", "%.3f", leastAllToNoop, passages[credenceAll].toRate(passages[noopSeen])),
	}}
}
