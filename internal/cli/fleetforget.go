package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"credence/internal/redisstore"
	"credence/internal/registrar"

	"github.com/spf13/cobra"
)

func newFleetForgetCommand(a *app) *cobra.Command {
	cmd := newLeaf("forget SERVER [flags]", "take a server off the list that is known to be dead", `
Takes a server off the list, so that nobody waits for it. A server that ends as it should takes itself off, and one that is
silent for long enough is not waited for, and is taken off by the others a day later. Forget is for one that was killed a
moment ago. If it lives, and only cannot reach Redis, it may go on answering by what it knew: then what --wait proves is
wrong. So the command asks, or takes --yes.

A server that was heard of in the last 10 seconds is not forgotten: it lives. With --force it is, and lists itself again.`, `
credence fleet forget web-1-k3x9w0a7qd
credence fleet forget web-1-k3x9w0a7qd --yes`)
	var yes, force bool
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&force, "force", false, "even if it was heard of a moment ago")
	cmd.ValidArgsFunction = first(serverNames(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, err := one(cmd, args, "server", "web-1-k3x9w0a7qd")
		if err != nil {
			return err
		}
		if !yes && !a.canAsk {
			return a.confirm(cmd, args, "")
		}
		return a.workWith(cmd.Context(), asWritten, func(ctx context.Context, r *registrar.Registrar, store *redisstore.Store) error {
			if _, err := r.Root(ctx); err != nil {
				return err
			}
			server, err := findServer(ctx, store, name)
			if err != nil {
				return err
			}
			return a.forgetServer(ctx, cmd, args, store, server, yes, force)
		})
	}
	return cmd
}

// findServer finds one that is listed.
func findServer(ctx context.Context, store *redisstore.Store, name string) (seenServer, error) {
	servers, err := lookAtFleet(ctx, store)
	if err != nil {
		return seenServer{}, err
	}
	names := make([]string, len(servers))
	for i, s := range servers {
		names[i] = s.Name
	}
	if at := slices.Index(names, name); at >= 0 {
		return servers[at], nil
	}
	return seenServer{}, fmt.Errorf("server/%s: no such server: %s", name, meant(name, names, "see credence fleet list"))
}

func (a *app) forgetServer(ctx context.Context, cmd *cobra.Command, args []string, store *redisstore.Store, s seenServer, yes, force bool) error {
	heard := s.IsHeardOf(s.now)
	if heard && !force {
		return fmt.Errorf("server/%s: was heard of %s ago: it lives; stop it, and forget it 10 seconds later if it is still listed", s.Name, age(s.Beat, s.now))
	}
	question := fmt.Sprintf("forget server/%s, which was heard of %s ago?", s.Name, age(s.Beat, s.now))
	if until := s.MayAnswerUntil(); s.now.Before(until) {
		question += fmt.Sprintf(" Unless it is dead, it may answer from memory until %s, and nobody waits for it then.", second(until))
	}
	if !yes {
		if err := a.confirm(cmd, args, question); err != nil {
			return err
		}
	}
	seen := s.Beat
	if force {
		seen = time.Time{}
	}
	if err := store.Forget(ctx, s.Name, seen); err != nil {
		return err
	}
	if a.output.isTable() {
		fmt.Fprintf(a.stdout, "server/%s forgotten\n", printable(s.Name))
		return nil
	}
	writeDocument(a.stdout, a.output, serverDocument(s))
	return nil
}

// serverNames completes the names of servers.
func serverNames(a *app) completion {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(context.Background(), waitToComplete)
		defer cancel()
		var names []string
		_ = a.workWith(ctx, asWritten, func(ctx context.Context, _ *registrar.Registrar, store *redisstore.Store) error {
			_, servers, err := store.List(ctx)
			for _, s := range servers {
				names = append(names, s.Name)
			}
			return err
		}) // a shell has no use for the error
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
