package registrytest

import (
	"context"
	"errors"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/registry"
)

// patience is the round of a feed that should have something to tell; hurry
// that of one that should not.
const (
	patience = 30 * time.Second
	hurry    = 20 * time.Millisecond
)

func feedThere(s *suite) {
	s.withRegistry()
	first := s.create(bare("acme"))
	s.Tell(registry.Fields{"keys": "client:acme", "op": "set"})
	feed := s.Feed(patience)
	tests := []struct {
		name  string
		after registry.Position
		want  []story
	}{
		{"from the beginning", registry.Position{}, []story{
			{1, []string{"client:acme"}, "test", "registrytest", "2026-03-01T12:00:00Z", "to see what happens", false},
			{Keys: []string{"client:acme"}, Op: "set"},
		}},
		{"behind a commit", first, []story{{Keys: []string{"client:acme"}, Op: "set"}}},
	}
	for _, test := range tests {
		got, err := feed.Next(s.Context(), test.after)
		if err != nil {
			s.Fatalf("%s: Next: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, stories(got.Changes)); diff != "" {
			s.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// A round is what one call of Next gives.
type round struct {
	changes []registry.Change
	err     error
}

// waiting calls Next, which is expected to wait.
func (s *suite) waiting(ctx context.Context, feed registry.Feed, after registry.Position) <-chan round {
	ended := make(chan round, 1)
	go func() {
		got, err := feed.Next(ctx, after)
		ended <- round{got.Changes, err}
	}()
	return ended
}

func feedComes(s *suite) {
	s.withRegistry()
	feed := s.Feed(patience)
	for _, test := range []struct {
		name string
		do   func()
		want story
	}{
		{"the first of all", func() { s.create(bare("acme")) }, story{
			1, []string{"client:acme"}, "test", "registrytest", "2026-03-01T12:00:00Z", "to see what happens", false,
		}},
		{"another program's", func() { s.Tell(registry.Fields{"keys": "client:acme", "op": "set"}) }, story{
			Keys: []string{"client:acme"}, Op: "set",
		}},
	} {
		ended := s.waiting(s.Context(), feed, s.lastPosition())
		select {
		case early := <-ended:
			s.Fatalf("%s: Next did not wait: %v, %v", test.name, early.changes, early.err)
		case <-time.After(hurry):
		}
		test.do()
		got := <-ended
		if got.err != nil {
			s.Fatalf("%s: Next: %v", test.name, got.err)
		}
		if diff := cmp.Diff([]story{test.want}, stories(got.changes)); diff != "" {
			s.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// lastPosition gives where the newest change stands.
func (s *suite) lastPosition() registry.Position {
	s.Helper()
	if newest := s.before("", 1); len(newest) > 0 {
		return newest[0].Position()
	}
	return registry.Position{}
}

func feedNothing(s *suite) {
	s.withRegistry()
	feed := s.Feed(hurry)
	for _, id := range []registry.ClientID{"acme", "globex"} {
		if got, err := feed.Next(s.Context(), s.lastPosition()); err != nil || len(got.Changes) != 0 {
			s.Errorf("before %s: Next: got %v, error %v, want nothing and no error", id, got, err)
		}
		s.create(bare(id))
	}
}

func feedRoot(s *suite) {
	feed := s.Feed(hurry)
	rootIs := func(name string, want *registry.Root) {
		s.Helper()
		got, err := feed.Next(s.Context(), s.lastPosition())
		switch {
		case err != nil:
			s.Errorf("%s: Next: %v", name, err)
		case want != nil:
			s.holds(got.Root, want)
		case !got.Root.Absent():
			s.Errorf("%s: got root %v, want none", name, got.Root)
		}
	}
	rootIs("without a registry", nil)
	s.withRegistry()
	root := sampleRoot()
	rootIs("of a registry without commits", root)
	s.create(bare("acme"))
	root.Seq = 1
	rootIs("behind the last commit", root)
	got, err := s.Feed(patience).Next(s.Context(), registry.Position{})
	if err != nil || len(got.Changes) != 1 {
		s.Errorf("behind the beginning: got %v, error %v, want 1 change", got, err)
	}
	s.holds(got.Root, root)

	s.Put(registry.RootRef, with(root.Fields(), "schema", "2"))
	got, err = feed.Next(s.Context(), s.lastPosition())
	if err != nil || got.Root.Fields["schema"] != "2" {
		s.Errorf("of another schema: got %v, error %v, want the fields", got, err)
	}
	s.isInvalid(got.Root.Invalid, "registry", "schema")
	s.PutOtherType("registry")
	got, err = feed.Next(s.Context(), s.lastPosition())
	if err != nil {
		s.Errorf("of another type: Next: %v", err)
	}
	s.isInvalid(got.Root.Invalid, "registry", "")
	s.Remove("registry")
	rootIs("of a registry that is gone", nil)
}

func feedGap(s *suite) {
	s.withRegistry()
	first := s.create(bare("acme"))
	second := s.create(bare("globex"))
	s.Forget(1)
	if got, err := s.Feed(patience).Next(s.Context(), first); !errors.Is(err, registry.ErrGap) {
		s.Errorf("behind an entry that was trimmed, with more to tell: got %v, error %v, want %v", got, err, registry.ErrGap)
	}
	if got, err := s.Feed(hurry).Next(s.Context(), second); err != nil || len(got.Changes) > 0 {
		s.Errorf("behind an entry that is there: got %v, error %v, want nothing", got, err)
	}
	s.Remove("changes")
	if got, err := s.Feed(hurry).Next(s.Context(), second); !errors.Is(err, registry.ErrGap) {
		s.Errorf("where the stream is gone: got %v, error %v, want %v", got, err, registry.ErrGap)
	}
	if got, err := s.Feed(hurry).Next(s.Context(), registry.Position{}); err != nil || len(got.Changes) > 0 {
		s.Errorf("from the beginning of no stream: got %v, error %v, want nothing", got, err)
	}
}

// feedGapComes has the stream be lost under a feed that waits: what comes then
// follows a gap.
func feedGapComes(s *suite) {
	s.withRegistry()
	after := s.create(bare("acme"))
	ended := s.waiting(s.Context(), s.Feed(patience), after)
	select {
	case early := <-ended:
		s.Fatalf("Next did not wait: %v, %v", early.changes, early.err)
	case <-time.After(hurry):
	}
	s.Forget(0)
	s.Tell(registry.Fields{"keys": "client:acme", "op": "set"})
	if got := <-ended; !errors.Is(got.err, registry.ErrGap) {
		s.Errorf("behind an entry that went while Next waited: got %v, error %v, want %v", got.changes, got.err, registry.ErrGap)
	}
}

func feedOver(s *suite) {
	s.withRegistry()
	ctx, cancel := contextOf(s)
	feed := s.Feed(patience)
	ended := s.waiting(ctx, feed, registry.Position{})
	select {
	case early := <-ended:
		s.Fatalf("Next did not wait: %v, %v", early.changes, early.err)
	case <-time.After(hurry):
	}
	cancel()
	got := <-ended
	if !errors.Is(got.err, registry.ErrUnavailable) || len(got.changes) > 0 {
		s.Errorf("Next when its context ended: got %v, error %v, want %v", got.changes, got.err, registry.ErrUnavailable)
	}
	// The feed lives on.
	s.create(bare("acme"))
	if got, err := feed.Next(s.Context(), registry.Position{}); err != nil || len(got.Changes) != 1 {
		s.Errorf("Next behind a call that was over: got %v, error %v, want the change", got, err)
	}
}
