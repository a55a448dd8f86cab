package registrytest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
	"credence/internal/registry"
)

func contextOf(s *suite) (context.Context, context.CancelFunc) {
	return context.WithCancel(s.Context())
}

func commitWithoutRegistry(s *suite) {
	s.refuse(registry.ErrNoRegistry, creations(bare("acme")), registry.ClientRef("acme"))
	if ids, err := s.Store.Clients(s.Context()); err != nil || len(ids) != 0 {
		s.Errorf("Clients: got %v, %v, want none", ids, err)
	}
}

func commitToOtherLayout(s *suite) {
	tests := []struct{ name, field, value string }{
		{"of another schema", "schema", "2"},
		{"whose count is none", "seq", "many"},
	}
	for _, test := range tests {
		s.Run(test.name, func(t *testing.T) {
			s := &suite{T: t, Fixture: s.Fixture}
			s.Put(registry.RootRef, with(sampleRoot().Fields(), test.field, test.value))
			_, err := s.Store.Commit(s.Context(), commitOf(creations(bare("acme"))...))
			s.isInvalid(err, "registry", test.field)
			s.isAbsent(registry.ClientRef("acme"))
		})
	}
	for _, key := range []string{"registry", "changes"} {
		s.Run("with another type under "+key, func(t *testing.T) {
			s := &suite{T: t, Fixture: s.Fixture}
			s.Put(registry.RootRef, sampleRoot().Fields())
			s.PutOtherType(key)
			_, err := s.Store.Commit(s.Context(), commitOf(creations(bare("acme"))...))
			s.isInvalid(err, key, "")
			s.isAbsent(registry.ClientRef("acme"))
		})
	}
}

func update(s *suite) {
	s.withRegistry()
	s.create(sampleClient(), sampleToken())
	client, token := *sampleClient(), *sampleToken()
	client.State, client.Contact, client.Allow = registry.Active, "", registry.Networks{}
	client.Name, client.Labels = "Acme", registry.Labels{{Key: "tier", Value: "silver"}}
	token.Label = "nightly"
	s.commit(
		registry.Edit{Was: s.read(client.Ref()), Now: &client},
		registry.Edit{Was: s.read(token.Ref()), Now: &token},
	)
	s.holds(s.read(client.Ref()), &client)
	s.holds(s.read(token.Ref()), &token)
	if diff := cmp.Diff(client.Fields(), s.read(client.Ref()).Fields); diff != "" {
		s.Errorf("fields (-want +got):\n%s", diff)
	}
}

func updateRestricts(s *suite) {
	s.withRegistry()
	client, token := *bare("acme"), *bareToken("0123456789", sampleDigest("ab"), "acme")
	s.create(&client, &token)
	client.State, token.State = registry.Disabled, registry.Revoked
	client.Changed = registry.Annotation{By: "alice", At: now, Reason: "leaked"}
	edits := []registry.Edit{{Was: s.read(client.Ref()), Now: &client}, {Was: s.read(token.Ref()), Now: &token}}
	if !commitOf(edits...).Restricts() {
		s.Fatal("Restricts: got false of a commit that only switches off")
	}
	if position := s.commit(edits...); position.Seq != 2 {
		s.Errorf("Commit: got seq %d, want 2", position.Seq)
	}
	s.holds(s.read(client.Ref()), &client)
	s.holds(s.read(token.Ref()), &token)
	s.refuse(registry.ErrConflict, edits, client.Ref(), token.Ref())
}

func updateKeepsSpelling(s *suite) {
	s.withRegistry()
	foreign := registry.Fields{
		"id": "acme", "state": "active", "created_at": "2026-01-01T00:00:00.500Z", "allow": "192.0.2.1 ::ffff:192.0.2.2",
		"allow_mode": "enforce", "contact": "ops@acme.example", "x_crm": "4711", "x_empty": "",
	}
	s.Put(registry.ClientRef("acme"), foreign)
	entry := s.read(registry.ClientRef("acme"))
	client := *entry.Record.(*registry.Client)
	client.State, client.Contact = registry.Disabled, ""
	s.commit(registry.Edit{Was: entry, Now: &client})

	want := without(with(foreign, "state", "disabled"), "contact")
	if diff := cmp.Diff(want, s.read(client.Ref()).Fields); diff != "" {
		s.Errorf("fields (-want +got):\n%s", diff)
	}
}

func updateRepairs(s *suite) {
	s.withRegistry()
	s.Put(registry.ClientRef("acme"), with(with(bare("acme").Fields(), "colour", "red"), "x_crm", "4711"))
	s.commit(registry.Edit{Was: s.read(registry.ClientRef("acme")), Now: bare("acme")})
	s.holds(s.read(registry.ClientRef("acme")), bare("acme"))
	if diff := cmp.Diff(with(bare("acme").Fields(), "x_crm", "4711"), s.read(registry.ClientRef("acme")).Fields); diff != "" {
		s.Errorf("fields (-want +got):\n%s", diff)
	}
}

func updateConflict(s *suite) {
	s.withRegistry()
	ref, fields := sampleClient().Ref(), sampleClient().Fields()
	tests := []struct {
		name      string
		meanwhile registry.Fields
	}{
		{"a field changed", with(fields, "contact", "sales@acme.example")},
		{"a field that the edit sets is so already", with(fields, "name", "Acme")},
		{"a field came", with(fields, "x_crm", "4711")},
		{"a field went", without(fields, "labels")},
		{"one went and one came", with(without(fields, "labels"), "x_crm", "4711")},
		{"a field became empty", with(fields, "labels", "")},
		{"the record went", nil},
	}
	for _, test := range tests {
		s.Run(test.name, func(t *testing.T) {
			s := &suite{T: t, Fixture: s.Fixture}
			s.Put(ref, fields)
			changed := *sampleClient()
			changed.Name = "Acme"
			edit := registry.Edit{Was: s.read(ref), Now: &changed}
			s.Put(ref, test.meanwhile)
			s.refuse(registry.ErrConflict, []registry.Edit{edit}, ref)
		})
	}
	s.Run("as it was", func(t *testing.T) {
		s := &suite{T: t, Fixture: s.Fixture}
		s.Put(ref, fields)
		s.commit(registry.Edit{Was: s.read(ref), Now: sampleClient()})
		s.holds(s.read(ref), sampleClient())
	})
}

func updateRoot(s *suite) {
	s.withRegistry()
	s.create(bare("acme"))
	root := *sampleRoot()
	root.Digests = []credential.DigestKind{"h2", "h1"}
	root.Checks = map[credential.DigestKind]string{"h1": "0123456789abcdef", "h2": "fedcba9876543210"}
	position := s.commit(registry.Edit{Was: s.read(registry.RootRef), Now: &root})
	if position.Seq != 2 {
		s.Errorf("commit of the root: got seq %d, want 2", position.Seq)
	}
	root.Seq = 2
	s.holds(s.read(registry.RootRef), &root)
	s.refuse(registry.ErrExists, creations(sampleRoot()))
}

func createExisting(s *suite) {
	s.withRegistry()
	token := bareToken("0123456789", sampleDigest("ab"), "acme")
	deleted := bare("gone")
	deleted.State = registry.Deleted
	s.create(token, bare("acme"), deleted, sampleKey(), bareBinding("svc", "acme"))
	s.Put(registry.ClientRef("broken"), registry.Fields{"colour": "red"})
	tests := []struct {
		name   string
		record registry.Record
	}{
		{"a client", bare("acme")},
		{"a deleted client", bare("gone")},
		{"an invalid client", bare("broken")},
		{"the same token", token},
		{"a token with another's digest", bareToken("zzzzzzzzzz", token.Digest, "acme")},
		{"a token with another's id", bareToken(token.ID, sampleDigest("cd"), "acme")},
		{"a key of the same kid", bareKey("acme", sampleKey().ID)},
		{"a binding of the same subject", bareBinding("svc", "globex")},
	}
	for _, test := range tests {
		s.Run(test.name, func(t *testing.T) {
			s := &suite{T: t, Fixture: s.Fixture}
			s.refuse(registry.ErrExists, creations(bare("beside"), test.record), test.record.Ref(), registry.ClientRef("beside"))
		})
	}
	digests, err := s.Store.Digests(s.Context(), token.ID, "zzzzzzzzzz")
	if diff := cmp.Diff([]credential.Digest{token.Digest, ""}, digests); diff != "" || err != nil {
		s.Errorf("Digests: error %v (-want +got):\n%s", err, diff)
	}
}

func createOverOtherType(s *suite) {
	s.withRegistry()
	for _, key := range []string{"client:acme", "clients", "token-id:0123456789", "tokens-of:acme", "key:acme:k1", "keys-of:acme", "bindings-of:acme"} {
		s.Run(key, func(t *testing.T) {
			s := &suite{T: t, Fixture: s.Fixture}
			s.PutOtherType(key)
			edits := creations(bare("beside"), bare("acme"), bareToken("0123456789", sampleDigest("ab"), "acme"), bareKey("acme", "k1"), bareBinding("svc", "acme"))
			_, err := s.Store.Commit(s.Context(), commitOf(edits...))
			s.isInvalid(err, key, "")
			s.isAbsent(registry.ClientRef("beside"))
			s.Remove(key)
		})
	}
}

func writeInvalid(s *suite) {
	s.withRegistry()
	s.create(bare("acme"), bareToken("0123456789", sampleDigest("ab"), "acme"))
	ref := registry.ClientRef("acme")
	nameless, future, stateless := bare("acme"), bare("acme"), bare("acme")
	nameless.ID, future.Created, stateless.State = "Not An Id", now.Add(time.Hour), registry.NoState
	moved := bareToken("0123456789", sampleDigest("ab"), "globex")
	renamed := bareToken("abcdefghij", sampleDigest("ab"), "acme")
	token := s.read(moved.Ref())
	tests := []struct {
		name string
		edit registry.Edit
	}{
		{"an id that is none", registry.Edit{Now: nameless}},
		{"created in the future", registry.Edit{Was: s.read(ref), Now: future}},
		{"without a state", registry.Edit{Was: s.read(ref), Now: stateless}},
		{"a token that moves to another client", registry.Edit{Was: token, Now: moved}},
		{"a token that changes its id", registry.Edit{Was: token, Now: renamed}},
	}
	for _, test := range tests {
		s.Run(test.name, func(t *testing.T) {
			s := &suite{T: t, Fixture: s.Fixture}
			edits := append(creations(bare("beside")), test.edit)
			s.refuse(registry.ErrInvalid, edits, ref, moved.Ref(), registry.ClientRef("beside"))
		})
	}
}

func commitAtomic(s *suite) {
	s.withRegistry()
	many := manyClients(registry.MaxEdits)
	last := many[len(many)-1].Ref()
	s.Put(last, bare("client-499").Fields())
	s.refuse(registry.ErrExists, creations(many...), refsOf(many)...)
	s.Remove(last.Key())
	s.create(many...)
	for ref, fields := range s.fields(refsOf(many)) {
		if len(fields) == 0 {
			s.Errorf("%s: want a record", ref)
		}
	}

	tooMany := manyClients(registry.MaxEdits + 1)
	_, err := s.Store.Commit(s.Context(), commitOf(creations(tooMany...)...))
	if err == nil {
		s.Errorf("Commit of %d edits: want an error", len(tooMany))
	}
	if _, err := s.Store.Commit(s.Context(), commitOf()); err == nil {
		s.Error("Commit of no edits: want an error")
	}
	twice := creations(bare("twice"), bare("twice"))
	if _, err := s.Store.Commit(s.Context(), commitOf(twice...)); err == nil {
		s.Error("Commit that creates one record twice: want an error")
	}
	twins := creations(bareToken("0123456789", sampleDigest("ab"), "acme"), bareToken("0123456789", sampleDigest("cd"), "acme"))
	if _, err := s.Store.Commit(s.Context(), commitOf(twins...)); err == nil {
		s.Error("Commit of two tokens with one id: want an error")
	}
	s.isAbsent(registry.ClientRef("twice"))
	s.isAbsent(twins[0].Now.Ref())
}

func refsOf(records []registry.Record) []registry.Ref {
	refs := make([]registry.Ref, len(records))
	for i, record := range records {
		refs[i] = record.Ref()
	}
	return refs
}

func commitsCounted(s *suite) {
	s.withRegistry()
	first := s.create(bare("a"))
	s.refuse(registry.ErrExists, creations(bare("a")))
	second := s.create(bare("b"), bare("c"))
	third := s.commit(registry.Edit{Was: s.read(registry.ClientRef("a")), Now: bare("a")}) // changes nothing
	if diff := cmp.Diff([]uint64{1, 2, 3}, []uint64{first.Seq, second.Seq, third.Seq}); diff != "" {
		s.Errorf("seq of three commits (-want +got):\n%s", diff)
	}
	if first.Entry == "" || first.Entry == second.Entry || second.Entry == third.Entry {
		s.Errorf("entries of three commits: got %q, %q, %q, want three different ones", first.Entry, second.Entry, third.Entry)
	}
	root := sampleRoot()
	root.Seq = 3
	s.holds(s.read(registry.RootRef), root)
}

func commitConcurrent(s *suite) {
	s.withRegistry()
	s.create(bare("acme"))
	was := s.read(registry.ClientRef("acme"))
	const writers = 8
	failures := make([]error, writers)
	var group sync.WaitGroup
	for i := range writers {
		client := *bare("acme")
		client.Name = string(rune('a' + i))
		group.Go(func() {
			_, failures[i] = s.Store.Commit(s.Context(), commitOf(registry.Edit{Was: was, Now: &client}))
		})
	}
	group.Wait()
	winner := -1
	for i, err := range failures {
		switch {
		case err == nil && winner < 0:
			winner = i
		case !errors.Is(err, registry.ErrConflict):
			s.Errorf("writer %d: got error %v, want %v of all but one", i, err, registry.ErrConflict)
		}
	}
	if winner < 0 {
		s.Fatal("no writer won")
	}
	client := *bare("acme")
	client.Name = string(rune('a' + winner))
	s.holds(s.read(client.Ref()), &client)
}
