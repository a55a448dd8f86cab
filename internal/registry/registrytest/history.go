package registrytest

import (
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/registry"
)

// story gives a change as the tests compare it.
type story struct {
	Seq   uint64
	Keys  []string
	Op    string
	By    string
	At    string // empty: when Redis got it
	Note  string
	Every bool
}

func storyOf(c registry.Change) story {
	s := story{c.Seq, c.Keys, c.Op, c.By, "", c.Note, c.Everything()}
	if c.Fields["at"] == registry.FormatTime(c.At) {
		s.At = c.Fields["at"]
	}
	return s
}

func stories(changes []registry.Change) []story {
	all := []story{}
	for _, change := range changes {
		all = append(all, storyOf(change))
	}
	return all
}

// after gives the changes behind an entry.
func (s *suite) after(entry string, n int) []registry.Change {
	s.Helper()
	changes, err := s.Store.ChangesAfter(s.Context(), entry, n)
	if err != nil {
		s.Fatalf("ChangesAfter %q: %v", entry, err)
	}
	return changes
}

// before gives the changes before an entry.
func (s *suite) before(entry string, n int) []registry.Change {
	s.Helper()
	changes, err := s.Store.ChangesBefore(s.Context(), entry, n)
	if err != nil {
		s.Fatalf("ChangesBefore %q: %v", entry, err)
	}
	return changes
}

func historyOfCommits(s *suite) {
	s.withRegistry()
	if changes := s.after("", 10); len(changes) != 0 {
		s.Errorf("before the first commit: got %v, want no changes", changes)
	}
	token := sampleToken()
	first := s.create(bare("acme"), token)
	position, err := s.Store.Commit(s.Context(), registry.Commit{
		Edits: []registry.Edit{{Now: sampleProfile()}}, Op: "create", At: now.Add(time.Second / 2),
	})
	if err != nil {
		s.Fatalf("Commit: %v", err)
	}
	changes := s.after("", 10)
	want := []story{
		{1, []string{"client:acme", token.Ref().Key()}, "test", "registrytest", "2026-03-01T12:00:00Z", "to see what happens", false},
		{2, []string{"profile:partner"}, "create", "", "2026-03-01T12:00:00.5Z", "", false},
	}
	if diff := cmp.Diff(want, stories(changes)); diff != "" {
		s.Errorf("changes (-want +got):\n%s", diff)
	}
	for i, want := range []registry.Position{first, position} {
		if got := changes[i].Position(); got != want {
			s.Errorf("change %d: got position %v, want %v", i, got, want)
		}
	}
}

func historyForeign(s *suite) {
	s.withRegistry()
	tests := []struct {
		fields registry.Fields
		want   story
	}{
		{
			registry.Fields{"keys": "client:acme", "op": "set", "by": "portal", "at": "2026-02-01T08:00:00Z", "note": "asked for\nby phone", "x_ticket": "7"},
			story{Keys: []string{"client:acme"}, Op: "set", By: "portal", At: "2026-02-01T08:00:00Z", Note: "asked for\nby phone"},
		},
		{registry.Fields{"keys": "client:a profile:b"}, story{Keys: []string{"client:a", "profile:b"}}},
		{registry.Fields{"keys": "client:a", "at": "yesterday", "seq": "many"}, story{Keys: []string{"client:a"}}},
		{registry.Fields{"keys": "client:a", "op": "flush"}, story{Keys: []string{"client:a"}, Op: "flush", Every: true}},
		{registry.Fields{"op": "set"}, story{Op: "set", Every: true}},
		{registry.Fields{"keys": ""}, story{Every: true}},
		{registry.Fields{"keys": "client:a  client:b"}, story{Every: true}},
		{registry.Fields{"keys": " client:a"}, story{Every: true}},
		{registry.Fields{"keys": "client:a\tclient:b"}, story{Every: true}},
		{registry.Fields{"keys": "client:ä"}, story{Every: true}},
	}
	var want []story
	for _, test := range tests {
		s.Tell(test.fields)
		want = append(want, test.want)
	}
	changes := s.after("", len(tests))
	if diff := cmp.Diff(want, stories(changes)); diff != "" {
		s.Errorf("changes (-want +got):\n%s", diff)
	}
	for i, change := range changes {
		if diff := cmp.Diff(tests[i].fields, change.Fields); diff != "" {
			s.Errorf("fields (-want +got):\n%s", diff)
		}
		if change.At.IsZero() {
			s.Errorf("%v: when it was made is not known, but Redis knows", change.Fields)
		}
	}

	s.PutOtherType("changes")
	_, err := s.Store.ChangesAfter(s.Context(), "", 1)
	s.isInvalid(err, "changes", "")
	_, err = s.Store.ChangesBefore(s.Context(), "", 1)
	s.isInvalid(err, "changes", "")
	_, err = s.Feed(hurry).Next(s.Context(), registry.Position{})
	s.isInvalid(err, "changes", "")
}

func historyPages(s *suite) {
	s.withRegistry()
	const total = 7
	for i := range total {
		s.Tell(registry.Fields{"keys": "client:acme", "op": fmt.Sprint(i)})
	}
	words := func(changes []registry.Change) (text string) {
		for _, change := range changes {
			text += change.Op
		}
		return text
	}
	all := s.after("", 2*total)
	if len(all) != total {
		s.Fatalf("got %d changes, want %d", len(all), total)
	}
	fourth := all[3].Entry
	tests := []struct {
		name string
		got  []registry.Change
		want string
	}{
		{"all", all, "0123456"},
		{"all, from the end", s.before("", 2*total), "6543210"},
		{"the oldest", s.after("", 2), "01"},
		{"the newest", s.before("", 2), "65"},
		{"behind one", s.after(fourth, 2), "45"},
		{"behind one, to the end", s.after(fourth, total), "456"},
		{"before one", s.before(fourth, 2), "21"},
		{"before one, to the beginning", s.before(fourth, total), "210"},
		{"behind the last", s.after(all[total-1].Entry, total), ""},
		{"before the first", s.before(all[0].Entry, total), ""},
		{"of all times", s.after(registry.EntryBefore(time.Unix(0, 0)), total), "0123456"},
		{"of times to come", s.after(registry.EntryBefore(time.Now().Add(100*365*24*time.Hour)), total), ""},
		{"of the time of the first and later", s.after(registry.EntryBefore(all[0].At), total), "0123456"},
	}
	for _, test := range tests {
		if got := words(test.got); got != test.want {
			s.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	s.Forget(2)
	if got := words(s.after(fourth, total)); got != "56" {
		s.Errorf("behind one that was forgotten: got %q, want 56", got)
	}
}
