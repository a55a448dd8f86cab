package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// healthTimeout is how long a server may take to say how it is: well below
// what an exec probe waits.
const healthTimeout = 900 * time.Millisecond

func newHealthCommand(a *app) *cobra.Command {
	var live bool
	cmd := newLeaf("health [--live]", "ask a server whether it is ready", `
Asks the server at listen.grpc, as Envoy does, whether it wants to be asked. For exec probes: exit status 0 when it
serves, 3 when it says that it does not, 1 when there is no answer.`, `
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
		serving, err := askHealth(cmd.Context(), c.Listen.GRPC)
		switch {
		case err != nil:
			return fmt.Errorf("no server answers at %s: %s", c.Listen.GRPC, status.Convert(err).Message())
		case serving:
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

// askHealth asks the gRPC health of a server: of all that it serves.
func askHealth(ctx context.Context, at string) (serving bool, err error) {
	target := "passthrough:///" + at
	if strings.HasPrefix(at, "unix:") {
		target = at
	}
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return false, err
	}
	defer func() { _ = connection.Close() }()
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	response, err := healthpb.NewHealthClient(connection).Check(ctx, &healthpb.HealthCheckRequest{})
	return response.GetStatus() == healthpb.HealthCheckResponse_SERVING, err
}
