package cli

import (
	"context"
	"strconv"
	"strings"
	"time"

	"credence/internal/fleet"
	"credence/internal/redisstore"
	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

func newFleetCommand(a *app) *cobra.Command {
	group := newGroup("fleet", "the servers that use the registry", `
Each server lists itself in the registry, and says every second which change it goes by. That is how --wait proves that a
change has taken effect everywhere.`, `
credence fleet list
credence fleet forget web-1-k3x9w0a7qd`)
	group.AddCommand(newFleetListCommand(a), newFleetForgetCommand(a))
	return group
}

func newFleetListCommand(a *app) *cobra.Command {
	cmd := newLeaf("list [flags]", "list the servers, and how far each is", `
Lists the servers by name. STATE is current: it goes by the newest change; behind: not yet; silent: it was not heard of for
10 seconds or longer; or unreadable. HEARD is when it was heard of last, by the clock of Redis. A server that is silent may
still answer from memory, at most for its STALE FOR after that, and 10 seconds, for clocks that differ. -o wide says until
when, and which change each goes by.

-o json and -o yaml hold the fields that a server has in Redis, with its name, its state, and those times.`, `
credence fleet list
credence fleet list -o wide
credence fleet list -o json | jq -r '.[] | select(.state != "current") | .name'`)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := none(cmd, args); err != nil {
			return err
		}
		return a.workWith(cmd.Context(), asWritten, func(ctx context.Context, r *registrar.Registrar, store *redisstore.Store) error {
			if _, err := r.Root(ctx); err != nil {
				return err
			}
			servers, err := lookAtFleet(ctx, store)
			if err != nil {
				return err
			}
			a.listServers(servers)
			return nil
		})
	}
	return cmd
}

// A seenServer is one of the fleet, and how it stands.
type seenServer struct {
	fleet.Server
	now    time.Time // by the clock of Redis
	newest string    // entry of the change stream
}

// lookAtFleet gives who is listed. The newest change is asked for first: who
// goes by a later one is current too.
func lookAtFleet(ctx context.Context, store *redisstore.Store) ([]seenServer, error) {
	extent, err := store.Extent(ctx)
	if err != nil {
		return nil, err
	}
	now, servers, err := store.List(ctx)
	if err != nil {
		return nil, err
	}
	seen := make([]seenServer, len(servers))
	for i, server := range servers {
		seen[i] = seenServer{server, now, extent.Newest}
	}
	return seen, nil
}

// The states of a server.
const (
	serverCurrent    = "current"
	serverBehind     = "behind"
	serverSilent     = "silent"
	serverUnreadable = "unreadable"
)

func (s seenServer) state() string {
	switch {
	case s.Invalid != nil:
		return serverUnreadable
	case !s.IsHeardOf(s.now):
		return serverSilent
	case s.newest != "" && !s.HasApplied(s.newest):
		return serverBehind
	}
	return serverCurrent
}

// mayAnswerUntil says until when a silent server may answer from memory.
func (s seenServer) mayAnswerUntil() string {
	if s.IsHeardOf(s.now) {
		return notSet
	}
	return second(s.MayAnswerUntil())
}

func (a *app) listServers(servers []seenServer) {
	columns := serverColumns(a.output == asWideTable)
	headings := make([]heading, len(columns))
	for i, c := range columns {
		headings[i] = heading{title: c.title, shrink: c.shrinks}
		if c.title == "STATE" {
			headings[i].paint = a.paintServer
		}
	}
	out := a.newSink(headings)
	for _, s := range servers {
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = printable(c.cell(s, a.now()))
		}
		out.add(serverDocument(s), row)
	}
	out.end()
	for _, s := range servers {
		if s.Invalid != nil {
			a.say("warning: server %s cannot be read, and counts as one that applies nothing: %s", s.Name, plain(s.Invalid))
		}
	}
	if len(servers) == 0 {
		a.note("no servers; credence serve lists itself while it runs")
	}
}

type serverColumn struct {
	title   string
	shrinks bool
	cell    func(s seenServer, now time.Time) string
}

func serverColumns(wide bool) []serverColumn {
	columns := []serverColumn{
		{"NAME", false, func(s seenServer, _ time.Time) string { return s.Name }}, // whole: forget wants it
		{"STATE", false, func(s seenServer, _ time.Time) string { return s.state() }},
		{"HEARD", false, func(s seenServer, _ time.Time) string { return age(s.Beat, s.now) + " ago" }},
		{"STALE FOR", false, func(s seenServer, _ time.Time) string { return staleWords(s.Server) }},
		{"VERSION", true, func(s seenServer, _ time.Time) string { return orNotSet(s.Version) }},
	}
	if wide {
		columns = append(columns, []serverColumn{
			{"APPLIED", false, func(s seenServer, _ time.Time) string { return orNotSet(s.Applied) }},
			{"MAY ANSWER UNTIL", false, func(s seenServer, _ time.Time) string { return s.mayAnswerUntil() }},
			{"WITHHELD", false, func(s seenServer, _ time.Time) string { return orNotSet(strings.Join(s.Withheld, " ")) }},
			{"SCHEMA", false, func(s seenServer, _ time.Time) string { return strconv.Itoa(s.Schema) }},
			{"BOOT", false, func(s seenServer, _ time.Time) string { return orNotSet(s.Boot) }},
		}...)
	}
	return append(columns, serverColumn{"AGE", false, func(s seenServer, now time.Time) string {
		if s.Started.IsZero() {
			return notSet
		}
		return age(s.Started, now)
	}})
}

// staleWords gives how long a server answers from memory.
func staleWords(s fleet.Server) string {
	if s.Invalid != nil && s.StaleFor == fleet.LongestStaleFor {
		return "not known"
	}
	return span(s.StaleFor)
}

// serverDocument gives a server for programs: its fields, with its name and
// what follows from them.
func serverDocument(s seenServer) document {
	fields := []field{{"name", s.Name}, {"state", s.state()}, {"heard_at", registry.FormatTime(s.Beat)}}
	if !s.IsHeardOf(s.now) {
		fields = append(fields, field{"may_answer_until", s.mayAnswerUntil()})
	}
	has := s.Fields()
	for _, name := range []string{"applied", "stale_for", "withheld", "version", "schema", "boot", "started_at"} {
		if text := has[name]; text != "" && (s.Invalid == nil || name != "stale_for" || s.StaleFor != fleet.LongestStaleFor) {
			fields = append(fields, field{name, text})
		}
	}
	if s.Invalid != nil {
		fields = append(fields, field{"invalid", plain(s.Invalid)})
	}
	return document{"server/" + s.Name, fields}
}

// paintServer colours the state of a server where colours are wanted.
func (a *app) paintServer(word string) string {
	if !a.colours || a.noColour {
		return word
	}
	colour := map[string]string{serverCurrent: green, serverBehind: yellow}[word]
	if colour == "" {
		colour = red
	}
	return colour + word + plainColour
}
