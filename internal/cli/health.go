package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newHealthCommand(a *app) *cobra.Command {
	var live bool
	cmd := newLeaf("health [--live]", "ask a server whether it is ready", `
Asks the server at listen.grpc, as Envoy does, whether it wants to be asked. For exec probes: exit status 0 when it
serves, 3 when it says that it does not, 1 when there is no answer.

With listen.tls it shows the server's own certificate, which it reads from the same files, and takes no other: a server
answers that certificate about its health, and no checks.`, `
credence health
credence health --live       # for a start-up probe: any answer will do, so that a pod comes up when Redis is away`)
	cmd.Flags().BoolVar(&live, "live", false, "any answer will do")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := none(cmd, args); err != nil {
			return err
		}
		c, err := a.configuration()
		if err != nil {
			return err
		}
		answer, err := askHealth(cmd.Context(), c.Listen)
		if err != nil {
			return err
		}
		if answer.note != "" {
			a.note("%s", answer.note)
		}
		if answer.serving {
			fmt.Fprintln(a.stdout, "serving")
			return nil
		}
		fmt.Fprintln(a.stdout, "not serving")
		a.note("http://%s/readyz says why", c.Listen.Ops)
		if live {
			return nil
		}
		return &answerNo{}
	}
	return cmd
}
