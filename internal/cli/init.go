package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"credence/internal/credential"
	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

func newInitCommand(a *app) *cobra.Command {
	cmd := newLeaf("init [flags]", "make a registry in Redis", `
Makes a registry where there is none: the record that names it, and says how tokens are stored. With
credentials.pepper_files in the configuration they are stored by the highest pepper, without by a plain SHA-256. Where
there is a registry already nothing is changed, and that is no error.`, `
credence init
credence init --redis redis://10.0.0.5:6379/0
credence init --config credence.yaml`)
	m := &mutation{} // a registry has no place for a reason
	cmd.Flags().BoolVar(&m.dryRun, "dry-run", false, "show what would be made, and make nothing")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := none(cmd, args); err != nil {
			return err
		}
		return a.change(cmd, m, func(ctx context.Context, r *registrar.Registrar) error {
			root, created, err := r.Init(ctx)
			if err != nil {
				return err
			}
			a.reportRoot(m, root, created)
			return nil
		})
	}
	return cmd
}

func (a *app) reportRoot(m *mutation, root *registry.Root, created bool) {
	name := registrar.Name(root.Ref()) + "/" + root.ID
	switch {
	case !a.output.isTable():
		writeDocument(a.stdout, a.output, documentOf(registry.RootKind, name, root.Fields()))
	case !created:
		fmt.Fprintf(a.stdout, "%s is there already, nothing was changed\n", printable(name))
	case m.dryRun:
		fmt.Fprintf(a.stdout, "%s created (dry run)\n", registrar.Name(root.Ref()))
	default:
		fmt.Fprintf(a.stdout, "%s created\n", name)
	}
	a.note("in redis at %s, prefix %s; tokens are stored by %s", a.redisAt, a.prefix, digestWords(root.Digests))
	if created && !m.dryRun {
		a.note("next: credence profile create partner --accepts token")
	}
}

// digestWords says by what tokens are stored.
func digestWords(kinds []credential.DigestKind) string {
	if slices.Equal(kinds, []credential.DigestKind{credential.PlainDigest}) {
		return "SHA-256 without a pepper (s1)"
	}
	words := make([]string, len(kinds))
	for i, kind := range kinds {
		words[i] = string(kind)
	}
	return strings.Join(words, ", ")
}
