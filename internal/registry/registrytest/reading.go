package registrytest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/internal/registry"
)

func initOnce(s *suite) {
	s.isAbsent(registry.RootRef)
	s.withRegistry()
	s.holds(s.read(registry.RootRef), sampleRoot())

	other := sampleRoot()
	other.ID, other.Checks = "another", nil
	created, err := s.Store.Init(s.Context(), other)
	if err != nil || created {
		s.Errorf("Init where there is a registry: got %v, %v, want false", created, err)
	}
	s.holds(s.read(registry.RootRef), sampleRoot())
}

func initInvalid(s *suite) {
	root := sampleRoot()
	root.Digests = nil
	created, err := s.Store.Init(s.Context(), root)
	s.isInvalid(err, "registry", "digests")
	if created {
		s.Error("Init of an invalid root: got true")
	}
	s.isAbsent(registry.RootRef)

	s.PutOtherType("registry")
	created, err = s.Store.Init(s.Context(), sampleRoot())
	s.isInvalid(err, "registry", "")
	if created {
		s.Error("Init over a key of another type: got true")
	}
}

func readCreated(s *suite) {
	s.withRegistry()
	records := []registry.Record{sampleClient(), sampleProfile(), sampleToken(), sampleKey(), sampleBinding()}
	s.create(records...)
	for _, want := range records {
		entry := s.read(want.Ref())
		s.holds(entry, want)
		if diff := cmp.Diff(want.Fields(), entry.Fields); diff != "" {
			s.Errorf("%s: fields (-want +got):\n%s", want.Ref().Key(), diff)
		}
	}
}

func readOrder(s *suite) {
	s.withRegistry()
	s.create(bare("a"), bare("c"))
	refs := []registry.Ref{
		registry.ClientRef("c"), registry.ClientRef("b"), registry.RootRef, registry.ClientRef("a"),
		registry.ProfileRef("a"), registry.ClientRef("c"),
	}
	entries, err := s.Store.Read(s.Context(), refs...)
	if err != nil {
		s.Fatalf("Read: %v", err)
	}
	var got []string
	for _, entry := range entries {
		switch {
		case entry.Record != nil:
			got = append(got, entry.Record.Ref().Key())
		case entry.Invalid == nil:
			got = append(got, "absent")
		default:
			got = append(got, entry.Invalid.Error())
		}
	}
	want := []string{"client:c", "absent", "registry", "client:a", "absent", "client:c"}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("Read (-want +got):\n%s", diff)
	}
	if entries, err := s.Store.Read(s.Context()); err != nil || len(entries) != 0 {
		s.Errorf("Read of nothing: got %v, %v", entries, err)
	}
}

func readInvalid(s *suite) {
	s.withRegistry()
	client, token, root := sampleClient().Fields(), sampleToken().Fields(), sampleRoot().Fields()
	key, binding := sampleKey().Fields(), sampleBinding().Fields()
	tests := []struct {
		name   string
		ref    registry.Ref
		fields registry.Fields
		field  string
	}{
		{"unknown field", sampleClient().Ref(), with(client, "colour", "red"), "colour"},
		{"empty field", sampleClient().Ref(), with(client, "contact", ""), "contact"},
		{"missing field", sampleClient().Ref(), without(client, "state"), "state"},
		{"unknown word", sampleClient().Ref(), with(client, "state", "on"), "state"},
		{"time of another zone", sampleClient().Ref(), with(client, "valid_after", "2026-01-01T00:00:00+01:00"), "valid_after"},
		{"network with host bits", sampleClient().Ref(), with(client, "allow", "192.0.2.1/24"), "allow"},
		{"created in the future", sampleClient().Ref(), with(client, "created_at", "2026-03-01T12:00:30.000000001Z"), "created_at"},
		{"client under another's key", registry.ClientRef("globex"), client, "id"},
		{"token under another's key", registry.TokenRef(sampleDigest("cd")), token, "digest"},
		{"token without a client", sampleToken().Ref(), without(token, "client"), "client"},
		{"key under another client's", registry.KeyRef("globex", sampleKey().ID), key, "client"},
		{"key under another's kid", registry.KeyRef("acme", "k2"), key, "id"},
		{"key without a JWK", sampleKey().Ref(), without(key, "jwk"), "jwk"},
		{"binding under another's key", bareBinding("svc", "acme").Ref(), binding, "id"},
		{"binding of another subject", sampleBinding().Ref(), with(binding, "subject", "svc"), "id"},
		{"root of a layout to come", registry.RootRef, with(root, "schema", "2"), "schema"},
	}
	for _, test := range tests {
		s.Run(test.name, func(t *testing.T) {
			s := &suite{T: t, Fixture: s.Fixture}
			s.Put(test.ref, test.fields)
			entries, err := s.Store.Read(s.Context(), registry.ProfileRef("none"), test.ref)
			if err != nil {
				s.Fatalf("Read: %v", err)
			}
			s.isInvalid(entries[1].Invalid, test.ref.Key(), test.field)
			if entries[1].Record != nil {
				s.Errorf("got record %v beside the error", entries[1].Record)
			}
			if diff := cmp.Diff(test.fields, entries[1].Fields); diff != "" {
				s.Errorf("fields of an invalid record (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(registry.Entry{}, entries[0]); diff != "" {
				s.Errorf("the entry beside it (-want +got):\n%s", diff)
			}
		})
	}
}

func readOtherType(s *suite) {
	s.withRegistry()
	s.create(bare("acme"))
	s.PutOtherType("client:globex")
	entries, err := s.Store.Read(s.Context(), registry.ClientRef("globex"), registry.ClientRef("acme"))
	if err != nil {
		s.Fatalf("Read: %v", err)
	}
	s.isInvalid(entries[0].Invalid, "client:globex", "")
	s.holds(entries[1], bare("acme"))
}

func readBytes(s *suite) {
	s.withRegistry()
	client := bare("acme")
	client.Name = "a\x00b\r\n\"c'\\ \xff\xfe é %s $5"
	client.Contact = " "
	s.create(client)
	s.holds(s.read(client.Ref()), client)

	// What stands there must be compared byte by byte too.
	changed := *client
	changed.Name = "\xff\x00"
	s.commit(registry.Edit{Was: s.read(client.Ref()), Now: &changed})
	s.holds(s.read(client.Ref()), &changed)
}

func callOver(s *suite) {
	s.withRegistry()
	ctx, cancel := contextOf(s)
	cancel()
	calls := map[string]func() error{
		"Read":     func() error { _, err := s.Store.Read(ctx, registry.RootRef); return err },
		"Through":  func() error { _, _, err := s.Store.ReadThrough(ctx, registry.RootRef); return err },
		"Extent":   func() error { _, err := s.Store.Extent(ctx); return err },
		"Commit":   func() error { _, err := s.Store.Commit(ctx, commitOf(creations(bare("a"))...)); return err },
		"Init":     func() error { _, err := s.Store.Init(ctx, sampleRoot()); return err },
		"Clients":  func() error { _, err := s.Store.Clients(ctx); return err },
		"Profiles": func() error { _, err := s.Store.Profiles(ctx); return err },
		"TokensOf": func() error { _, err := s.Store.TokensOf(ctx, "acme"); return err },
		"KeysOf":   func() error { _, err := s.Store.KeysOf(ctx, "acme"); return err },
		"Bindings": func() error { _, err := s.Store.BindingsOf(ctx, "acme"); return err },
		"Revoked":  func() error { _, err := s.Store.RevokedUntil(ctx, registry.JTIOf("acme", "1")); return err },
		"Revoke":   func() error { _, err := s.Store.Commit(ctx, revocations(now, "1")); return err },
		"Set":      func() error { _, err := s.Store.Read(ctx, registry.RevokedRef); return err },
		"Digests":  func() error { _, err := s.Store.Digests(ctx, "0123456789"); return err },
		"After":    func() error { _, err := s.Store.ChangesAfter(ctx, "", 1); return err },
		"Before":   func() error { _, err := s.Store.ChangesBefore(ctx, "", 1); return err },
		"Keys":     func() error { return lastError(s.Store.Keys(ctx)) },
		"Members":  func() error { return lastError(s.Store.Members(ctx, "clients")) },
		"Values":   func() error { _, err := s.Store.Values(ctx, "token-id:0123456789"); return err },
		"Listed":   func() error { _, err := s.Store.Listed(ctx, registry.IndexOf(bare("acme"))); return err },
		"Feed":     func() error { _, err := s.Feed(patience).Next(ctx, registry.Position{}); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, registry.ErrUnavailable) {
			s.Errorf("%s after its context was cancelled: got error %v, want %v", name, err, registry.ErrUnavailable)
		}
	}
	s.isAbsent(registry.ClientRef("a"))
}
