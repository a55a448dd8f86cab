package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Exit statuses: the work is done, it failed, it was asked for in a wrong way,
// the answer is "no".
const (
	statusDone   = 0
	statusFailed = 1
	statusUsage  = 2
	statusNo     = 3
)

// Main runs the command with its arguments, without the program's name, and
// gives the exit status. The environment is asked by name, as os.Getenv is.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	out := &output{w: stdout}
	a := &app{
		stdin: stdin, stdout: out, stderr: stderr, env: env, now: time.Now,
		colours:  isTerminal(stdout) && env("NO_COLOR") == "" && env("TERM") != "dumb",
		canAsk:   isTerminal(stdin),
		settings: settings{by: author(env)},
	}
	err := a.run(args)
	if err == nil && out.err != nil {
		err = fmt.Errorf("cannot write the output: %w", out.err)
	}
	a.complain(err)
	return statusOf(err)
}

func (a *app) run(args []string) error {
	if err := refuseSecrets(args); err != nil {
		return err
	}
	root := newRootCommand(a)
	root.SetArgs(append([]string{}, args...)) // not nil, for which cobra takes os.Args
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	return root.ExecuteContext(context.Background())
}

// A usageError says that a command was asked for in a wrong way.
type usageError struct{ what string }

func (e *usageError) Error() string { return e.what }

func misused(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// An answerNo says that all went well, and that the answer is no. It is empty
// where the command has told it already.
type answerNo struct{ what string }

func (e *answerNo) Error() string { return e.what }

func statusOf(err error) int {
	var usage *usageError
	var no *answerNo
	switch {
	case err == nil:
		return statusDone
	case errors.As(err, &usage):
		return statusUsage
	case errors.As(err, &no):
		return statusNo
	}
	return statusFailed
}

// output remembers the first error of writing: data that did not arrive must
// not look like success.
type output struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (o *output) Write(text []byte) (int, error) {
	n, err := o.w.Write(text)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
