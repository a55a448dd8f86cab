package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReportCrowd(t *testing.T) {
	turns := []*turn{
		{name: "100, all asked", rounds: measured(20, 20, 20)},
		{name: "100000, 100 asked", rounds: measured(20, 22, 24)},
		{name: "100000, all asked", rounds: measured(30, 30, 30)},
	}
	waiting := []*paced{
		{name: turns[2].name, rounds: []waits{waited(100, 500, 3200)}},
		{name: turns[0].name, rounds: []waits{waited(100, 500, 2000)}},
	}
	tokens := float64(crowd.tokens - few)
	small := memory{live: 1000, resident: 50 << 20}
	got := reportCrowd(turns, waiting, 12345, small, memory{live: small.live + 700*tokens, resident: small.resident + 1000*tokens})
	for _, want := range []string{
		"takes 700 bytes that live, and 1000 bytes of the process; after the rounds with 64 checks in flight that process has 145 MiB (VmRSS), the one with 100 tokens 50 MiB.",
		"fixed rate of 12345 checks a second",
	} {
		if !strings.Contains(got.text, want) {
			t.Errorf("the report does not say %q:\n%s", want, got.text)
		}
	}
	var goals [][]string
	for _, g := range got.goals {
		goals = append(goals, g.row())
	}
	if diff := cmp.Diff([][]string{
		{"CPU a check with 100000 tokens in memory, to 100", "≤ 1.10", "1.10", "reached"},
		{"p99.9 with 100000 tokens in memory, to 100", "≤ 1.50", "1.60", "missed"},
		{"memory of the process with 100000 tokens, MiB", "≤ 150", "145", "reached"},
	}, goals); diff != "" {
		t.Errorf("goals (-want +got):\n%s", diff)
	}
}
