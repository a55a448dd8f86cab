package cli

import (
	"context"
	"time"

	"credence/internal/registrar"

	"github.com/spf13/cobra"
)

// A completion offers words to a shell.
type completion = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective)

// waitToComplete is how long a shell waits for live names. Who presses a key
// does not wait for a Redis that is away.
const waitToComplete = time.Second

// live makes a completion of names in the registry. Where it cannot be read
// there are none.
func (a *app) live(names func(context.Context, *registrar.Registrar) []string) completion {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(context.Background(), waitToComplete)
		defer cancel()
		var found []string
		_ = a.work(ctx, asWritten, func(ctx context.Context, r *registrar.Registrar) error {
			found = names(ctx, r)
			return nil
		}) // a shell has no use for the error
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

func clientNames(a *app) completion {
	return a.live(func(ctx context.Context, r *registrar.Registrar) []string { return namesOf(r.ClientIDs(ctx)) })
}

func profileNames(a *app) completion {
	return a.live(func(ctx context.Context, r *registrar.Registrar) []string { return namesOf(r.ProfileIDs(ctx)) })
}

// mostCompleted is how many tokens are offered: who has more begins to type.
const mostCompleted = 500

func tokenNames(a *app) completion {
	return a.live(func(ctx context.Context, r *registrar.Registrar) []string {
		var ids []string
		for item, err := range r.Tokens(ctx, "") {
			if err != nil || len(ids) == mostCompleted {
				break
			}
			ids = append(ids, item.ID)
		}
		return ids
	})
}

// first completes the first argument only.
func first(complete completion) completion {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, begun)
	}
}

// words completes one of a few words.
func words(list ...string) completion {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag sets the completion of a flag that the command has.
func completeFlag(cmd *cobra.Command, name string, complete completion) {
	if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
		panic("cli: completion of a flag that is not there: " + name) // a mistake of the program, found by every test
	}
}
