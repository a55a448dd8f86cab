package registrar

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"credence/internal/registry"

	"github.com/google/go-cmp/cmp"
)

// line gives a change in a few words: op and names.
func line(told Told) string {
	words := []string{told.Op}
	for _, subject := range told.Subjects {
		word := subject.Name
		if subject.Client != "" {
			kind, _, _ := strings.Cut(subject.Name, "/")
			word = kind + " of " + string(subject.Client)
		}
		words = append(words, word)
	}
	if told.Everything() {
		words = append(words, "everything")
	}
	return strings.Join(words, " ")
}

func lines(t *testing.T, changes Changes) []string {
	t.Helper()
	all := []string{}
	for told, err := range changes {
		if err != nil {
			t.Fatalf("behind %q: %v", all, err)
		}
		all = append(all, line(told))
	}
	return all
}

// storied is a desk with a history: a minute goes by before each change.
func storied(t *testing.T) *desk {
	t.Helper()
	d := stocked(t) // create client/acme, create profile/partner
	later := func() { d.now = d.now.Add(time.Minute) }
	later()
	if _, err := d.IssueToken(t.Context(), alice, registry.Token{Client: "acme", Profile: "partner"}); err != nil {
		t.Fatal(err)
	}
	later()
	if _, err := d.DisableClient(t.Context(), alice, "acme"); err != nil {
		t.Fatal(err)
	}
	later()
	d.memory.Tell(registry.Fields{"keys": "client:globex client:initech", "op": "set", "by": "portal"})
	later()
	d.memory.Tell(registry.Fields{"keys": "token:s1:" + strings.Repeat("ab", 32) + " key:acme:k1", "op": "add"})
	later()
	d.memory.Tell(registry.Fields{"op": "restore"})
	return d
}

func TestJournalOfThePast(t *testing.T) {
	d := storied(t)
	all := []string{
		"create client/acme", "create profile/partner", "issue token of acme", "disable client/acme", "set client/globex client/initech",
		"add token:s1:" + strings.Repeat("ab", 32) + " key of acme", "restore everything",
	}
	tests := []struct {
		name      string
		selection Selection
		want      []string
	}{
		{"all", Selection{Last: -1}, all},
		{"more than there are", Selection{Last: 100}, all},
		{"the last", Selection{Last: 2}, all[5:]},
		{"none of what was", Selection{Last: 0}, []string{}},
		{"since a time", Selection{Last: -1, Since: noon.Add(2 * time.Minute)}, all[3:]},
		{"the last since a time", Selection{Last: 3, Since: noon.Add(2 * time.Minute)}, all[4:]},
		{"fewer than the last since a time", Selection{Last: 100, Since: noon.Add(2 * time.Minute)}, all[3:]},
		{"since a time to come", Selection{Last: 100, Since: noon.Add(time.Hour)}, []string{}},
		{"of a client and its tokens", Selection{Last: -1, Of: []string{"client/acme"}}, []string{all[0], all[2], all[3], all[5], all[6]}},
		{"of a key", Selection{Last: -1, Of: []string{"key/acme/k1"}}, all[5:]},
		{"of another's key of that kid", Selection{Last: -1, Of: []string{"key/globex/k1"}}, all[6:]},
		{"of one of two", Selection{Last: -1, Of: []string{"client/initech"}}, []string{all[4], all[6]}},
		{"of several", Selection{Last: 3, Of: []string{"profile/partner", "client/globex"}}, []string{all[1], all[4], all[6]}},
		{"the last of a client", Selection{Last: 2, Of: []string{"client/acme"}}, []string{all[5], all[6]}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, lines(t, d.Journal(test.selection).Past(t.Context()))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// Keys and bindings go by names that people can read, and with their client.
func TestJournalOfJWTs(t *testing.T) {
	d := signing(t)
	mustAdd(t, d, "acme", "k1")
	binding := mustBind(t, d, "svc", "acme")
	if _, err := d.RevokeJWTs(t.Context(), alice, registry.Revocation{JTI: registry.JTIOf("acme", "1"), Forget: noon.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	gone := registry.BindingRef(registry.BindingIDOf("https://idp.example", "gone"))
	d.memory.Tell(registry.Fields{"op": "set", "keys": gone.Key() + " key:acme:k1:x keys-of:acme"})
	tests := []struct {
		name string
		of   []string
		want []Subject
	}{
		{"all", nil, []Subject{
			{"key/acme/k1", "acme"}, {binding, "acme"}, {Name: "revoked-jtis"}, {Name: "binding/" + gone.ID}, {Name: "key:acme:k1:x"}, {Name: "keys-of:acme"},
		}},
		{"of the client", []string{"client/acme"}, []Subject{{"key/acme/k1", "acme"}, {binding, "acme"}}},
		{"of the binding", []string{binding}, []Subject{{binding, "acme"}}},
		{"of the revoked", []string{"revoked-jtis"}, []Subject{{Name: "revoked-jtis"}}},
	}
	for _, test := range tests {
		var got []Subject
		for told, err := range d.Journal(Selection{Last: -1, Of: test.of}).Past(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if told.Op != "create" {
				got = append(got, told.Subjects...)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestJournalIsReadPageByPage(t *testing.T) {
	d := stocked(t)
	want := []string{"create client/acme", "create profile/partner"}
	for i := range 2*page + 1 {
		d.memory.Tell(registry.Fields{"keys": "client:acme", "op": fmt.Sprint(i)})
		want = append(want, fmt.Sprintf("%d client/acme", i))
	}
	for _, last := range []int{-1, len(want), page + 1, page, 1} {
		expected := want
		if last > 0 {
			expected = want[len(want)-last:]
		}
		if diff := cmp.Diff(expected, lines(t, d.Journal(Selection{Last: last}).Past(t.Context()))); diff != "" {
			t.Errorf("last %d (-want +got):\n%s", last, diff)
		}
	}
}

func TestJournalWithoutARegistry(t *testing.T) {
	d := newDesk(t, Options{})
	d.memory.Tell(registry.Fields{"keys": "client:acme"})
	for _, err := range d.Journal(Selection{Last: -1}).Past(t.Context()) {
		if !errors.Is(err, registry.ErrNoRegistry) {
			t.Errorf("got error %v, want %v", err, registry.ErrNoRegistry)
		}
	}
}

// follow tells of what a journal follows, one by one; errors are told by their
// text.
func follow(ctx context.Context, journal *Journal, feed registry.Feed) <-chan string {
	told := make(chan string)
	go func() {
		defer close(told)
		for change, err := range journal.Follow(ctx, feed) {
			text := line(change)
			if err != nil {
				text = err.Error()
			}
			told <- text
		}
	}()
	return told
}

func TestJournalFollows(t *testing.T) {
	tests := []struct {
		name      string
		selection Selection
		do        func(*desk)
		want      []string
	}{
		{"what comes", Selection{Last: 0}, func(d *desk) {
			d.memory.Tell(registry.Fields{"keys": "client:acme", "op": "one"})
			d.memory.Tell(registry.Fields{"keys": "client:acme", "op": "two"})
		}, []string{"one client/acme", "two client/acme"}},
		{"what is wanted of what comes", Selection{Last: -1, Of: []string{"client/globex"}}, func(d *desk) {
			d.memory.Tell(registry.Fields{"keys": "client:acme", "op": "one"})
			d.memory.Tell(registry.Fields{"keys": "client:globex", "op": "two"})
		}, []string{"two client/globex"}},
		{"behind a gap", Selection{Last: 5}, func(d *desk) {
			d.memory.Forget(0)
			d.memory.Tell(registry.Fields{"keys": "client:acme", "op": "one"})
		}, []string{"changes were lost", "one client/acme"}},
		{"behind an emptied stream", Selection{Last: 5}, func(d *desk) {
			d.memory.Remove("changes")
		}, []string{"changes were lost"}},
	}
	for _, test := range tests {
		d := storied(t)
		ctx, cancel := context.WithCancel(t.Context())
		journal := d.Journal(test.selection)
		for _, err := range journal.Past(ctx) {
			if err != nil {
				t.Fatal(err)
			}
		}
		test.do(d)
		told := follow(ctx, journal, d.memory.Feed(10*time.Millisecond))
		for _, want := range test.want {
			if got := <-told; !strings.HasSuffix(got, want) {
				t.Errorf("%s: got %q, want %q", test.name, got, want)
			}
		}
		d.memory.Tell(registry.Fields{"op": "last"}) // and it goes on
		if got := <-told; got != "last everything" {
			t.Errorf("%s: then got %q, want the last", test.name, got)
		}
		cancel()
		if got, more := <-told; more {
			t.Errorf("%s: when it was over: got %q", test.name, got)
		}
	}
}

// A feed that cannot be read ends the journal.
func TestJournalThatCannotFollow(t *testing.T) {
	d := storied(t)
	journal := d.Journal(Selection{Last: 0})
	d.memory.PutOtherType("changes")
	told := follow(t.Context(), journal, d.memory.Feed(time.Minute))
	if got := <-told; !strings.Contains(got, "of another type") {
		t.Errorf("got %q, want that the key is of another type", got)
	}
	if got, more := <-told; more {
		t.Errorf("then got %q, want the end", got)
	}
}
