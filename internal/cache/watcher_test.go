package cache

import (
	"log/slog"
	"strings"
	"testing"

	"credence/internal/authz"
	"credence/internal/registry"
)

// TestWatcher holds what is said of the contact, when it changes and only then.
func TestWatcher(t *testing.T) {
	s, out, made := newSubject(t, ages), &lines{}, 0
	w := NewWatcher(s.Cache, slog.New(slog.NewTextHandler(out, nil)), func() { made++ })
	says := func(when string, parts ...string) {
		t.Helper()
		w.look()
		w.look()
		text := out.take()
		if got := strings.Count(text, "\n"); got != min(1, len(parts)) {
			t.Errorf("%s: %d lines:\n%s", when, got, text)
		}
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%s: the log lacks %q:\n%s", when, part, text)
			}
		}
	}
	says("before anybody has asked")
	s.Lose(registry.ErrUnavailable)
	says("when the first try fails", "level=ERROR", "the registry cannot be served from", "registry unavailable")
	s.Lose(registry.ErrNoRegistry)
	says("when the next one does")
	s.Join(s.dial.read())
	if made > 0 {
		t.Errorf("contact was made before there was any")
	}
	if err := s.startAtTail(); err != nil {
		t.Fatal(err)
	}
	says("in contact", "level=INFO", "in contact with the registry")
	s.Lose(errCut)
	says("when contact is lost, and nothing is known", "level=ERROR", "nothing is known", "the wire is cut")
	s.mustRound()
	says("in contact, and asked", "level=INFO", "in contact with the registry")
	s.decides(ownToken, authz.Allowed, 2)
	s.Lose(errCut)
	says("when contact is lost", "level=ERROR", "what is known serves on", "the wire is cut")
	s.dial.pass(modelStaleFor + 1)
	says("when all is too old", "level=ERROR", "too old to serve", "the wire is cut")
	s.mustRound()
	says("in contact again", "level=INFO", "in contact with the registry")
	s.dial.pass(s.lateAfter() + 1)
	says("when the feed is late", "level=ERROR", "what is known serves on", "the change feed is late")
	s.mustRound()
	says("in contact once more", "in contact with the registry")
	if made != 1 {
		t.Errorf("contact was made for the first time %d times", made)
	}

	for _, step := range []struct {
		tracked bool
		want    string
	}{{false, ""}, {true, "writes are tracked"}, {true, ""}, {false, "writes are not tracked any more"}} {
		w.tracks(step.tracked)
		if text := out.take(); !strings.Contains(text, step.want) || (step.want == "") != (text == "") || w.Tracked() != step.tracked {
			t.Errorf("tracked %v: the log says %q, want %q", step.tracked, text, step.want)
		}
	}
}
