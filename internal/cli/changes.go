package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"credence/internal/credential"
	"credence/internal/redisstore"
	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

// lastChanges is how many changes are shown where nothing else is said.
const lastChanges = 20

// followRound is how long Redis is asked to wait for changes at a time. It is
// only how soon a connection that leads nowhere any more is noticed.
const followRound = 10 * time.Second

func newChangesCommand(a *app) *cobra.Command {
	cmd := newLeaf("changes [NAME ...] [flags]", "who changed what in the registry, when and why", `
Shows the changes of the registry, oldest first: those that credence made, and those that other programs told of. With
NAME only those of these records: client/acme, with all that is its own, profile/partner, token/k3x9w0a7qd, key/acme/k1 or
binding/ID. Some 100,000 are kept.

TIME is by the clock of who made the change. -o wide also has the number of the commit, which changes of other programs
have not. -o json and -o yaml hold the entries of the change stream as they stand in Redis, with their id (entry) and the
names of the records (names). With --follow, -o json is one object a line.`, `
credence changes
credence changes client/acme --all
credence changes --since 24h -o wide
credence changes --follow --last 0 -o json | jq -r 'select(.op == "disable") | .names'`)
	var all, follow bool
	selection := registrar.Selection{Last: lastChanges}
	cmd.Flags().Var(parse("NUMBER", &selection.Last, parseCount), "last", "the newest so many (default "+strconv.Itoa(lastChanges)+", or all with --since)")
	cmd.Flags().Var(a.sinceFlag(&selection.Since), "since", "from a time, or a time ago, by the clock of Redis: 24h, 2026-01-31T12:00:00Z")
	cmd.Flags().BoolVar(&all, "all", false, "from the oldest that is kept")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "and then those to come, until Ctrl-C")
	cmd.ValidArgsFunction = a.live(recordNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		last, since := cmd.Flags().Changed("last"), cmd.Flags().Changed("since")
		switch {
		case all && (last || since):
			return misused("%s: --all goes without --last and --since", pathOf(cmd))
		case all, since && !last:
			selection.Last = -1
		}
		if selection.Of, err = recordArgs(cmd, args); err != nil {
			return err
		}
		if follow {
			return a.followChanges(cmd, selection)
		}
		return a.browse(cmd, func(ctx context.Context, r *registrar.Registrar) error {
			out := a.newSink(changeHeadings(a.output))
			shown, err := a.writeChanges(out, r.Journal(selection).Past(ctx))
			out.end()
			a.noteShown(err, shown, selection)
			return err
		})
	}
	return cmd
}

// noteShown says what the list of changes leaves out, where one could wonder.
func (a *app) noteShown(err error, shown int, selection registrar.Selection) {
	switch {
	case err != nil:
	case shown == 0:
		a.note("no changes")
	case shown == selection.Last && selection.Since.IsZero():
		a.note("the last %d; --all shows all that are kept", shown)
	}
}

// followChanges shows changes until it is told to end, by a signal.
func (a *app) followChanges(cmd *cobra.Command, selection registrar.Selection) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // a second signal ends the program
	return a.workWith(ctx, asWritten, func(ctx context.Context, r *registrar.Registrar, store *redisstore.Store) error {
		feed, err := store.Feed(followRound)
		if err != nil {
			return err
		}
		defer func() { _ = feed.Close() }() // nobody waits for it any more
		out := a.newEndlessSink(changeHeadings(a.output))
		journal := r.Journal(selection)
		if _, err := a.writeChanges(out, journal.Past(ctx)); err != nil {
			return unlessOver(ctx, err)
		}
		out.flush()
		_, err = a.writeChanges(flushing{out}, journal.Follow(ctx, feed))
		return unlessOver(ctx, err)
	})
}

// unlessOver gives an error, unless it is that somebody wanted the end.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// A flushing sink writes each record at once.
type flushing struct{ sink }

func (f flushing) add(d document, row []string) {
	f.sink.add(d, row)
	f.flush()
}

// writeChanges writes changes as they come, and gives how many there were.
func (a *app) writeChanges(out sink, changes registrar.Changes) (shown int, err error) {
	for told, err := range changes {
		switch {
		case errors.Is(err, registry.ErrGap):
			a.say("warning: changes were lost here: the change stream was cut, emptied, or is another one since a fail-over")
		case err != nil:
			return shown, err
		default:
			out.add(changeDocument(told), changeRow(told, a.output))
			shown++
		}
		if a.outputFailed() {
			return shown, nil // main tells of it
		}
	}
	return shown, nil
}

// outputFailed tells that nobody reads what is written.
func (a *app) outputFailed() bool {
	out, ok := a.stdout.(*output)
	return ok && out.err != nil
}

func changeHeadings(f format) []heading {
	if f == asWideTable {
		return []heading{{title: "NAME"}, {title: "OP"}, {title: "BY"}, {title: "REASON"}, {title: "COMMIT"}, {title: "ENTRY"}, {title: "TIME"}}
	}
	return []heading{{title: "NAME", shrink: true}, {title: "OP", shrink: true}, {title: "BY", shrink: true}, {title: "REASON", shrink: true}, {title: "TIME"}}
}

func changeRow(told registrar.Told, f format) []string {
	names := subjectNames(told)
	name := "<everything>"
	switch {
	case told.Everything():
	case f == asWideTable || len(names) == 1:
		name = strings.Join(names, " ")
	default:
		name = names[0] + " +" + strconv.Itoa(len(names)-1)
	}
	row := []string{name, orNotSet(told.Op), orNotSet(told.By), orNotSet(told.Note)}
	if f == asWideTable {
		commit := notSet
		if told.Seq > 0 {
			commit = strconv.FormatUint(told.Seq, 10)
		}
		row = append(row, commit, told.Entry)
	}
	row = append(row, registry.FormatTime(told.At.Truncate(time.Second)))
	for i, cell := range row {
		row[i] = printable(redact(cell))
	}
	return row
}

func subjectNames(told registrar.Told) []string {
	names := make([]string, len(told.Subjects))
	for i, subject := range told.Subjects {
		names[i] = subject.Name
	}
	return names
}

// changeFields is the order in which the fields of an entry are shown.
var changeFields = []string{"seq", "keys", "op", "by", "at", "note"}

// changeDocument gives a change for programs: all fields of its entry, with
// what is known of it besides.
func changeDocument(told registrar.Told) document {
	fields := []field{{"entry", told.Entry}}
	if len(told.Subjects) > 0 {
		fields = append(fields, field{"names", strings.Join(subjectNames(told), " ")})
	}
	names := slices.Clone(changeFields)
	for _, name := range slices.Sorted(maps.Keys(told.Fields)) {
		if !slices.Contains(names, name) && name != "entry" && name != "names" {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if text, there := told.Fields[name]; there {
			fields = append(fields, field{name, redact(text)})
		}
	}
	return document{"change/" + told.Entry, fields}
}

func parseCount(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no number: want 0 or more", text)
	}
	return n, nil
}

// sinceFlag reads a time, or how long ago it is.
func (a *app) sinceFlag(into *time.Time) *parsed {
	return parse("WHEN", into, func(text string) (time.Time, error) {
		if ago, err := registry.ParseDuration(text); err == nil {
			return a.now().Add(-ago), nil
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is no time and no duration: want one like 24h, 7d or 2026-01-31T12:00:00Z", text)
		}
		return t, nil
	})
}

// recordArgs reads names of records: client/acme.
func recordArgs(cmd *cobra.Command, args []string) ([]string, error) {
	for _, arg := range args {
		kind, id, _ := strings.Cut(arg, "/")
		var err error
		switch registry.RecordKind(kind) {
		case registry.ClientKind, registry.ProfileKind:
			_, err = registry.ParseID[string](id)
		case registry.TokenKind:
			_, err = credential.ParseTokenID(id)
		case registry.KeyKind:
			_, _, err = parseKeyName(id)
		case registry.BindingKind:
			_, err = registry.ParseBindingID(id)
		default:
			return nil, misused("%s: %q names no record: want client/%s, profile/NAME, token/ID, key/CLIENT/KID or binding/ID", pathOf(cmd), arg, cmp.Or(id, arg))
		}
		if err != nil {
			return nil, misused("%s: %s: %v", pathOf(cmd), arg, err)
		}
	}
	return args, nil
}

// recordNames gives the names of clients and profiles, to be completed.
func recordNames(ctx context.Context, r *registrar.Registrar) []string {
	var names []string
	for _, id := range namesOf(r.ClientIDs(ctx)) {
		names = append(names, "client/"+id)
	}
	for _, id := range namesOf(r.ProfileIDs(ctx)) {
		names = append(names, "profile/"+id)
	}
	return names
}
