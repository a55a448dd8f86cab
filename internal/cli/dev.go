package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"credence/internal/config"
	"credence/internal/dev"
)

func newDevCommand(a *app) *cobra.Command {
	cmd := newLeaf("dev", "run everything on this machine, to try it", `
Starts an embedded Redis with a sample registry, an API that echoes, a server, and the real Envoy in front, all on
loopback, and prints what to paste. Ctrl-C ends all of it. SIGUSR1 stops the embedded Redis, and starts it again with
all that it holds. Not for production: nothing is kept, nothing is protected.

Envoy is taken from CREDENCE_ENVOY, from beside this program, from .bin or from PATH; without one the rest runs.`, `
credence dev`)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := none(cmd, args); err != nil {
			return err
		}
		if a.configPath != "" || a.redisURL != "" {
			return misused("dev: takes neither --config nor --redis: it brings a Redis and a configuration of its own")
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		return dev.Run(ctx, dev.Options{
			Stdout: a.stdout, Stderr: a.stderr, Env: a.env, Program: os.Args[0],
			Serve: func(ctx context.Context, c config.Config, log io.Writer, up func(grpc, ops string)) error {
				return Serve(ctx, Service{Config: c, Log: log, Up: func(at Addresses) { up(at.GRPC, at.Ops) }})
			},
		})
	}
	return cmd
}
