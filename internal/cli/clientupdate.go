package cli

import (
	"context"

	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

func newClientUpdateCommand(a *app) *cobra.Command {
	cmd := newLeaf("update CLIENT [flags]", "change what a client is", `
Changes the fields that are given and leaves the others. --allow and --label replace the whole list; --add-… and --remove-…
change single entries; --clear leaves a field out. A client whose allowlist is cleared is allowed from any address.`, `
credence client update acme --name "Acme Inc" --contact ops@acme.example
credence client update acme --add-allow 198.51.100.0/24 --remove-allow 203.0.113.0/24 --reason "they moved"
credence client update acme --allow-mode observe
credence client update acme --valid-after 2026-01-31T12:00:00Z --reason "JWTs were logged" --wait
credence client update acme --add-label tier=silver --clear limit`)
	var fields clientFlags
	var cleared clearing
	var allow allowEdit
	var labels labelEdit
	fields.register(cmd.Flags())
	allow.register(cmd.Flags())
	labels.register(cmd.Flags())
	cleared.register(cmd.Flags(), clearable(clientSetters())...)
	m := newMutation(a, cmd)
	cmd.ValidArgsFunction = first(clientNames(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := clientArg(cmd, args)
		if err != nil {
			return err
		}
		if err := somethingGiven(cmd, args, &cleared, "--add-allow", "203.0.113.0/24"); err != nil {
			return err
		}
		return a.update(cmd, m, func(ctx context.Context, r *registrar.Registrar) (registrar.Outcome, error) {
			return r.UpdateClient(ctx, a.author(m), id, func(client *registry.Client) error {
				clientSetters().apply(cmd.Flags(), client, &fields.given)
				clearFields(&cleared, clientSetters(), client)
				if err := labels.apply(cmd, &client.Labels); err != nil {
					return err
				}
				return allow.apply(cmd, &client.Allow)
			})
		})
	}
	return cmd
}
