package registrar

import (
	"errors"
	"strings"
	"testing"
	"time"

	"credence/internal/registry"

	"github.com/google/go-cmp/cmp"
)

const idp = "https://idp.example"

func draftBinding(subject string, client registry.ClientID) registry.Binding {
	return registry.Binding{Issuer: idp, Subject: subject, Client: client, Profile: "api"}
}

// mustBind adds a binding and gives its name.
func mustBind(t *testing.T, d *desk, subject string, client registry.ClientID) string {
	t.Helper()
	outcome, err := d.AddBinding(t.Context(), alice, draftBinding(subject, client))
	if err != nil {
		t.Fatal(err)
	}
	return outcome.Name()
}

// A binding's life: added, removed, and added again for another client.
func TestBindingIsAddedAndRemoved(t *testing.T) {
	d := signing(t)
	id := registry.BindingIDOf(idp, "svc")
	ref := registry.BindingRef(id)
	add := func(client registry.ClientID) func() (Outcome, error) {
		return func() (Outcome, error) { return d.AddBinding(t.Context(), alice, draftBinding("svc", client)) }
	}
	remove := func() (Outcome, error) { return d.RemoveBinding(t.Context(), alice, idp, "svc") }
	fields := registry.Fields{
		"id": string(id), "issuer": idp, "subject": "svc", "client": "acme", "profile": "api", "state": "active", "created_at": "2026-01-31T12:00:00Z",
	}
	removed := with(fields, "state", "revoked")
	moved := with(with(with(fields, "client", "globex"), "created_at", "2026-01-31T16:00:00Z"), "x_crm", "42")
	steps := []struct {
		name   string
		do     func() (Outcome, error)
		op     string // empty: nothing is done
		want   registry.Fields
		ofAcme int // bindings that are listed
		ofAll  int
	}{
		{"add", add("acme"), "add", fields, 1, 1},
		{"add again", add("acme"), "", fields, 1, 1},
		{"remove", remove, "remove", removed, 1, 1},
		{"remove again", remove, "", removed, 1, 1},
		{"add for another", add("globex"), "add", moved, 0, 1},
		{"remove from another", remove, "remove", with(moved, "state", "revoked"), 0, 1},
	}
	for _, step := range steps {
		before := d.seq()
		outcome, err := step.do()
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if changed := step.op != ""; outcome.Changed() != changed || (d.seq() != before) != changed || outcome.Commit.Op != step.op {
			t.Errorf("%s: changed %v by %q, want %q", step.name, outcome.Changed(), outcome.Commit.Op, step.op)
		}
		if restricts := step.op == "remove"; outcome.Commit.Restricts() != restricts {
			t.Errorf("%s: restricts: got %v, want %v", step.name, !restricts, restricts)
		}
		if outcome.Name() != "binding/"+string(id) {
			t.Errorf("%s: got the name %s", step.name, outcome.Name())
		}
		for where, got := range map[string]registry.Fields{"there": d.fields(ref), "told": outcome.Fields()} {
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("%s: record %s (-want +got):\n%s", step.name, where, diff)
			}
		}
		toAcme, _ := collect(t, d.Bindings(t.Context(), "acme"))
		all, _ := collect(t, d.Bindings(t.Context(), ""))
		if len(toAcme) != step.ofAcme || len(all) != step.ofAll {
			t.Errorf("%s: listed for acme %q, for all %q", step.name, toAcme, all)
		}
		d.now = d.now.Add(time.Hour)
		if step.name == "remove again" {
			d.memory.Put(ref, with(removed, "x_crm", "42"))
		}
	}
	item, err := d.Binding(t.Context(), idp, "svc")
	if err != nil || item.ID != string(id) || item.Name() != "binding/"+string(id) || item.Record.(*registry.Binding).Client != "globex" {
		t.Errorf("Binding: got %s %v, error %v", item.Name(), item.Fields, err)
	}
}

func TestBindingsThatAreRefused(t *testing.T) {
	name := "binding/" + string(registry.BindingIDOf(idp, "svc"))
	bound := func(d *desk) { mustBind(d.t, d, "svc", "globex") }
	tests := []struct {
		name   string
		do     func(*desk)
		change func(*registry.Binding)
		cause  error
		want   string
	}{
		{"no client", nil, func(b *registry.Binding) { b.Client = "nobody" }, ErrNotFound, "client/nobody: no such client"},
		{"no profile", nil, func(b *registry.Binding) { b.Profile = "none" }, ErrNotFound, "profile/none: no such profile"},
		{"a deleted client", func(d *desk) { mustDelete(d, "acme") }, nil, ErrDeleted, "client/acme: is deleted, and stays so"},
		{"a profile for tokens only", nil, func(b *registry.Binding) { b.Profile = "partner" }, nil, "profile/partner: accepts token only: a JWT would be denied always"},
		{"bound to another client", bound, nil, registry.ErrExists,
			name + `: binds "svc" of "https://idp.example" to client/globex and profile/api already: binding remove comes first`},
		{"bound with another profile", func(d *desk) {
			bound(d)
			if _, err := d.CreateProfile(d.t.Context(), alice, registry.Profile{ID: "other", Accepts: registry.Kinds{JWT: true}}); err != nil {
				d.t.Fatal(err)
			}
		}, func(b *registry.Binding) { b.Client, b.Profile = "globex", "other" }, registry.ErrExists, name + `: binds "svc" of `},
		{"a record that is not readable", func(d *desk) {
			d.memory.Put(registry.BindingRef(registry.BindingIDOf(idp, "svc")), registry.Fields{"id": "x"})
		}, nil, registry.ErrInvalid, name + ": its record is invalid"},
		{"an issuer of two lines", nil, func(b *registry.Binding) { b.Issuer += "\nsvc" }, registry.ErrInvalid, "registry: binding:"},
		{"no subject", nil, func(b *registry.Binding) { b.Subject = "" }, registry.ErrInvalid, "registry: binding:"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := signing(t)
			if test.do != nil {
				test.do(d)
			}
			draft, before := draftBinding("svc", "acme"), d.seq()
			if test.change != nil {
				test.change(&draft)
			}
			outcome, err := d.AddBinding(t.Context(), alice, draft)
			d.wantRefused(t, outcome, err, before, test.cause, test.want)
		})
	}
}

func TestBindingsThatAreNotThere(t *testing.T) {
	d := signing(t)
	_, err := d.Binding(t.Context(), idp, "svc")
	_, errRemove := d.RemoveBinding(t.Context(), alice, idp, "svc")
	for _, err := range []error{err, errRemove} {
		if want := "binding/" + string(registry.BindingIDOf(idp, "svc")) + ": no such binding"; !errors.Is(err, ErrNotFound) || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
	if err := last(d.Bindings(t.Context(), "nobody")); err == nil || err.Error() != "client/nobody: no such client" {
		t.Errorf("of nobody: got error %v", err)
	}
}

// Of two who bind a subject at once, the second learns whose it is.
func TestBindingThatAnotherMadeMeanwhile(t *testing.T) {
	d := signing(t)
	store := &contested{Store: d.memory, times: 1, meanwhile: func() { mustBind(t, d, "svc", "globex") }}
	outcome, err := New(store, d.options).AddBinding(t.Context(), alice, draftBinding("svc", "acme"))
	if !errors.Is(err, registry.ErrExists) || !strings.Contains(err.Error(), "to client/globex") || outcome.Changed() {
		t.Errorf("got changed %v, error %v, want %v", outcome.Changed(), err, registry.ErrExists)
	}
}
