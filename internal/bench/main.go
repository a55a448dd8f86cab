package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// A plan is what the command line says.
type plan struct {
	credence string        // path of the program
	rounds   int           // per server
	length   time.Duration // of one round
	markdown string        // file for the table; empty: none
}

const (
	leadIn  = 300 * time.Millisecond // before each round, unmeasured: the server has been idle
	warmUp  = 2 * time.Second        // once per server: connections, heap
	startUp = time.Minute            // for all servers to come up
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == peerCommand {
		exit(servePeer(os.Args[2:]))
	}
	var p plan
	flag.StringVar(&p.credence, "credence", "credence", "path of the `program`")
	flag.IntVar(&p.rounds, "rounds", 9, "how many rounds each server is asked, 5 to 50")
	flag.DurationVar(&p.length, "length", 3*time.Second, "of one round, 1s to 10s")
	flag.StringVar(&p.markdown, "markdown", "", "`file` to write the table to, too")
	flag.Parse()
	if err := p.bounded(); err != nil {
		exit(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(p.run(ctx, os.Stdout))
}

// exit ends the process; its status is 1 where something failed.
func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// bounded tells whether a run ends within minutes.
func (p plan) bounded() error {
	if p.rounds < 5 || p.rounds > 50 || p.length < time.Second || p.length > 10*time.Second || flag.NArg() > 0 {
		return errors.New("want 5 to 50 rounds of 1s to 10s each, and no arguments")
	}
	return nil
}

// run starts the servers, measures, prints, and ends all that it started.
func (p plan) run(ctx context.Context, out io.Writer) (err error) {
	// Twice what two servers take: whatever hangs, it ends.
	ctx, cancel := context.WithTimeout(ctx, startUp+2*2*time.Duration(p.rounds)*(leadIn+p.length))
	defer cancel()
	defer func() {
		if ctx.Err() != nil { // then what failed was broken off
			err = context.Cause(ctx)
		}
	}()

	s, err := newStage()
	if err != nil {
		return err
	}
	defer s.end()
	servers, err := s.open(ctx, p.credence)
	if err != nil {
		return err
	}
	if err := p.measure(ctx, s, servers, out); err != nil {
		return err
	}
	text := report(p, servers, s.answer)
	fmt.Fprint(out, "\n", text)
	if p.markdown != "" {
		return os.WriteFile(p.markdown, []byte(text), 0o600)
	}
	return nil
}

// measure asks the servers in turns. Who comes first changes from round to
// round, so that neither always follows the other.
func (p plan) measure(ctx context.Context, s *stage, servers []*server, out io.Writer) error {
	for _, server := range servers {
		if _, err := server.load.run(ctx, warmUp); err != nil {
			return server.failed("warm-up", err)
		}
	}
	for i := range p.rounds {
		for j := range servers {
			server := servers[(i+j)%len(servers)]
			measured, err := server.round(ctx, s.redis, p.length)
			if err != nil {
				return server.failed(fmt.Sprintf("round %d", i+1), err)
			}
			server.rounds = append(server.rounds, measured)
			fmt.Fprintf(out, "round %d of %d  %-9s %6.1f µs of CPU a check, %6.0f checks a second\n",
				i+1, p.rounds, server.name, micros(measured.cpu), measured.rate)
		}
	}
	return nil
}
