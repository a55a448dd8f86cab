package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// A plan is what the command line says.
type plan struct {
	credence string        // path of the program
	rounds   int           // of each that is compared
	length   time.Duration // of one round
	only     string        // names of parts; empty: all
	long     bool          // whether parts run that are not in the short plan
	envoy    string        // path of Envoy
	markdown string        // file for the report; empty: none
	svg      string        // file for the picture; empty: none
}

// longest bounds a run, whatever hangs. What was found until then is told.
const longest = 30 * time.Minute

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case peerCommand:
			exit(servePeer(os.Args[2:]))
		case floodCommand:
			exit(runFlood(os.Args[2:]))
		}
	}
	var p plan
	flag.StringVar(&p.credence, "credence", "credence", "path of the `program`")
	flag.IntVar(&p.rounds, "rounds", 9, "how many rounds each is asked that is compared, 5 to 50")
	flag.DurationVar(&p.length, "length", 800*time.Millisecond, "of one round, 500ms to 10s")
	flag.StringVar(&p.only, "only", "", "`parts` to run, with commas between, in place of the short plan: "+strings.Join(partNames(), ", "))
	flag.BoolVar(&p.long, "long", false, "run all parts")
	flag.StringVar(&p.envoy, "envoy", "envoy", "path of the `program` Envoy")
	flag.StringVar(&p.markdown, "markdown", "", "`file` to write the report to, too")
	flag.StringVar(&p.svg, "svg", "", "`file` to draw the figures to")
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

// bounded tells whether rounds are within what makes sense.
func (p plan) bounded() error {
	if p.rounds < 5 || p.rounds > 50 || p.length < 500*time.Millisecond || p.length > 10*time.Second || flag.NArg() > 0 {
		return errors.New("want 5 to 50 rounds of 500ms to 10s each, and no arguments")
	}
	return nil
}

// run runs the parts, prints what they found, and ends all that they started.
// One that fails does not keep the others from being run.
func (p plan) run(ctx context.Context, out io.Writer) error {
	parts, err := selected(p.only, p.long)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	found := report{machine: hardware(), plan: p}
	var errs []error
	for _, part := range parts {
		fmt.Fprintf(out, "%s: %s\n", part.name, part.title)
		section, err := part.measure(ctx, p, out)
		if ctx.Err() != nil { // then what failed was broken off
			errs = append(errs, context.Cause(ctx))
			break
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", part.name, err))
			continue
		}
		found.sections = append(found.sections, section)
	}
	text := found.String()
	fmt.Fprint(out, "\n", text)
	if p.markdown != "" {
		errs = append(errs, os.WriteFile(p.markdown, []byte(text), 0o600))
	}
	if charts := found.charts(); p.svg != "" && len(charts) > 0 {
		errs = append(errs, os.WriteFile(p.svg, []byte(newPicture(charts, found.machine).String()), 0o600))
	}
	return errors.Join(errs...)
}
