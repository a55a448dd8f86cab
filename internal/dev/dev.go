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

// Run starts everything, prints the greeting and waits until ctx ends. Then it
// ends what it started, in order: Envoy, credence, the upstream, Redis.
func Run(ctx context.Context, options Options) error {
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

	stopServer, grpc, ops, err := startServer(options, url)
	if err != nil {
		return err
	}
	defer stopServer()

	g := greeting{redis: url, program: options.Program, sample: registered, ops: ops}
	g.at = envoy.Addresses{Credence: grpc, Upstream: listener.Addr().String()}
	stopEnvoy, err := g.startEnvoy(options)
	if err != nil {
		return err
	}
	defer stopEnvoy()

	g.print(options.Stdout)
	<-ctx.Done()
	_, _ = fmt.Fprintln(options.Stderr, "ending")
	return nil
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

// startServer starts credence as `credence serve` does, and waits until it
// listens. The function ends it and waits for that.
func startServer(options Options, redis string) (stop func(), grpc, ops string, err error) {
	c := config.Default()
	c.Redis.URL = redis
	c.Listen.Drain = 0 // Envoy has ended before
	if c.Listen.GRPC, err = freeNear(portGRPC); err != nil {
		return nil, "", "", err
	}
	if c.Listen.Ops, err = freeNear(portOps); err != nil {
		return nil, "", "", err
	}
	ctx, cancel := context.WithCancel(context.Background())
	up, ended := make(chan [2]string, 1), make(chan error, 1)
	go func() {
		ended <- options.Serve(ctx, c, options.Stderr, func(grpc, ops string) { up <- [2]string{grpc, ops} })
	}()
	select {
	case at := <-up:
		return func() { cancel(); <-ended }, at[0], at[1], nil
	case err := <-ended:
		cancel()
		return nil, "", "", err
	}
}

// startEnvoy starts Envoy, where there is one, and waits until it serves. The
// function ends it and waits for that.
func (g *greeting) startEnvoy(options Options) (stop func(), err error) {
	path, err := findEnvoy(options.Env)
	if errors.Is(err, errNoEnvoy) {
		return func() {}, nil
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
	ctx, cancel := context.WithCancel(context.Background())
	p, err := startEnvoy(ctx, path, g.at, options.Stdout, options.Stderr)
	if err != nil {
		cancel()
		return nil, err
	}
	stop = func() { cancel(); p.wait() }
	patient, done := context.WithTimeout(ctx, patience)
	defer done()
	if err := p.awaitReady(patient); err != nil {
		stop()
		return nil, err
	}
	g.hasEnvoy = true
	return stop, nil
}
