package cli

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

var errDeclined = errors.New("nothing was done")

// confirm asks before something that cannot be undone. Without a terminal
// there is nobody to ask: then --yes must say it.
func (a *app) confirm(cmd *cobra.Command, args []string, what string) error {
	if !a.canAsk {
		return misused("%s cannot be undone: to do it without being asked: %s", pathOf(cmd), commandLine(cmd, args, "--yes"))
	}
	fmt.Fprintf(a.stderr, "%s [y/N] ", printable(what))
	line, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil && line == "" {
		return errDeclined
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}
