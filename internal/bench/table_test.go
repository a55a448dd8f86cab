package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	measured := func(cpu, redis time.Duration, rate float64) round {
		return round{cpu: cpu * time.Microsecond, redis: redis * time.Microsecond, rate: rate, p50: 2 * time.Millisecond, p99: 12 * time.Millisecond}
	}
	turns := []*turn{
		{name: "credence", rounds: []round{measured(100, 20, 9000), measured(300, 40, 7000), measured(120, 30, 8000)}},
		{name: "no-op", rounds: []round{measured(40, 0, 30000), measured(30, 0, 32000)}},
	}
	var got strings.Builder
	writeTable(&got, rows("server", turns))
	want := strings.TrimPrefix(`
| server   | CPU, µs/check | Redis CPU, µs/check | checks/s | p50, ms | p99, ms |
| -------- | ------------: | ------------------: | -------: | ------: | ------: |
| credence |         120.0 |                30.0 |     8000 |    2.00 |   12.00 |
| no-op    |          35.0 |                 0.0 |    31000 |    2.00 |   12.00 |
| ratio    |          3.43 |                   – |     0.26 |    1.00 |    1.00 |
`, "\n")
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}
