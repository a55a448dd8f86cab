package extauthz

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
)

// From a listener to the last answer: serving, draining, and an end that waits for
// nobody for ever.

// lastAnswers is how long checks in flight may still take when the drain is
// over. A check takes less; a watch of somebody's health would never end.
const lastAnswers = time.Second

// Serve answers on a listener until ctx ends, and then drains: health fails at
// once, so that Envoy goes elsewhere; checks are answered for the time of
// Options.Drain, on new connections too; then the listener closes, and Serve
// returns nil when the last check is answered. An error is the listener's.
// Serve is called once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	defer s.grpc.Stop() // whatever ended it, no connection outlives it
	served := make(chan error, 1)
	go func() { served <- s.grpc.Serve(listener) }()

	select {
	case err := <-served:
		return ended(err)
	case <-ctx.Done():
	}
	s.health.Shutdown()

	drained := time.NewTimer(s.drain)
	defer drained.Stop()
	select {
	case err := <-served:
		return ended(err)
	case <-drained.C:
	}
	s.stop()
	return ended(<-served)
}

// Kill ends Serve at once, in a drain too. Checks in flight get no answer.
func (s *Server) Kill() { s.grpc.Stop() }

// stop closes the listener and waits for checks in flight, but not for ever:
// the goroutine of a check that hangs outlives it.
func (s *Server) stop() {
	stopped := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(stopped)
	}()
	late := time.NewTimer(lastAnswers)
	defer late.Stop()
	select {
	case <-stopped:
	case <-late.C:
		s.grpc.Stop()
	}
}

func ended(err error) error {
	if err != nil && !errors.Is(err, grpc.ErrServerStopped) { // that is Kill, before Serve had begun
		return fmt.Errorf("extauthz: serve: %w", err)
	}
	return nil
}
