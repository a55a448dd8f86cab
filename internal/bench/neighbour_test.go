package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNeighbours(t *testing.T) {
	measured := func(p50, p99 time.Duration, allowed, bad, overloaded float64) met {
		return met{p50 * time.Microsecond, p99 * time.Microsecond,
			map[string]float64{"allowed": allowed, "jwt_signature": bad, "overloaded": overloaded}}
	}
	neighbours := []*neighbour{
		{name: "nobody", rounds: []met{measured(300, 600, 500, 0, 0), measured(600, 6000, 500, 0, 0), measured(300, 600, 500, 0, 0)}},
		{name: "forged", flood: &flood{}, most: 1.5, rounds: []met{measured(330, 900, 500, 300, 700), measured(1200, 12000, 499, 310, 690), measured(300, 1200, 500, 320, 680)}},
	}
	for _, n := range neighbours {
		n.known = "clients"
	}
	var got strings.Builder
	goals := writeNeighbours(&got, neighbours)
	want := strings.TrimPrefix(`
| beside clients | p50, ms | p99, ms | p50, ratio | p99, ratio |
| -------------- | ------: | ------: | ---------: | ---------: |
| nobody         |    0.30 |    0.60 |       1.00 |       1.00 |
| forged         |    0.33 |    1.20 |       1.10 |       2.00 |
`, "\n")
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if len(goals) != 1 {
		t.Fatalf("%d goals, want that of the one that has a most", len(goals))
	}
	if diff := cmp.Diff([]string{"p99 of clients beside forged, to nobody", "≤ 1.50", "2.00", "missed"}, goals[0].row()); diff != "" {
		t.Errorf("goal (-want +got):\n%s", diff)
	}
	for i, want := range []string{"allowed 500, overloaded 0", "allowed 500, jwt_signature 310, overloaded 690"} {
		if got := neighbours[i].answers(); got != want {
			t.Errorf("beside %s: %q, want %q", neighbours[i].name, got, want)
		}
	}
}

func TestAnsweredPerSecond(t *testing.T) {
	grown := metrics{
		`credence_decisions_total{kind="token",reason="allowed"}`:     1000,
		`credence_decisions_total{kind="jwt",reason="allowed"}`:       500,
		`credence_decisions_total{kind="jwt",reason="jwt_signature"}`: 3000,
	}
	got := answeredPerSecond(grown, 2*time.Second)
	want := map[string]float64{"allowed": 750, "token_unknown": 0, "jwt_signature": 1500, "overloaded": 0, "registry_unavailable": 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answered (-want +got):\n%s", diff)
	}
}
