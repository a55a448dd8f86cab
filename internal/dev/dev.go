package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alicebob/miniredis/v2"

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

// patience is how long everything may take to start.
const patience = 20 * time.Second

// Run starts everything, prints the greeting and waits until ctx ends, or until
// a part ends by itself, which is an error. Then it ends what it started, in
// order: Envoy, credence, the upstream, Redis.
func Run(ctx context.Context, options Options) (err error) {
	redis, err := startRedis()
	if err != nil {
		return err
	}
	defer redis.Close()
	url := "redis://" + redis.Addr() + "/0"

	registered, err := fillAt(ctx, url)
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

	s, err := startServer(ctx, options, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.end()) }()

	g := greeting{redis: url, program: options.Program, sample: registered, ops: s.ops}
	g.at = envoy.Addresses{Credence: s.grpc, Upstream: listener.Addr().String()}
	p, err := g.startEnvoy(ctx, options)
	if err != nil {
		return err
	}
	g.print(options.Stdout)
	if p == nil {
		return wait(ctx, options, s, nil)
	}
	defer p.end()
	return wait(ctx, options, s, p)
}

// wait waits until ctx ends, or the server, or Envoy where there is one.
func wait(ctx context.Context, options Options, s *server, p *proxy) error {
	var envoyEnded chan struct{}
	if p != nil {
		envoyEnded = p.ended
	}
	select {
	case <-ctx.Done():
		_, _ = fmt.Fprintln(options.Stderr, "ending")
		return nil
	case <-s.ended:
		return errors.New("dev: the server ended")
	case <-envoyEnded:
		return p.failure()
	}
}

// startRedis starts the embedded Redis. It listens on loopback, so that
// redis-cli and the other commands can be pointed at it.
func startRedis() (*miniredis.Miniredis, error) {
	address, err := freeNear(portRedis)
	if err != nil {
		return nil, err
	}
	redis := miniredis.NewMiniRedis()
	if err := redis.StartAddr(address); err != nil {
		return nil, fmt.Errorf("dev: embedded Redis: %w", err)
	}
	return redis, nil
}

// fillAt makes the sample registry in the Redis at a URL.
func fillAt(ctx context.Context, url string) (s sample, err error) {
	store, err := redisstore.Open(redisstore.Options{URL: credential.NewSecret(url), Prefix: config.Default().Redis.Prefix})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return fill(ctx, registrar.New(store, registrar.Options{Now: time.Now}))
}

// A server is a running credence.
type server struct {
	grpc, ops string
	stop      context.CancelFunc
	ended     chan struct{} // closed when it has ended
	err       error         // how; read it after ended
}

// startServer starts credence as `credence serve` does, and waits until it
// listens.
func startServer(ctx context.Context, options Options, redis string) (*server, error) {
	c := config.Default()
	c.Redis.URL = redis
	c.Listen.Drain = 0 // Envoy has ended before
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
		return s, nil
	case <-s.ended:
	case <-ctx.Done():
	}
	return nil, errors.Join(ctx.Err(), s.end())
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
	patient, done := context.WithTimeout(ctx, patience)
	defer done()
	if err := p.awaitReady(patient); err != nil {
		p.end()
		return nil, err
	}
	g.hasEnvoy = true
	return p, nil
}
