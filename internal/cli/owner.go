package cli

import (
	"context"
	"strings"

	"credence/internal/registrar"

	"github.com/spf13/cobra"
)

// An owner is a kind of record that is switched off and on, and deleted: the
// client and the profile.
type owner[T ~string] struct {
	kind    string
	example string
	denied  string // what is denied when it is off
	parse   func(*cobra.Command, []string) (T, error)
	names   func(*app) completion

	disable, enable, remove func(*registrar.Registrar, context.Context, registrar.Author, T) (registrar.Outcome, error)
	// warn says what a deletion takes along.
	warn func(context.Context, *registrar.Registrar, T) (string, error)
}

func newDisableCommand[T ~string](a *app, o owner[T]) *cobra.Command {
	cmd := newLeaf("disable "+strings.ToUpper(o.kind)+" [flags]", "switch a "+o.kind+" off", `
Switches a `+o.kind+` off: within milliseconds `+o.denied+` is denied, until the `+o.kind+` is enabled again. Disabling
what is disabled changes nothing and is no error. The command ends when every server has applied it, or says which may not
have (status 3).`, `
credence `+o.kind+` disable `+o.example+` --reason "leaked token"`)
	return switching(a, o, cmd, "disabled", "undo: credence "+o.kind+" enable ", o.disable)
}

func newEnableCommand[T ~string](a *app, o owner[T]) *cobra.Command {
	cmd := newLeaf("enable "+strings.ToUpper(o.kind)+" [flags]", "switch a "+o.kind+" on again", `
Switches a `+o.kind+` on again. Tokens that were revoked meanwhile stay revoked. Enabling what is active changes nothing and
is no error.`, `
credence `+o.kind+` enable `+o.example+` --reason "token replaced"`)
	return switching(a, o, cmd, "enabled", "", o.enable)
}

// switching makes a command of an operation that sets a state.
func switching[T ~string](a *app, o owner[T], cmd *cobra.Command, verb, hint string, do func(*registrar.Registrar, context.Context, registrar.Author, T) (registrar.Outcome, error)) *cobra.Command {
	m := newMutation(a, cmd)
	cmd.ValidArgsFunction = first(o.names(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := o.parse(cmd, args)
		if err != nil {
			return err
		}
		return a.change(cmd, m, func(ctx context.Context, r *registrar.Registrar) error {
			outcome, err := do(r, ctx, a.author(m), id)
			if err != nil {
				return err
			}
			next := hint
			if next != "" {
				next += string(id)
			}
			a.report(m, outcome, verb, next)
			return nil
		})
	}
	return cmd
}

func newDeleteCommand[T ~string](a *app, o owner[T]) *cobra.Command {
	cmd := newLeaf("delete "+strings.ToUpper(o.kind)+" [flags]", "end a "+o.kind+" for good", `
Ends a `+o.kind+` for good: within milliseconds `+o.denied+` is denied. That cannot be undone, and the id is never used
again: the command wants the id typed once more, or takes --yes. It ends when every server has applied it, or says which may
not have (status 3). What is only to be off for a while is better disabled.`, `
credence `+o.kind+` delete `+o.example+` --reason "contract ended"
credence `+o.kind+` delete `+o.example+` --reason "contract ended" --yes`)
	var yes bool
	m := newMutation(a, cmd)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.ValidArgsFunction = first(o.names(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := o.parse(cmd, args)
		if err != nil {
			return err
		}
		ask := !yes && !m.dryRun
		if ask && !a.canAsk {
			return a.confirm(cmd, args, "")
		}
		var warning string
		err = a.browse(cmd, func(ctx context.Context, r *registrar.Registrar) (err error) {
			warning, err = o.warn(ctx, r, id)
			return err
		})
		if err != nil {
			return err
		}
		if ask {
			if err := a.confirmByName(warning+" This cannot be undone.", string(id)); err != nil {
				return err
			}
		}
		return a.change(cmd, m, func(ctx context.Context, r *registrar.Registrar) error {
			outcome, err := o.remove(r, ctx, a.author(m), id)
			if err != nil {
				return err
			}
			a.report(m, outcome, "deleted", "")
			if !ask && outcome.Changed() {
				a.note("%s", warning)
			}
			return nil
		})
	}
	return cmd
}
