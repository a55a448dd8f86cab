package cli

import (
	"fmt"
	"strings"

	"credence/internal/spelling"

	"github.com/spf13/cobra"
)

// newGroup makes a command that only has others under it. Alone it gives help;
// a word that names none of them is wrong usage.
func newGroup(use, short, long, examples string) *cobra.Command {
	group := newLeaf(use, short, long, examples)
	group.Args = cobra.ArbitraryArgs
	group.SuggestionsMinimumDistance = 2
	group.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return misused("unknown command %q for %q: did you mean %s?", args[0], cmd.CommandPath(), strings.Join(near, " or "))
		}
		return misused("unknown command %q for %q: see %s --help", args[0], cmd.CommandPath(), cmd.CommandPath())
	}
	return group
}

// meant gives the words to say behind an unknown one: a suggestion, or else
// where to look.
func meant(word string, candidates []string, otherwise string) string {
	if near := spelling.Nearest(word, candidates); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return otherwise
}
