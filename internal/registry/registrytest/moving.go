package registrytest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/internal/registry"
)

// bindings gives what is listed for acme, and for globex.
func (s *suite) bindings() [2][]registry.BindingID {
	s.Helper()
	var all [2][]registry.BindingID
	for i, client := range []registry.ClientID{"acme", "globex"} {
		var err error
		if all[i], err = s.Store.BindingsOf(s.Context(), client); err != nil {
			s.Fatalf("BindingsOf %s: %v", client, err)
		}
	}
	return all
}

func moveBinding(s *suite) {
	s.withRegistry()
	acmes := bareBinding("svc", "acme")
	stays := bareBinding("other", "acme")
	globexes := *acmes
	globexes.Client = "globex"
	s.create(acmes, stays)
	s.Put(acmes.Ref(), with(acmes.Fields(), "x_crm", "4711"))

	both := []registry.BindingID{acmes.ID(), stays.ID()}
	slices.Sort(both)
	before := [2][]registry.BindingID{both, {}}
	after := [2][]registry.BindingID{{stays.ID()}, {acmes.ID()}}
	lists := func(when string, want [2][]registry.BindingID) {
		s.Helper()
		if diff := cmp.Diff(want, s.bindings()); diff != "" {
			s.Errorf("%s: bindings of acme and globex (-want +got):\n%s", when, diff)
		}
	}
	lists("at first", before)

	// What cannot be done whole moves nothing.
	move := registry.Edit{Was: s.read(acmes.Ref()), Now: &globexes}
	s.refuse(registry.ErrExists, append(creations(stays), move), acmes.Ref())
	lists("beside what exists", before)
	stale := move
	stale.Was = registry.EntryOf(acmes.Ref(), acmes.Fields(), now)
	s.refuse(registry.ErrConflict, []registry.Edit{stale}, acmes.Ref())
	lists("from what stands there no longer", before)
	s.PutOtherType("bindings-of:globex")
	s.refuse(registry.ErrInvalid, []registry.Edit{move}, acmes.Ref())
	s.Remove("bindings-of:globex")
	lists("to a list of another type", before)

	s.commit(move)
	lists("moved", after)
	s.holds(s.read(acmes.Ref()), &globexes)
	if got := s.read(acmes.Ref()).Fields["x_crm"]; got != "4711" {
		s.Errorf("a field of others: got %q, want it kept", got)
	}
	revoked := globexes
	revoked.State = registry.Revoked
	s.commit(registry.Edit{Was: s.read(acmes.Ref()), Now: &revoked})
	lists("revoked", after)

	s.Run("from a list of another type", func(t *testing.T) {
		s := &suite{T: t, Fixture: s.Fixture}
		s.PutOtherType("bindings-of:globex")
		s.refuse(registry.ErrInvalid, []registry.Edit{{Was: s.read(acmes.Ref()), Now: acmes}}, acmes.Ref())
	})
}
