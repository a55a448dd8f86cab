package cli

import (
	"context"

	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

func newProfileUpdateCommand(a *app) *cobra.Command {
	cmd := newLeaf("update PROFILE [flags]", "change what an access profile allows", `
Changes the fields that are given and leaves the others, for all that is issued for the profile. --allow and --scopes
replace the whole list; --add-… and --remove-… change single entries; --clear leaves a field out. A profile whose allowlist
is cleared is allowed from any address.`, `
credence profile update partner --add-scopes orders:write --max-token-age 30d
credence profile update partner --remove-scopes "orders:write orders:delete" --reason "read only from now on"
credence profile update partner --require-tls=false --clear limit`)
	var fields profileFlags
	var cleared clearing
	var allow allowEdit
	var scopes scopeEdit
	fields.register(cmd.Flags())
	allow.register(cmd.Flags())
	scopes.register(cmd.Flags())
	cleared.register(cmd.Flags(), clearable(profileSetters(), "accepts")...)
	m := newMutation(a, cmd)
	cmd.ValidArgsFunction = first(profileNames(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := profileArg(cmd, args)
		if err != nil {
			return err
		}
		if err := somethingGiven(cmd, args, &cleared, "--add-scopes", "orders:read"); err != nil {
			return err
		}
		return a.update(cmd, m, func(ctx context.Context, r *registrar.Registrar) (registrar.Outcome, error) {
			return r.UpdateProfile(ctx, a.author(m), id, func(profile *registry.Profile) error {
				profileSetters().apply(cmd.Flags(), profile, &fields.given)
				clearFields(&cleared, profileSetters(), profile)
				if err := scopes.apply(cmd, &profile.Scopes); err != nil {
					return err
				}
				return allow.apply(cmd, &profile.Allow)
			})
		})
	}
	return cmd
}
