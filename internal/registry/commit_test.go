package registry_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/registry"
)

func entryOf(record registry.Record) registry.Entry {
	return registry.EntryOf(record.Ref(), record.Fields(), now)
}

func TestRestricts(t *testing.T) {
	active := &registry.Client{ID: "acme", Name: "Acme", State: registry.Active, Allow: networks("192.0.2.0/24"), Created: now}
	change := func(was *registry.Client, change func(*registry.Client)) registry.Edit {
		client := *was
		change(&client)
		return registry.Edit{Was: entryOf(was), Now: &client}
	}
	disable := func(c *registry.Client) { c.State = registry.Disabled }
	withForeign := registry.EntryOf(active.Ref(), with(active.Fields(), "x_crm", "4711"), now)
	disabled := *active
	disabled.State = registry.Disabled
	token := &registry.Token{Digest: digest, ID: "0123456789", Client: "acme", Profile: "partner", State: registry.Active, Created: now}
	revoked := *token
	revoked.State, revoked.Changed = registry.Revoked, registry.Annotation{By: "alice", At: now, Reason: "leaked"}
	tests := []struct {
		name  string
		edits []registry.Edit
		want  bool
	}{
		{"nothing", nil, false},
		{"disable", []registry.Edit{change(active, disable)}, true},
		{"delete", []registry.Edit{change(active, func(c *registry.Client) { c.State = registry.Deleted })}, true},
		{"revoke and say why", []registry.Edit{{Was: entryOf(token), Now: &revoked}}, true},
		{"disable where others keep fields", []registry.Edit{{Was: withForeign, Now: &disabled}}, true},
		{"disable and say when", []registry.Edit{change(active, func(c *registry.Client) { disable(c); c.Updated = now; c.Changed.At = now })}, true},
		{"say why of the disabled", []registry.Edit{change(&disabled, func(c *registry.Client) { c.Changed.Reason = "fraud" })}, true},
		{"disable and rename", []registry.Edit{change(active, func(c *registry.Client) { disable(c); c.Name = "Globex" })}, false},
		{"disable and drop the name", []registry.Edit{change(active, func(c *registry.Client) { disable(c); c.Name = "" })}, false},
		{"disable and drop the allowlist", []registry.Edit{change(active, func(c *registry.Client) { disable(c); c.Allow = registry.Networks{} })}, false},
		{"enable", []registry.Edit{change(&disabled, func(c *registry.Client) { c.State = registry.Active })}, false},
		{"annotate the active", []registry.Edit{change(active, func(c *registry.Client) { c.Changed.Reason = "well done" })}, false},
		{"create disabled", []registry.Edit{{Now: &disabled}}, false},
		{"disable one, rename another", []registry.Edit{change(active, disable), change(active, func(c *registry.Client) { c.Name = "x" })}, false},
	}
	for _, test := range tests {
		if got := (registry.Commit{Edits: test.edits}).Restricts(); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestWrites(t *testing.T) {
	client := &registry.Client{ID: "acme", Name: "Acme", State: registry.Active, Created: now}
	stands := registry.Fields{
		"id": "acme", "name": "Acme", "state": "active", "created_at": "2026-03-01T12:00:00.0Z", "allow_mode": "enforce", "x_crm": "4711",
	}
	disabled := *client
	disabled.Name, disabled.State = "", registry.Disabled
	token := &registry.Token{Digest: digest, ID: "0123456789", Client: "acme", Profile: "partner", State: registry.Active, Created: now}
	commit := registry.Commit{At: now, Edits: []registry.Edit{
		{Was: registry.EntryOf(client.Ref(), stands, now), Now: &disabled},
		{Now: token},
		{Was: registry.Entry{Record: client}, Now: &registry.Client{ID: "b", State: registry.Active, Created: now}}, // nothing stood there
	}}
	got, err := commit.Writes()
	if err != nil {
		t.Fatal(err)
	}
	want := []registry.Write{
		{Ref: client.Ref(), Record: &disabled, Expect: stands, Set: registry.Fields{"state": "disabled"}, Unset: []string{"name"}},
		{Ref: token.Ref(), Record: token, Set: token.Fields()},
		{Ref: registry.ClientRef("b"), Record: commit.Edits[2].Now, Set: commit.Edits[2].Now.Fields()},
	}
	if diff := cmp.Diff(want, got, compareNetworks); diff != "" {
		t.Errorf("Writes (-want +got):\n%s", diff)
	}
	wantIndexes := []registry.Index{
		{},
		{Set: "tokens-of:acme", Member: "0123456789", Name: "token-id:0123456789", Value: string(digest)},
		{Set: "clients", Member: "b"},
	}
	for i, w := range got {
		if w.Index() != wantIndexes[i] {
			t.Errorf("index of %s: got %+v, want %+v", w.Ref.Key(), w.Index(), wantIndexes[i])
		}
	}
}

// A commit that does not say when cannot be checked against the clock.
func TestWritesWithoutATime(t *testing.T) {
	commit := registry.Commit{Edits: []registry.Edit{{Now: &registry.Client{ID: "acme", State: registry.Active, Created: time.Now()}}}}
	if writes, err := commit.Writes(); err == nil {
		t.Errorf("got %v, want an error", writes)
	}
}
