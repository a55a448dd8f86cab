package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"credence/envoy"
	"credence/internal/config"
	"credence/internal/credential"
	"credence/internal/redisstore"
	"credence/internal/registrar"
)

// Options are what Run needs from the command.
type Options struct {
	Stdout, Stderr io.Writer // the greeting and Envoy's access log; everything else
	Env            func(string) string
	Program        string // how this program is called, for lines to paste
	// Serve runs the server until ctx ends, and tells once it listens.
	Serve func(ctx context.Context, c config.Config, log io.Writer, up func(grpc, ops string)) error
}

// The ports that parts get where nobody else has them.
const (
	portListener = "10000"
	portAdmin    = "9901"
	portUpstream = "8080"
	portGRPC     = "9001"
	portOps      = "9002"
	portRedis    = "6379"
)

// Run starts everything, prints the greeting and waits until ctx ends, or until
// a part ends by itself, which is an error. SIGUSR1 stops Redis meanwhile, and
// starts it again. Then it ends what it started, in order: Envoy, credence, the
// upstream, Redis.
func Run(ctx context.Context, options Options) (err error) {
	redis, err := startRedis()
	if err != nil {
		return err
	}
	defer redis.end()
	key, err := newKeyPair()
	if err != nil {
		return err
	}
	defer key.end()
	registered, err := fillAt(ctx, redis.url(), key)
	if err != nil {
		return err
	}

	listener, err := listenNear(portUpstream)
	if err != nil {
		return err
	}
	upstream := newUpstream()
	go func() { _ = upstream.Serve(listener) }() // ends with Close
	defer func() { _ = upstream.Close() }()

	s, err := startServer(ctx, options, redis.url())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.end()) }()

	g := greeting{redis: redis.url(), program: options.Program, sample: registered, ops: s.ops}
	g.at = envoy.Addresses{Credence: s.grpc, Upstream: listener.Addr().String()}
	p, err := g.startEnvoy(ctx, options)
	if err != nil {
		return err
	}
	g.print(options.Stdout)
	if p == nil {
		return wait(ctx, options, redis, s, nil)
	}
	defer p.end()
	return wait(ctx, options, redis, s, p)
}

// wait waits until ctx ends, or the server, or Envoy where there is one. It has
// Redis toggled meanwhile.
func wait(ctx context.Context, options Options, redis *embedded, s *server, p *proxy) error {
	var envoyEnded chan struct{}
	if p != nil {
		envoyEnded = p.ended
	}
	for {
		select {
		case <-ctx.Done():
			_, _ = fmt.Fprintln(options.Stderr, "ending")
			return nil
		case <-redis.toggles:
			redis.toggle(options.Stderr)
		case <-s.ended:
			return errServerEnded
		case <-envoyEnded:
			return p.failure()
		}
	}
}

// fillAt makes the sample registry in the Redis at a URL.
func fillAt(ctx context.Context, url string, key *keyPair) (s sample, err error) {
	store, err := redisstore.Open(redisstore.Options{URL: credential.NewSecret(url), Prefix: config.Default().Redis.Prefix})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return fill(ctx, registrar.New(store, registrar.Options{Now: time.Now}), key)
}

// A server is a running credence.
type server struct {
	grpc, ops string
	stop      context.CancelFunc
	ended     chan struct{} // closed when it has ended
	err       error         // how; read it after ended
}

var errServerEnded = errors.New("dev: the server ended")

// startServer starts credence as `credence serve` does, and waits until it
// listens and is in contact with the registry.
func startServer(ctx context.Context, options Options, redis string) (*server, error) {
	c := config.Default()
	c.Redis.URL = redis
	c.Listen.Drain = 0 // Envoy has ended before
	c.JWT.Audiences = []string{audience}
	c.Identity.Strip = config.StripSeen // the Envoy here is envoy.yaml as it stands, which sends every header
	var err error
	if c.Listen.GRPC, err = freeNear(portGRPC); err != nil {
		return nil, err
	}
	if c.Listen.Ops, err = freeNear(portOps); err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.Background())
	s := &server{stop: stop, ended: make(chan struct{})}
	up := make(chan struct{})
	go func() {
		defer close(s.ended)
		s.err = options.Serve(running, c, options.Stderr, func(grpc, ops string) {
			s.grpc, s.ops = grpc, ops
			close(up)
		})
	}()
	select {
	case <-up:
		if err = awaitReady(ctx, "the server", "http://"+s.ops+"/readyz", s.ended); err == nil {
			return s, nil
		}
	case <-s.ended:
		err = errServerEnded
	case <-ctx.Done():
		err = ctx.Err()
	}
	if cause := s.end(); cause != nil {
		return nil, cause
	}
	return nil, err
}

// end ends the server, waits for that and tells how it ended.
func (s *server) end() error {
	s.stop()
	<-s.ended
	return s.err
}

// startEnvoy starts Envoy and waits until it serves; nil where there is none.
func (g *greeting) startEnvoy(ctx context.Context, options Options) (*proxy, error) {
	path, err := findEnvoy(options.Env)
	if errors.Is(err, errNoEnvoy) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if g.at.Listener, err = freeNear(portListener); err != nil {
		return nil, err
	}
	if g.at.Admin, err = freeNear(portAdmin); err != nil {
		return nil, err
	}
	p, err := startEnvoy(path, g.at, options.Stdout, options.Stderr)
	if err != nil {
		return nil, err
	}
	if err := awaitReady(ctx, "Envoy", "http://"+g.at.Admin+"/ready", p.ended); err != nil {
		p.end()
		if errors.Is(err, errEnded) {
			return nil, p.failure()
		}
		return nil, err
	}
	g.hasEnvoy = true
	return p, nil
}
