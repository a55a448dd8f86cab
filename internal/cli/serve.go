package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"credence/internal/authz"
	"credence/internal/cache"
	"credence/internal/config"
	"credence/internal/extauthz"
	"credence/internal/heap"
	"credence/internal/jwks"
	"credence/internal/telemetry"
)

func newServeCommand(a *app) *cobra.Command {
	cmd := newLeaf("serve", "answer Envoy's checks", `
Answers Envoy's checks (ext_authz over gRPC) at listen.grpc, and has /livez, /readyz and /metrics at listen.ops.

The first SIGTERM or SIGINT begins the end: health fails at once, checks are answered for listen.drain, then the server
ends. A second one ends it at once.`, `
credence serve
credence serve --config credence.yaml`)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := none(cmd, args); err != nil {
			return err
		}
		c, err := a.configuration()
		if err != nil {
			return err
		}
		s, err := newServer(Service{Config: c, Log: a.stderr})
		if err != nil {
			return err
		}
		defer heap.Roomy()()
		return s.runUntilSignalled(cmd.Context())
	}
	return cmd
}

// runUntilSignalled runs the server; the first signal drains it, the second
// ends it.
func (s *server) runUntilSignalled(ctx context.Context) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case got := <-signals:
			s.logger.Info("draining: a second signal ends it at once",
				slog.String("signal", got.String()), slog.Duration("drain", s.config.Listen.Drain))
			cancel()
		case <-ended:
			return
		}
		select {
		case got := <-signals:
			s.logger.Info("ending at once", slog.String("signal", got.String()))
			s.checks.Kill()
		case <-ended:
		}
	}()
	return s.run(ctx)
}

// Addresses are where a server listens.
type Addresses struct{ GRPC, Ops string }

// A Service is what Serve runs.
type Service struct {
	Config config.Config
	Log    io.Writer
	// Up, where set, is called once, when the server listens.
	Up func(Addresses)
	// Budget is how long the lookups of one check may take; zero is 120 ms.
	// Where the machine is slow and the decision is what matters, as in tests,
	// it may be longer.
	Budget time.Duration
}

// Serve runs a server until ctx ends and it has drained.
func Serve(ctx context.Context, service Service) error {
	s, err := newServer(service)
	if err != nil {
		return err
	}
	return s.run(ctx)
}

// A server is all that `credence serve` runs.
type server struct {
	config  config.Config
	logger  *slog.Logger
	facts   *facts
	issuers *jwks.Issuers
	checks  *extauthz.Server
	tls     *extauthz.TLS // nil: it is not spoken
	metrics *telemetry.Metrics
	denials *telemetry.DecisionLog
	up      func(Addresses)
}

// newServer puts a server together. It opens no listener and asks nobody.
func newServer(service Service) (*server, error) {
	c := service.Config
	s := &server{
		config: c, logger: telemetry.NewLogger(service.Log, c.Log.Level, c.Log.Format),
		metrics: telemetry.NewMetrics(version()), up: service.Up,
	}
	var err error
	if s.facts, err = newFacts(c, s.logger, s.metrics, func() { s.checks.SetReady(true) }); err != nil {
		return nil, err
	}
	if s.issuers, err = issuerKeys(c.JWT, s.logger); err != nil {
		return nil, errors.Join(err, s.facts.close())
	}
	if s.tls, err = mutualTLS(c.Listen.TLS, s.logger, s.metrics); err != nil {
		return nil, errors.Join(err, s.facts.close())
	}
	signatures, err := cache.NewSignatures(c.Cache.MaxEntries)
	if err != nil {
		return nil, errors.Join(err, s.facts.close())
	}
	if len(c.JWT.Issuers) > 0 && len(c.JWT.Audiences) == 0 {
		s.logger.Warn("jwt.audiences is empty: every JWT is denied")
	}
	s.metrics.Issuers(func() []telemetry.Issuer { return issuerMetrics(s.issuers.State()) })
	s.metrics.Signatures(signatures.Len)
	s.denials = telemetry.NewDecisionLog(s.logger, nil)
	s.checks = extauthz.New(extauthz.Options{
		Checker: s.metrics.Checker(authz.NewChecker(c.Policy(), authz.Sources{Directory: s.facts.cache, Issuers: s.issuers, Verifier: signatures})),
		Identity: extauthz.Identity{
			Prefix: c.Identity.Prefix, Labels: c.Identity.Labels, StripSeenOnly: c.Identity.Strip == config.StripSeen,
		},
		Realm:   c.Answers.Realm,
		Observe: s.observe,
		Drain:   c.Listen.Drain,
		Budget:  service.Budget,
		TLS:     s.tls,
	})
	return s, nil
}

func (s *server) observe(request authz.Request, decision authz.Decision, took time.Duration) {
	s.metrics.Observe(request, decision, took)
	s.denials.Observe(request, decision, took)
}

// run listens and answers until ctx ends and the checks have drained.
func (s *server) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.facts.close()) }()
	listener, err := extauthz.Listen(s.config.Listen.GRPC, s.config.Listen.SocketMode)
	if err != nil {
		return err
	}
	ops, err := net.Listen("tcp", s.config.Listen.Ops)
	if err != nil {
		return errors.Join(fmt.Errorf("cannot listen on listen.ops %s: %w", s.config.Listen.Ops, err), listener.Close())
	}
	page := &http.Server{Handler: telemetry.NewOps(s.metrics, s.readiness(ctx)), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = page.Serve(ops) }() // ends with Close
	defer func() { _ = page.Close() }()

	// Until the last check was answered, and no longer: then the fleet is left.
	following, stopFollowing := context.WithCancel(context.WithoutCancel(ctx))
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		var others sync.WaitGroup
		others.Go(func() { s.issuers.Run(following) })
		if s.tls != nil {
			others.Go(func() { s.tls.Run(following) })
		}
		s.facts.follower.Run(following)
		others.Wait()
	}()
	defer func() {
		stopFollowing()
		<-followed
		s.logger.Info("ended")
	}()

	at := Addresses{GRPC: spoken(listener.Addr()), Ops: ops.Addr().String()}
	s.logger.Info("listening", slog.String("grpc", at.GRPC), slog.String("ops", at.Ops), slog.String("version", version()),
		slog.String("redis", address(s.config.Redis.URL)), slog.String("prefix", s.config.Redis.Prefix))
	if s.up != nil {
		s.up(at)
	}
	err = s.checks.Serve(ctx, listener)
	s.denials.Flush()
	return err
}

// readiness tells whether the server wants to be asked, and what is amiss.
func (s *server) readiness(ctx context.Context) func() (bool, []string) {
	return func() (bool, []string) {
		if ctx.Err() != nil {
			return false, []string{"draining: the server was told to end"}
		}
		ready, lines := s.facts.readiness()
		lines = append(lines, issuerLines(s.issuers.State())...)
		if s.tls != nil {
			lines = append(lines, tlsLines(s.tls.State(), time.Now())...)
		}
		return ready, lines
	}
}

// spoken gives an address as listen.grpc writes it.
func spoken(address net.Addr) string {
	if address.Network() == "unix" {
		return "unix:" + address.String()
	}
	return address.String()
}
