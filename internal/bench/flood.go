package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
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
	floodMost     = 100_000                // a second
	floodAddress  = "203.0.113.66"         // one peer, that no other client has
	floodTimeout  = 200 * time.Millisecond // as Envoy's
	floodLongest  = time.Minute
	floodInFlight = 4096 // at most
)

// A flood is what it asks with, and how often.
type flood struct {
	perSecond   int
	credentials string // a file of them, asked with in turn; empty: each is a token that nobody knows
}

// floodOf writes the file of a flood.
func (s *stage) floodOf(name string, perSecond int, credentials []credential.Secret) (flood, error) {
	var text strings.Builder
	for _, shown := range credentials {
		text.WriteString(shown.Expose() + "\n")
	}
	f := flood{perSecond, filepath.Join(s.dir, name+".credentials")}
	return f, os.WriteFile(f.credentials, []byte(text.String()), 0o600)
}

// args gives the arguments of a process that floods an address.
func (f flood) args(address string) []string {
	args := []string{address, strconv.Itoa(f.perSecond)}
	if f.credentials != "" {
		args = append(args, f.credentials)
	}
	return args
}

// parseFlood reads what args gives.
func parseFlood(args []string) (address string, f flood, err error) {
	if len(args) != 2 && len(args) != 3 {
		return "", flood{}, errors.New("flood: want the address of a server, how often a second, and a file of credentials or none")
	}
	f.perSecond, err = strconv.Atoi(args[1])
	if err != nil || f.perSecond < 1 || f.perSecond > floodMost {
		return "", flood{}, fmt.Errorf("flood: %q a second: want 1 to %d", args[1], floodMost)
	}
	if len(args) == 3 {
		f.credentials = args[2]
	}
	return args[0], f, nil
}

// shown gives what is shown by the nth check, and a sample of it.
func (f flood) shown() (next func(n int) credential.Secret, sample []credential.Secret, err error) {
	unknown := func(int) credential.Secret { return credential.NewToken(credential.NewTokenID()) }
	if f.credentials == "" {
		return unknown, []credential.Secret{unknown(0)}, nil
	}
	text, err := os.ReadFile(f.credentials) // #nosec G703 -- named by who started it
	if err != nil {
		return nil, nil, err
	}
	for word := range strings.FieldsSeq(string(text)) {
		sample = append(sample, credential.NewSecret(word))
	}
	return func(n int) credential.Secret { return sample[n%len(sample)] }, sample, nil
}

// flooding is what a flood prints once it is there.
var flooding = regexp.MustCompile(`"msg":"(flooding)"`)

// runFlood asks until it is killed. What becomes of its checks the server tells.
func runFlood(args []string) error {
	address, f, err := parseFlood(args)
	if err != nil {
		return err
	}
	next, sample, err := f.shown()
	if err != nil {
		return err
	}
	checks, err := newChecks(floodAddress, sample)
	if err != nil {
		return err
	}
	load, err := newLoad(address, checks)
	if err != nil {
		return err
	}
	load.timeout = floodTimeout
	load.flood(pace{f.perSecond, floodLongest}, next)
	return nil
}

// flood asks at a pace that it keeps whatever is answered.
func (l *load) flood(p pace, next func(n int) credential.Secret) {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	var inFlight atomic.Int64
	p.run(context.Background(), func(n int, _ time.Time) {
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

// startFlood starts a flood of a server, and waits until it is there.
func (s *stage) startFlood(ctx context.Context, name string, server *server, f flood) (*process, error) {
	p, err := s.startSelf(name, append([]string{floodCommand}, f.args(server.grpc)...)...)
	if err != nil {
		return nil, fmt.Errorf("flood: %w", err)
	}
	if _, err := p.says(ctx, flooding); err != nil {
		return nil, fmt.Errorf("flood: %w", err)
	}
	return p, nil
}
