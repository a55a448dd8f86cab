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
	switch strings.ToLower(a.answer(what + " [y/N] ")) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}

// confirmByName has the name of what will be gone typed.
func (a *app) confirmByName(what, name string) error {
	if a.answer(what+" Type "+name+" to go on: ") == name {
		return nil
	}
	return errDeclined
}

// answer asks a question, and gives the line that comes back; none where
// nothing came.
func (a *app) answer(question string) string {
	fmt.Fprint(a.stderr, printable(question))
	line, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil && line == "" {
		return ""
	}
	return strings.TrimSpace(line)
}
