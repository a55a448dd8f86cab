package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// measured gives rounds that took so many µs of CPU a check.
func measured(cpu ...time.Duration) []round {
	rounds := make([]round, len(cpu))
	for i, used := range cpu {
		rounds[i] = round{cpu: used * time.Microsecond, rate: 30000, p50: 2 * time.Millisecond, p99: 12 * time.Millisecond}
	}
	return rounds
}

// A ratio is the median of those of single rounds, not the ratio of medians.
func TestReportCost(t *testing.T) {
	got := reportCost([]*matter{
		{
			name: "known", bytes: 700, goals: map[peerKind]float64{noopPeer: 0.65, naivePeer: 0.25},
			turns: []*turn{
				{name: "credence", rounds: measured(20, 30, 25)},
				{name: "no-op", rounds: measured(40, 50, 25)},
				{name: "raw", rounds: measured(20, 15, 25)},
				{name: "naive", rounds: measured(80, 90, 100)},
			},
		},
		{name: "denied", bytes: 500, turns: []*turn{{name: "credence", rounds: measured(15)}}},
	})
	want := strings.TrimPrefix(`
64 checks in flight over 4 connections. Peers answer as many bytes as credence does; the ratio is credence's CPU to theirs, the median of the rounds' ratios.

| server   |  check | answer, bytes | CPU, µs/check | least to most | ratio | Redis CPU, µs/check | checks/s | p50, ms | p99, ms |
| -------- | -----: | ------------: | ------------: | ------------: | ----: | ------------------: | -------: | ------: | ------: |
| credence |  known |           700 |          25.0 |     20.0–30.0 |  1.00 |                 0.0 |    30000 |    2.00 |   12.00 |
| no-op    |  known |           700 |          40.0 |     25.0–50.0 |  0.60 |                 0.0 |    30000 |    2.00 |   12.00 |
| raw      |  known |           700 |          20.0 |     15.0–25.0 |  1.00 |                 0.0 |    30000 |    2.00 |   12.00 |
| naive    |  known |           700 |          90.0 |    80.0–100.0 |  0.25 |                 0.0 |    30000 |    2.00 |   12.00 |
| credence | denied |           500 |          15.0 |     15.0–15.0 |  1.00 |                 0.0 |    30000 |    2.00 |   12.00 |
`, "\n")
	if diff := cmp.Diff(want, got.text); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	var goals [][]string
	for _, g := range got.goals {
		goals = append(goals, g.row())
	}
	if diff := cmp.Diff([][]string{
		{"CPU a check (known), to the no-op of as many bytes", "≤ 0.650", "0.600", "reached"},
		{"CPU a check (known), to the naive of as many bytes", "≤ 0.250", "0.250", "reached"},
	}, goals); diff != "" {
		t.Errorf("goals (-want +got):\n%s", diff)
	}
	want0 := bar{group: "known", name: "credence", figure: 25, ours: true}
	if diff := cmp.Diff(want0, got.charts[0].bars[0], cmp.AllowUnexported(bar{})); diff != "" || len(got.charts[0].bars) != 5 {
		t.Errorf("%d bars, want 5; the first (-want +got):\n%s", len(got.charts[0].bars), diff)
	}
}
