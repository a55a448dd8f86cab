package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

// A mutation is what every command that changes the registry can be told, and
// what came of it.
type mutation struct {
	reason    string
	dryRun    bool
	restricts bool          // it takes something away from somebody
	wait      time.Duration // for the proof; zero: it is not waited for

	position registry.Position // of the last commit that was made
	already  bool              // it was so already
	hint     string            // the next command, told behind the proof; empty: none
}

// restrictions are the operations that take something away from somebody. They
// are done when every server goes by them.
var restrictions = []string{"delete", "disable", "offboard", "remove", "retire", "revoke"}

// newMutation makes the flags of a command that changes the registry.
func newMutation(a *app, cmd *cobra.Command) *mutation {
	m := &mutation{restricts: slices.Contains(restrictions, cmd.Name())}
	cmd.Flags().StringVar(&a.by, "by", a.by, "`WHO` does it, kept in the registry ("+envBy+")")
	cmd.Flags().StringVar(&m.reason, "reason", "", "`WHY`, kept in the registry")
	cmd.Flags().BoolVar(&m.dryRun, "dry-run", false, "show what would change, and change nothing")
	m.registerWait(cmd)
	cmd.Flags().BoolVarP(&a.verbose, "verbose", "v", false, "show the Redis commands that the change amounts to")
	return m
}

func (a *app) author(m *mutation) registrar.Author {
	return registrar.Author{By: a.by, Reason: m.reason}
}

// report tells what came of a change: the record for programs, or its name and
// what was done to it. The hint is the next command, if there is an obvious one.
func (a *app) report(m *mutation, o registrar.Outcome, verb, hint string) {
	kind := o.Edit.Now.Ref().Kind
	switch {
	case !a.output.isTable():
		writeDocument(a.stdout, a.output, documentOf(kind, o.Name(), o.Fields()))
	case !o.Changed():
		fmt.Fprintf(a.stdout, "%s %s already, nothing was changed\n", o.Name(), verb)
	case m.dryRun:
		fmt.Fprintf(a.stdout, "%s %s (dry run)\n", o.Name(), verb)
		a.showEdits(o.Commit)
	default:
		fmt.Fprintf(a.stdout, "%s %s\n", o.Name(), verb)
	}
	a.remark(m, o.Commit, o.Position, hint)
}

// remark tells what people want to know besides, and keeps what is to be told
// behind the proof: how far the change is proven, and what to do next.
func (a *app) remark(m *mutation, commit registry.Commit, position registry.Position, hint string) {
	if len(commit.Edits)+len(commit.Revoke) == 0 {
		m.already = true
		return
	}
	if a.verbose {
		a.showCommands(commit)
	}
	if m.dryRun {
		a.note("nothing was changed")
		return
	}
	m.position, m.hint = position, hint
	if m.wait == 0 {
		a.note("%s: servers apply it within milliseconds; --wait proves it", changeName(position))
	}
}

// showEdits lists the fields that a commit writes, as they were and as they
// are.
func (a *app) showEdits(commit registry.Commit) {
	writes, err := commit.Writes()
	if err != nil {
		return // it was checked when it was tried
	}
	for _, w := range writes {
		for _, f := range ordered(w.Ref.Kind, w.Set) {
			if was, there := w.Expect[f.name]; there {
				fmt.Fprintf(a.stdout, "  %s: %s -> %s\n", f.name, printable(was), printable(f.text))
				continue
			}
			fmt.Fprintf(a.stdout, "  %s: %s\n", f.name, printable(f.text))
		}
		for _, name := range w.Unset {
			fmt.Fprintf(a.stdout, "  %s: %s -> %s\n", printable(name), printable(w.Expect[name]), notSet)
		}
	}
}

// update is change for a record that was there, and tells what became of it.
func (a *app) update(cmd *cobra.Command, m *mutation, do func(context.Context, *registrar.Registrar) (registrar.Outcome, error)) error {
	return a.change(cmd, m, func(ctx context.Context, r *registrar.Registrar) error {
		outcome, err := do(ctx, r)
		if err != nil {
			return err
		}
		a.report(m, outcome, "updated", "")
		a.noteOpened(outcome)
		return nil
	})
}

// noteOpened says that a record has lost its allowlist.
func (a *app) noteOpened(o registrar.Outcome) {
	if o.Changed() && o.Edit.Was.Fields["allow"] != "" && o.Edit.Now.Fields()["allow"] == "" {
		a.note("note: it has no allowlist now: any address is allowed")
	}
}
