package main

import (
	"testing"
)

func TestFloodReadsItsArguments(t *testing.T) {
	for name, want := range map[string]flood{
		"of unknown tokens": {perSecond: 5000},
		"of a file":         {perSecond: 1, credentials: "some file"},
	} {
		t.Run(name, func(t *testing.T) {
			args := want.args("127.0.0.1:9001")
			address, got, err := parseFlood(args)
			if err != nil || address != "127.0.0.1:9001" || got != want {
				t.Errorf("parseFlood(%q) = %q, %+v, %v; want %+v", args, address, got, err, want)
			}
		})
	}
	for name, args := range map[string][]string{
		"none":            nil,
		"no pace":         {"127.0.0.1:9001"},
		"pace of nothing": {"127.0.0.1:9001", "0"},
		"pace too fast":   {"127.0.0.1:9001", "100001"},
		"pace in words":   {"127.0.0.1:9001", "many"},
		"too many":        {"127.0.0.1:9001", "1", "file", "file"},
	} {
		if _, _, err := parseFlood(args); err == nil {
			t.Errorf("%s: parseFlood(%q): want an error", name, args)
		}
	}
}

func TestFloodShowsWhatItsFileHolds(t *testing.T) {
	s, err := newStage()
	if err != nil {
		t.Fatal(err)
	}
	defer s.end()
	tokens := newTokens(3)
	f, err := s.floodOf("some", 10, tokens)
	if err != nil {
		t.Fatal(err)
	}
	next, sample, err := f.shown()
	if err != nil || len(sample) != 3 {
		t.Fatalf("a sample of %d, %v; want 3", len(sample), err)
	}
	for n := range 7 {
		if got := next(n); got.Expose() != tokens[n%3].Expose() {
			t.Errorf("check %d shows another credential than %d", n, n%3)
		}
	}
}

func TestFloodOfUnknownTokensShowsEachOnce(t *testing.T) {
	next, sample, err := flood{perSecond: 1}.shown()
	if err != nil || len(sample) != 1 {
		t.Fatalf("a sample of %d, %v; want 1", len(sample), err)
	}
	if a, b := next(0).Expose(), next(1).Expose(); a == b || len(a) != len(sample[0].Expose()) {
		t.Error("two tokens are the same, or of another length than the sample")
	}
}

func TestFloodOfAFileThatIsNotThere(t *testing.T) {
	if _, _, err := (flood{perSecond: 1, credentials: t.TempDir() + "/none"}).shown(); err == nil {
		t.Error("want an error")
	}
}
