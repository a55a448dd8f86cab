package cli

import (
	"fmt"
	"strings"

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

// longestMisspelt is how long a word may be to be compared: nobody mistypes
// more, and comparing takes the product of the lengths.
const longestMisspelt = 64

// nearest gives the candidate that was most likely meant by a word: the one of
// which it is the beginning, or few letters away; empty if there is none.
func nearest(word string, candidates []string) string {
	if len(word) > longestMisspelt {
		return ""
	}
	best, least := "", 1+max(1, len(word)/3)
	for _, candidate := range candidates {
		distance := editDistance(word, candidate)
		if len(word) > 2 && strings.HasPrefix(candidate, word) {
			distance = min(distance, 1)
		}
		if distance < least {
			best, least = candidate, distance
		}
	}
	return best
}

// editDistance counts the letters to insert, drop, replace or swap with their
// neighbour to come from a to b.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1) // rows[i][j]: from the first i letters to the first j
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
				continue
			case a[i-1] == b[j-1]:
				rows[i][j] = rows[i-1][j-1]
			default:
				rows[i][j] = 1 + min(rows[i-1][j], rows[i][j-1], rows[i-1][j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// meant gives the words to say behind an unknown one: a suggestion, or else
// where to look.
func meant(word string, candidates []string, otherwise string) string {
	if near := nearest(word, candidates); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return otherwise
}
