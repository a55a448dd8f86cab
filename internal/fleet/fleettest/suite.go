package fleettest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"credence/internal/fleet"
	"credence/internal/registry"
)

// A Fixture is an empty store, and ways to write there as others do.
type Fixture struct {
	Store       fleet.Store
	Put         func(name string, beat time.Time)         // lists a server
	PutHash     func(name string, fields registry.Fields) // all that is said of it from now on; none: nothing
	TakeOff     func(name string)                         // off the list, and nothing else
	Tell        func(entry string)                        // adds to the change stream
	ResetStream func()                                    // removes it
}

// Run runs the suite.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	tests := []struct {
		name string
		run  func(*suite)
	}{
		{"join", join},
		{"join again", joinAgain},
		{"beat", beat},
		{"beat of who is not listed", beatUnlisted},
		{"leave", leave},
		{"forget", forget},
		{"what others wrote", foreign},
		{"look", look},
		{"a seat takes off who is long silent", sweep},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.run(&suite{T: t, Fixture: open(t)})
		})
	}
}

// A suite is one test over one fixture.
type suite struct {
	*testing.T
	Fixture
}

var started = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func sample(name string) fleet.Server {
	return fleet.Server{
		Name: name, Boot: "boot-of-" + name, StaleFor: 90 * time.Second, Schema: 1, Version: "v1.2.3", Started: started,
	}
}

// list gives who is listed. Heartbeats that are not looked at are left out.
func (s *suite) list() (time.Time, []fleet.Server) {
	s.Helper()
	now, servers, err := s.Store.List(s.Context())
	if err != nil {
		s.Fatalf("List: %v", err)
	}
	return now, servers
}

// holds wants some servers to be listed, whenever they were heard of.
func (s *suite) holds(when string, want ...fleet.Server) {
	s.Helper()
	_, servers := s.list()
	if diff := cmp.Diff(want, servers, cmpopts.IgnoreFields(fleet.Server{}, "Beat"), cmpopts.EquateEmpty(), cmpopts.EquateErrors()); diff != "" {
		s.Errorf("%s: servers (-want +got):\n%s", when, diff)
	}
}

func (s *suite) must(what string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

func join(s *suite) {
	s.holds("at the beginning")
	s.must("Join", s.Store.Join(s.Context(), sample("b")))
	s.must("Join", s.Store.Join(s.Context(), sample("a")))
	s.holds("of two", sample("a"), sample("b"))
	now, servers := s.list()
	for _, server := range servers {
		if age := now.Sub(server.Beat); age < 0 || age > 10*time.Second || !server.IsHeardOf(now) {
			s.Errorf("%s joined a moment ago, and was heard of %v ago", server.Name, age)
		}
	}
}

func joinAgain(s *suite) {
	was := sample("a")
	s.must("Join", s.Store.Join(s.Context(), was))
	s.must("Beat", s.Store.Beat(s.Context(), "a", "5-1", []string{"client:acme"}))
	s.must("Join", s.Store.Join(s.Context(), was))
	s.holds("what it had applied is forgotten", was)
}

func beat(s *suite) {
	want := sample("a")
	s.must("Join", s.Store.Join(s.Context(), want))
	s.Put("a", started)
	s.must("Beat", s.Store.Beat(s.Context(), "a", "", nil))
	s.holds("nothing applied", want)
	if now, servers := s.list(); now.Sub(servers[0].Beat).Abs() > 10*time.Second {
		s.Errorf("heard of at %v, at %v: want a moment ago", servers[0].Beat, now)
	}
	want.Applied, want.Withheld = "5-1", []string{"client:acme", "token:s1:00"}
	s.must("Beat", s.Store.Beat(s.Context(), "a", "5-1", want.Withheld))
	s.holds("something applied", want)
	want.Applied, want.Withheld = "7-0", nil
	s.must("Beat", s.Store.Beat(s.Context(), "a", "7-0", nil))
	s.holds("nothing withheld", want)
}

func beatUnlisted(s *suite) {
	s.must("Join", s.Store.Join(s.Context(), sample("a")))
	befalls := []struct {
		name string
		do   func()
	}{
		{"never joined", func() { s.must("Leave", s.Store.Leave(s.Context(), "a")) }},
		{"taken off the list", func() { s.TakeOff("a") }},
		{"nothing is said of it", func() { s.PutHash("a", nil) }},
	}
	for _, befall := range befalls {
		s.must("Join", s.Store.Join(s.Context(), sample("a")))
		befall.do()
		if err := s.Store.Beat(s.Context(), "a", "5-1", nil); !errors.Is(err, registry.ErrNotListed) {
			s.Errorf("%s: Beat: got %v, want %v", befall.name, err, registry.ErrNotListed)
		}
		for _, server := range s.servers() {
			if server.Invalid == nil {
				s.Errorf("%s: a heartbeat brought it back: %+v", befall.name, server)
			}
		}
	}
}

func (s *suite) servers() []fleet.Server {
	s.Helper()
	_, servers := s.list()
	return servers
}

func leave(s *suite) {
	s.must("Join", s.Store.Join(s.Context(), sample("a")))
	s.must("Join", s.Store.Join(s.Context(), sample("b")))
	s.must("Leave", s.Store.Leave(s.Context(), "a"))
	s.must("Leave of who has left", s.Store.Leave(s.Context(), "a"))
	s.holds("after a has left", sample("b"))
	s.Put("a", started)
	if server := s.servers()[0]; server.Boot != "" {
		s.Errorf("a has left, and %+v is still said of it", server)
	}
}

func forget(s *suite) {
	s.must("Join", s.Store.Join(s.Context(), sample("a")))
	s.Put("a", started)
	if err := s.Store.Forget(s.Context(), "a", started.Add(-time.Second)); !errors.Is(err, fleet.ErrHeardOf) {
		s.Errorf("Forget of who was heard of later: got %v, want %v", err, fleet.ErrHeardOf)
	}
	s.holds("who was heard of stays", sample("a"))
	s.must("Forget", s.Store.Forget(s.Context(), "a", started))
	s.holds("forgotten")
	s.must("Forget of who is not there", s.Store.Forget(s.Context(), "a", started))
	s.must("Join", s.Store.Join(s.Context(), sample("a")))
	s.must("Forget whenever it was heard of", s.Store.Forget(s.Context(), "a", time.Time{}))
	s.holds("forgotten")
}

// foreign: whatever others write, the list can be read, and what cannot be
// understood is not believed.
func foreign(s *suite) {
	fields := func(change func(registry.Fields)) registry.Fields {
		f := sample("x").Fields()
		change(f)
		return f
	}
	tests := []struct {
		name   string
		fields registry.Fields
		field  string // of which Invalid tells
		want   fleet.Server
	}{
		{"nothing", nil, "", fleet.Server{StaleFor: fleet.LongestStaleFor}},
		{"no stale_for", fields(func(f registry.Fields) { delete(f, "stale_for") }), "stale_for",
			fleet.Server{Boot: "boot-of-x", StaleFor: fleet.LongestStaleFor, Schema: 1, Version: "v1.2.3", Started: started}},
		{"unreadable stale_for", fields(func(f registry.Fields) { f["stale_for"] = "-1s" }), "stale_for",
			fleet.Server{Boot: "boot-of-x", StaleFor: fleet.LongestStaleFor, Schema: 1, Version: "v1.2.3", Started: started}},
		{"unreadable applied", fields(func(f registry.Fields) { f["applied"] = "7-x" }), "applied",
			fleet.Server{Boot: "boot-of-x", StaleFor: 90 * time.Second, Schema: 1, Version: "v1.2.3", Started: started}},
		{"days", fields(func(f registry.Fields) { f["stale_for"] = "1d"; f["x_zone"] = "a" }), "none",
			fleet.Server{Boot: "boot-of-x", StaleFor: 24 * time.Hour, Schema: 1, Version: "v1.2.3", Started: started}},
	}
	for _, test := range tests {
		s.Put("x", started)
		s.PutHash("x", test.fields)
		got := s.servers()[0]
		var invalid *registry.FieldError
		if errors.As(got.Invalid, &invalid) != (test.field != "none") || invalid != nil && (invalid.Key != "server:x" || invalid.Field != test.field) {
			s.Errorf("%s: invalid: got %v, want %s", test.name, got.Invalid, test.field)
		}
		test.want.Name, test.want.Beat, got.Invalid = "x", started, nil
		if diff := cmp.Diff(test.want, got); diff != "" {
			s.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func look(s *suite) {
	s.Tell("5-1")
	s.Tell("7-0")
	s.must("Join", s.Store.Join(s.Context(), sample("a")))
	s.must("Join", s.Store.Join(s.Context(), sample("b")))
	s.must("Join", s.Store.Join(s.Context(), sample("c")))
	s.TakeOff("b")
	s.must("Leave", s.Store.Leave(s.Context(), "c"))
	sees := func(entry string, want fleet.Sight) {
		s.Helper()
		got, err := s.Store.Look(s.Context(), entry, []string{"a", "b", "c"})
		s.must("Look", err)
		if got.Now.IsZero() || len(got.Servers) != 1 || got.Servers[0].Boot != "boot-of-a" {
			s.Errorf("Look: got %+v, want the time, and a", got)
		}
		got.Now, got.Servers = time.Time{}, nil
		if diff := cmp.Diff(want, got); diff != "" {
			s.Errorf("Look for %s (-want +got):\n%s", entry, diff)
		}
	}
	sees("5-1", fleet.Sight{Remains: []string{"b"}, Newest: "7-0", Kept: true})
	sees("7-0", fleet.Sight{Remains: []string{"b"}, Newest: "7-0", Kept: true})
	sees("6-0", fleet.Sight{Remains: []string{"b"}, Newest: "7-0"})
	s.ResetStream()
	sees("7-0", fleet.Sight{Remains: []string{"b"}})
}

func sweep(s *suite) {
	now := started // by the clock of the seat; that of the store is its own
	seat := fleet.NewSeat(s.Store, fleet.SeatOptions{StaleFor: time.Minute, Host: "here", Clock: func() time.Time { return now }})
	at, _ := s.list()
	long := 24*time.Hour + 90*time.Second
	for name, silence := range map[string]time.Duration{"gone": long + time.Minute, "comes-back": long + time.Minute, "lately": long - time.Minute} {
		s.must("Join", s.Store.Join(s.Context(), sample(name)))
		s.Put(name, at.Add(-silence))
	}
	s.Put("foreign", at.Add(-long-time.Minute)) // nobody knows how long it may answer from memory
	are := func(when string, want ...string) {
		s.Helper()
		var names []string
		for _, server := range s.servers() {
			names = append(names, server.Name)
		}
		if diff := cmp.Diff(want, names); diff != "" {
			s.Errorf("%s: servers (-want +got):\n%s", when, diff)
		}
	}
	s.must("Join", seat.Join(s.Context()))
	s.must("Beat", seat.Beat(s.Context(), "", nil))
	are("seen once", "comes-back", "foreign", "gone", seat.Name(), "lately")
	s.must("Beat", s.Store.Beat(s.Context(), "comes-back", "", nil))
	now = now.Add(59 * time.Second)
	s.must("Beat", seat.Beat(s.Context(), "", nil))
	are("within a minute", "comes-back", "foreign", "gone", seat.Name(), "lately")
	now = now.Add(time.Second)
	s.must("Beat", seat.Beat(s.Context(), "", nil))
	are("after a minute", "comes-back", "foreign", seat.Name(), "lately")
	s.must("Leave", seat.Leave(s.Context()))
	are("the seat is left", "comes-back", "foreign", "lately")
}
