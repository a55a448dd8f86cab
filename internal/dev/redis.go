package dev

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alicebob/miniredis/v2"
)

// An embedded is the Redis inside this process. It can be stopped and started
// again with all that it holds.
type embedded struct {
	server  *miniredis.Miniredis
	address string
	runs    bool
	toggles chan os.Signal // each stops it, or starts it
}

// startRedis starts the embedded Redis. It listens on loopback, so that
// redis-cli and the other commands can be pointed at it.
func startRedis() (*embedded, error) {
	address, err := freeNear(portRedis)
	if err != nil {
		return nil, err
	}
	r := &embedded{server: miniredis.NewMiniRedis(), address: address, toggles: make(chan os.Signal, 1)}
	if err := r.start(); err != nil {
		return nil, fmt.Errorf("dev: embedded Redis: %w", err)
	}
	signal.Notify(r.toggles, syscall.SIGUSR1)
	return r, nil
}

func (r *embedded) url() string { return "redis://" + r.address + "/0" }

func (r *embedded) start() error {
	// Its stop has ended the context by which blocking reads wait: they would
	// end without an answer, and answers would come out of step.
	r.server.Ctx, r.server.CtxCancel = context.WithCancel(context.Background()) // #nosec G118 -- stop calls it
	if err := r.server.StartAddr(r.address); err != nil {
		return err
	}
	r.runs = true
	return nil
}

// end stops it for good.
func (r *embedded) end() {
	signal.Stop(r.toggles)
	r.stop()
}

// stop ends all connections and listens no more.
func (r *embedded) stop() {
	r.server.Close()
	r.runs = false
}

// toggle stops what runs and starts what does not, and says so.
func (r *embedded) toggle(w io.Writer) {
	if r.runs {
		r.stop()
		_, _ = fmt.Fprintf(w, "redis is stopped; %s starts it again, with all that it holds\n", toggleCommand())
		return
	}
	if err := r.start(); err != nil {
		_, _ = fmt.Fprintf(w, "redis cannot be started: %v; %s tries again\n", err, toggleCommand())
		return
	}
	_, _ = fmt.Fprintln(w, "redis runs again")
}

// toggleCommand is what to type to have the embedded Redis stopped, or started
// again.
func toggleCommand() string { return fmt.Sprintf("kill -USR1 %d", os.Getpid()) }
