package cli

import (
	"context"

	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

func newTokenUpdateCommand(a *app) *cobra.Command {
	cmd := newLeaf("update ID [flags]", "change when, where and for what a token is good", `
Changes the fields that are given and leaves the others; the token itself stays what it is. --allow replaces the whole
allowlist; --add-allow and --remove-allow change single entries; --clear leaves a field out. Client and profile cannot be
changed: that is another token.`, `
credence token update k3x9w0a7qd --expires-in 7d --reason "replaced within a week"
credence token update k3x9w0a7qd --label "billing job" --allow 203.0.113.7
credence token update k3x9w0a7qd --clear expires-at,allow`)
	var fields tokenFlags
	var cleared clearing
	var allow allowEdit
	fields.register(cmd.Flags())
	allow.register(cmd.Flags())
	cleared.register(cmd.Flags(), clearable(tokenSetters(), "expires-in")...)
	m := newMutation(a, cmd)
	cmd.ValidArgsFunction = first(tokenNames(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := tokenArg(cmd, args)
		if err != nil {
			return err
		}
		if err := somethingGiven(cmd, args, &cleared, "--expires-in", "7d"); err != nil {
			return err
		}
		if err := fields.settle(cmd, a.now()); err != nil {
			return err
		}
		return a.update(cmd, m, func(ctx context.Context, r *registrar.Registrar) (registrar.Outcome, error) {
			return r.UpdateToken(ctx, a.author(m), id, func(token *registry.Token) error {
				tokenSetters().apply(cmd.Flags(), token, &fields.given)
				clearFields(&cleared, tokenSetters(), token)
				return allow.apply(cmd, &token.Allow)
			})
		})
	}
	return cmd
}
