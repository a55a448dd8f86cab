package registrytest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
	"credence/internal/registry"
)

// listed is all that a Lister tells of the sample registry.
type listed struct {
	Clients  []registry.ClientID
	Profiles []registry.ProfileID
	OfAcme   []credential.TokenID
	OfNobody []credential.TokenID
	Keys     []registry.KeyID     // of acme
	Bindings []registry.BindingID // to acme
	Digests  []credential.Digest
}

func (s *suite) lists(ids ...credential.TokenID) listed {
	s.Helper()
	var all listed
	var errs [7]error
	all.Clients, errs[0] = s.Store.Clients(s.Context())
	all.Profiles, errs[1] = s.Store.Profiles(s.Context())
	all.OfAcme, errs[2] = s.Store.TokensOf(s.Context(), "acme")
	all.OfNobody, errs[3] = s.Store.TokensOf(s.Context(), "nobody")
	all.Digests, errs[4] = s.Store.Digests(s.Context(), ids...)
	all.Keys, errs[5] = s.Store.KeysOf(s.Context(), "acme")
	all.Bindings, errs[6] = s.Store.BindingsOf(s.Context(), "acme")
	for i, err := range errs {
		if err != nil {
			s.Errorf("list %d: %v", i, err)
		}
	}
	return all
}

func list(s *suite) {
	s.withRegistry()
	deleted := bare("a-deleted")
	deleted.State = registry.Deleted
	partner := sampleProfile()
	internal := *partner
	internal.ID = "internal"
	s.create(bare("zeta"), bare("acme"), deleted, partner, &internal)
	s.create(bareToken("zzzzzzzzzz", sampleDigest("aa"), "acme"), bareToken("0000000000", sampleDigest("bb"), "acme"))
	s.create(bareToken("1111111111", sampleDigest("cc"), "zeta"))
	one, other := bareBinding("one", "acme"), bareBinding("other", "acme")
	s.create(bareKey("acme", "k2"), bareKey("acme", "K1"), bareKey("zeta", "k3"), one, other, bareBinding("third", "zeta"))
	bindings := []registry.BindingID{one.ID(), other.ID()}
	slices.Sort(bindings)
	s.commit(registry.Edit{Was: s.read(partner.Ref()), Now: partner}) // an update is listed no second time

	want := listed{
		Clients:  []registry.ClientID{"a-deleted", "acme", "zeta"},
		Profiles: []registry.ProfileID{"internal", "partner"},
		OfAcme:   []credential.TokenID{"0000000000", "zzzzzzzzzz"},
		OfNobody: []credential.TokenID{},
		Keys:     []registry.KeyID{"K1", "k2"},
		Bindings: bindings,
		Digests:  []credential.Digest{sampleDigest("cc"), "", sampleDigest("aa")},
	}
	if diff := cmp.Diff(want, s.lists("1111111111", "2222222222", "zzzzzzzzzz")); diff != "" {
		s.Errorf("lists (-want +got):\n%s", diff)
	}

	s.create(manyClients(registry.MaxEdits)...)
	ids, err := s.Store.Clients(s.Context())
	if err != nil || len(ids) != registry.MaxEdits+3 {
		s.Errorf("Clients: got %d, error %v, want %d", len(ids), err, registry.MaxEdits+3)
	}
}

func listForeign(s *suite) {
	s.withRegistry()
	s.PutMember("clients", "acme")
	s.PutMember("tokens-of:acme", "0123456789")
	s.PutName("token-id:0123456789", string(sampleDigest("ab")))
	s.PutMember("keys-of:acme", "k1")
	s.PutMember("bindings-of:acme", string(bareBinding("svc", "acme").ID()))
	want := listed{
		Clients: []registry.ClientID{"acme"}, Profiles: []registry.ProfileID{},
		OfAcme: []credential.TokenID{"0123456789"}, OfNobody: []credential.TokenID{},
		Keys: []registry.KeyID{"k1"}, Bindings: []registry.BindingID{bareBinding("svc", "acme").ID()},
		Digests: []credential.Digest{sampleDigest("ab")},
	}
	if diff := cmp.Diff(want, s.lists("0123456789")); diff != "" {
		s.Errorf("lists (-want +got):\n%s", diff)
	}

	calls := map[string]func() error{
		"clients":             func() error { _, err := s.Store.Clients(s.Context()); return err },
		"profiles":            func() error { _, err := s.Store.Profiles(s.Context()); return err },
		"tokens-of:acme":      func() error { _, err := s.Store.TokensOf(s.Context(), "acme"); return err },
		"keys-of:acme":        func() error { _, err := s.Store.KeysOf(s.Context(), "acme"); return err },
		"bindings-of:acme":    func() error { _, err := s.Store.BindingsOf(s.Context(), "acme"); return err },
		"token-id:0123456789": func() error { _, err := s.Store.Digests(s.Context(), "0123456789"); return err },
	}
	for key, call := range calls {
		s.Run(key, func(t *testing.T) {
			s := &suite{T: t, Fixture: s.Fixture}
			if key == "token-id:0123456789" {
				s.PutName(key, "no digest")
			} else {
				s.PutMember(key, "No Id")
			}
			s.isInvalid(call(), key, "")
			s.PutOtherType(key)
			s.isInvalid(call(), key, "")
		})
	}
}
