package registrytest

import (
	"github.com/google/go-cmp/cmp"

	"credence/internal/registry"
)

// through reads the client acme, and the id of the entry through which was read.
func (s *suite) through() (registry.Entry, string) {
	s.Helper()
	entries, through, err := s.Store.ReadThrough(s.Context(), registry.ProfileRef("none"), registry.ClientRef("acme"))
	if err != nil || len(entries) != 2 {
		s.Fatalf("ReadThrough: got %d entries, error %v, want 2", len(entries), err)
	}
	if diff := cmp.Diff(registry.Entry{}, entries[0]); diff != "" {
		s.Errorf("ReadThrough of what is not there (-want +got):\n%s", diff)
	}
	return entries[1], through
}

func readThrough(s *suite) {
	s.withRegistry()
	if entry, through := s.through(); !entry.Absent() || through != "" {
		s.Errorf("before the first commit: got %v through %q, want nothing", entry, through)
	}
	for _, id := range []registry.ClientID{"acme", "globex"} {
		position := s.create(bare(id))
		entry, through := s.through()
		s.holds(entry, bare("acme"))
		if through != position.Entry {
			s.Errorf("behind the commit of %s: read through %q, want %q", id, through, position.Entry)
		}
	}
	s.Tell(registry.Fields{"keys": "client:acme"})
	if _, through := s.through(); through != s.lastPosition().Entry {
		s.Errorf("behind another program's change: read through %q, want %q", through, s.lastPosition().Entry)
	}
	s.PutOtherType("client:acme")
	entry, _ := s.through()
	s.isInvalid(entry.Invalid, "client:acme", "")

	entries, through, err := s.Store.ReadThrough(s.Context())
	if err != nil || len(entries) != 0 || through != s.lastPosition().Entry {
		s.Errorf("of nothing: got %v through %q, error %v, want through %q", entries, through, err, s.lastPosition().Entry)
	}
	s.Forget(0)
	if _, through := s.through(); through != "" {
		s.Errorf("of a stream that was trimmed to nothing: read through %q, want none", through)
	}
}

// extent gives how far the stream reaches. Newest is checked here: a store may
// know it or not.
func (s *suite) extent(newest string) registry.Extent {
	s.Helper()
	extent, err := s.Store.Extent(s.Context())
	if err != nil {
		s.Fatalf("Extent: %v", err)
	}
	if extent.Newest != newest && extent.Newest != extent.Last {
		s.Errorf("the newest of all times: got %q, want %q, or %q as the last that is there", extent.Newest, newest, extent.Last)
	}
	extent.Newest = ""
	return extent
}

func extent(s *suite) {
	s.withRegistry()
	is := func(name, newest string, want registry.Extent) {
		s.Helper()
		if diff := cmp.Diff(want, s.extent(newest)); diff != "" {
			s.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	is("before the first commit", "", registry.Extent{})
	first := s.create(bare("acme")).Entry
	is("one entry", first, registry.Extent{There: true, First: first, Last: first})
	second := s.create(bare("globex")).Entry
	last := s.create(bare("initech")).Entry
	is("three entries", last, registry.Extent{There: true, First: first, Last: last})
	s.Forget(2)
	is("two of three", last, registry.Extent{There: true, First: second, Last: last})
	s.Forget(0)
	is("none of three", last, registry.Extent{There: true})
	s.Tell(registry.Fields{"keys": "client:acme"})
	told := s.lastPosition().Entry
	is("one of four", told, registry.Extent{There: true, First: told, Last: told})
	s.Remove("changes")
	is("no stream any more", "", registry.Extent{})

	s.PutOtherType("changes")
	_, err := s.Store.Extent(s.Context())
	s.isInvalid(err, "changes", "")
}
