package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"credence/internal/credential"
)

// floodCommand is the argument by which this program is a flood. It is a
// process of its own, so that known clients do not wait for it in the load
// generator.
const floodCommand = "flood"

const (
	floodPerSecond = 5000
	floodAddress   = "203.0.113.66"         // one peer, that no other client has
	floodTimeout   = 200 * time.Millisecond // as Envoy's
	floodLongest   = time.Minute
	floodInFlight  = 4096 // at most
)

// flooding is what a flood prints once it is there.
var flooding = regexp.MustCompile(`"msg":"(flooding)"`)

// runFlood asks until it is killed. Its arguments are the address of a server
// and a file of tokens to ask with in turn; without the file, each token is a
// new one that nobody knows. What becomes of them the server tells.
func runFlood(args []string) error {
	if len(args) != 1 && len(args) != 2 {
		return errors.New("flood: want the address of a server, and a file of tokens or none")
	}
	next := func(int) credential.Secret { return credential.NewToken(credential.NewTokenID()) }
	if len(args) == 2 {
		text, err := os.ReadFile(args[1]) // #nosec G703 -- named by who started it
		if err != nil {
			return err
		}
		known := strings.Fields(string(text))
		next = func(n int) credential.Secret { return credential.NewSecret(known[n%len(known)]) }
	}
	checks, err := newChecks(floodAddress, nil)
	if err != nil {
		return err
	}
	load, err := newLoad(args[0], checks)
	if err != nil {
		return err
	}
	load.timeout = floodTimeout
	load.flood(next)
	return nil
}

// flood asks at a pace that it keeps whatever is answered.
func (l *load) flood(next func(n int) credential.Secret) {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	var inFlight atomic.Int64
	pace{floodPerSecond, floodLongest}.run(context.Background(), func(n int, _ time.Time) {
		defer inFlight.Add(-1)
		if inFlight.Add(1) > floodInFlight {
			return
		}
		var answer []byte
		check := l.checks.frames[n%len(l.checks.frames)].copied().with(next(n))
		err := l.send(context.Background(), n, check, &answer)
		if n == 0 {
			log.Info("flooding", slog.Any("cause", err))
		}
	})
}

// startFlood starts a flood of a server with tokens, or with unknown ones where
// there are none, and waits until it is there.
func (s *stage) startFlood(ctx context.Context, name string, server *server, tokens []credential.Secret) (*process, error) {
	args := []string{floodCommand, server.grpc}
	if len(tokens) > 0 {
		var text strings.Builder
		for _, token := range tokens {
			text.WriteString(token.Expose() + "\n")
		}
		file := filepath.Join(s.dir, name+".tokens")
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			return nil, err
		}
		args = append(args, file)
	}
	p, err := s.startSelf(name, args...)
	if err != nil {
		return nil, fmt.Errorf("flood: %w", err)
	}
	if _, err := p.says(ctx, flooding); err != nil {
		return nil, fmt.Errorf("flood: %w", err)
	}
	return p, nil
}
