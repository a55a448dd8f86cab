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
		return unknownCommand(cmd, args[0])
	}
	return group
}

func unknownCommand(group *cobra.Command, word string) error {
	if near := group.SuggestionsFor(word); len(near) > 0 {
		return misused("unknown command %q for %q: did you mean %s?", word, group.CommandPath(), strings.Join(near, " or "))
	}
	return misused("unknown command %q for %q: see %s --help", word, group.CommandPath(), group.CommandPath())
}

// newHelpCommand makes the command that gives the help of others. Of what is no
// command there is none: that is wrong usage.
func newHelpCommand() *cobra.Command {
	cmd := newLeaf("help [COMMAND]", "help about any command", "", `
credence help
credence help client create`)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var names []cobra.Completion
		if group, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
			for _, child := range shownUnder(group) {
				names = append(names, child.Name())
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		found, rest, err := cmd.Root().Find(args)
		if err != nil {
			return misused("%s: %v", pathOf(cmd), err)
		}
		if len(rest) > 0 {
			return unknownCommand(found, rest[0])
		}
		found.InitDefaultHelpFlag()
		return found.Help()
	}
	return cmd
}

// meant gives the words to say behind an unknown one: a suggestion, or else
// where to look.
func meant(word string, candidates []string, otherwise string) string {
	if near := spelling.Nearest(word, candidates); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return otherwise
}
