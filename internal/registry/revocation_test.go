package registry_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"credence/internal/registry"
)

func TestJTI(t *testing.T) {
	jti := registry.JTIOf("https://idp.example", "4711")
	if want := string(registry.BindingIDOf("https://idp.example", "4711")); jti.String() != want { // the same hash
		t.Errorf("got %s, want %s", jti, want)
	}
	if jti == registry.JTIOf("https://idp.example", "4712") || jti == registry.JTIOf("acme", "4711") {
		t.Error("two JWTs have one name")
	}
	for _, text := range []string{"", "4711", strings.ToUpper(jti.String()), jti.String()[1:], jti.String() + "0", "g" + jti.String()[1:]} {
		if entry := registry.RevokedEntry([]string{text}); entry.Invalid == nil {
			t.Errorf("revoked %q: got %v, want it invalid", text, entry)
		}
	}
}

func TestRevokedEntry(t *testing.T) {
	one, other := registry.JTIOf("acme", "1"), registry.JTIOf("acme", "2")
	for _, members := range [][]string{nil, {}, {one.String()}} {
		entry := registry.RevokedEntry(members)
		revoked, ok := entry.Record.(*registry.Revocations)
		if !ok || entry.Invalid != nil || entry.Absent() {
			t.Fatalf("of %q: got %v, want a record", members, entry)
		}
		if revoked.Has(one) != (len(members) == 1) || revoked.Has(other) || revoked.Len() != len(members) || revoked.Ref() != registry.RevokedRef {
			t.Errorf("of %q: got %d revoked, one %v, the other %v", members, revoked.Len(), revoked.Has(one), revoked.Has(other))
		}
	}
	entry := registry.RevokedEntry([]string{one.String(), "no hash"})
	var found *registry.FieldError
	if entry.Record != nil || !errors.As(entry.Invalid, &found) || found.Key != "revoked-jtis" || !strings.Contains(found.Why, `"no hash"`) {
		t.Errorf("of what is no hash: got %v, want an invalid entry that says which", entry)
	}
}

func TestCommitThatRevokes(t *testing.T) {
	one := registry.Revocation{JTI: registry.JTIOf("acme", "1"), Forget: now}
	commit := registry.Commit{Revoke: []registry.Revocation{one}, At: now}
	writes, err := commit.Writes()
	if err != nil || len(writes) != 0 {
		t.Errorf("Writes: got %v, %v, want none", writes, err)
	}
	if !commit.Restricts() {
		t.Error("Restricts: got false of a commit that revokes only")
	}
	if got := commit.ChangedKeys(writes); got != "revoked-jtis" {
		t.Errorf("ChangedKeys: got %q", got)
	}

	client := &registry.Client{ID: "acme", State: registry.Active, Created: now}
	disabled := *client
	disabled.State = registry.Disabled
	commit.Edits = []registry.Edit{{Was: entryOf(client), Now: &disabled}}
	writes, err = commit.Writes()
	if got := commit.ChangedKeys(writes); err != nil || got != "client:acme revoked-jtis" || !commit.Restricts() {
		t.Errorf("beside a disable: changes %q, restricts %v, error %v", got, commit.Restricts(), err)
	}
	commit.Edits = []registry.Edit{{Now: client}}
	if commit.Restricts() {
		t.Error("Restricts: got true beside a create")
	}

	commit.Revoke = append(commit.Revoke, registry.Revocation{JTI: one.JTI, Forget: now.Add(time.Hour)})
	if _, err := commit.Writes(); err == nil {
		t.Error("one JWT revoked twice: want an error")
	}
	many := registry.Commit{At: now}
	for range registry.MaxEdits {
		many.Revoke = append(many.Revoke, one)
		one.JTI[0]++
		if one.JTI[0] == 0 {
			one.JTI[1]++
		}
	}
	if _, err := many.Writes(); err != nil {
		t.Errorf("%d revocations: %v", len(many.Revoke), err)
	}
	many.Edits = commit.Edits
	if _, err := many.Writes(); err == nil {
		t.Errorf("%d revocations and an edit: want an error", len(many.Revoke))
	}
}

// Where a binding is listed follows its client; of nothing else may that change.
func TestWritesOfAMovedBinding(t *testing.T) {
	was := &registry.Binding{Issuer: "https://idp.example", Subject: "svc", Client: "acme", Profile: "partner", State: registry.Active, Created: now}
	moved := *was
	commit := func() registry.Write {
		t.Helper()
		writes, err := (registry.Commit{At: now, Edits: []registry.Edit{{Was: entryOf(was), Now: &moved}}}).Writes()
		if err != nil {
			t.Fatal(err)
		}
		return writes[0]
	}
	moved.State = registry.Revoked
	if w := commit(); w.Index() != (registry.Index{}) || w.Left != (registry.Index{}) {
		t.Errorf("revoked: got index %v, left %v, want none", w.Index(), w.Left)
	}
	moved.Client = "globex"
	id := string(was.ID())
	if w := commit(); w.Index() != (registry.Index{Set: "bindings-of:globex", Member: id}) || w.Left != (registry.Index{Set: "bindings-of:acme", Member: id}) {
		t.Errorf("moved: got index %v, left %v", w.Index(), w.Left)
	}
}
