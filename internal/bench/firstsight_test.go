package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/jwt"
)

func TestSightsTable(t *testing.T) {
	measured := func(first, again, within, bare time.Duration) sightRound {
		return sightRound{first * time.Microsecond, again * time.Microsecond, within * time.Microsecond, bare * time.Microsecond}
	}
	sights := []*sight{
		// By round 1.0, 1.5 and 2.0: the busy one moves no figure alone.
		{key: pair{algorithm: jwt.ES256}, each: 1000, rounds: []sightRound{measured(160, 100, 60, 60), measured(900, 600, 100, 200), measured(220, 100, 90, 60)}},
		{key: pair{algorithm: jwt.ES512}, each: 700, rounds: []sightRound{measured(1400, 100, 1275, 1250)}},
	}
	var got strings.Builder
	goals := writeSights(&got, sights)
	want := strings.TrimPrefix(`
| algorithm | JWTs a round | first sight, µs | seen again, µs | more, µs | by itself, µs | bare, µs | more to bare | by itself to bare |
| --------- | -----------: | --------------: | -------------: | -------: | ------------: | -------: | -----------: | ----------------: |
| ES256     |         1000 |           220.0 |          100.0 |    120.0 |          90.0 |     60.0 |         1.50 |              1.00 |
| ES512     |          700 |          1400.0 |          100.0 |   1300.0 |        1275.0 |   1250.0 |         1.04 |              1.02 |
`, "\n")
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	for i, row := range [][]string{
		{"CPU of reading and verifying a new JWT, ES256, to its bare verification", "≤ 1.30", "1.00", "reached"},
		{"CPU of reading and verifying a new JWT, ES512, to its bare verification", "≤ 1.30", "1.02", "reached"},
	} {
		if diff := cmp.Diff(row, goals[i].row()); diff != "" {
			t.Errorf("goal %d (-want +got):\n%s", i, diff)
		}
	}
}

// What is dear to verify is verified less often in a round, and never not at all.
func TestSightsFitARound(t *testing.T) {
	for _, a := range measuredAlgorithms {
		s, err := newSight(t.Context(), pairFor(t, a))
		if err != nil {
			t.Fatal(err)
		}
		if s.each < 1 || s.each > sightsPerRound {
			t.Errorf("%s: %d JWTs a round, want 1 to %d", a, s.each, sightsPerRound)
		}
	}
}
