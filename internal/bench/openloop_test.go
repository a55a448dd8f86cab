package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func waited(p50, p99, p999 time.Duration) waits {
	return waits{p50 * time.Microsecond, p99 * time.Microsecond, p999 * time.Microsecond}
}

func TestWaits(t *testing.T) {
	var latencies []time.Duration
	for i := range 2000 { // longest first: in no order
		latencies = append(latencies, time.Duration(2000-i)*time.Microsecond)
	}
	if diff := cmp.Diff(waited(1000, 1980, 1998), waitsOf(latencies), cmp.AllowUnexported(waits{})); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
}

func TestHalfOfTheSlowest(t *testing.T) {
	for name, test := range map[string]struct {
		rates []float64
		want  int
	}{
		"the second":    {[]float64{30000, 20001}, 10000},
		"the first":     {[]float64{8000, 20000}, 4000},
		"hardly at all": {[]float64{0.5}, 1},
	} {
		if got := halfOf(test.rates...); got != test.want {
			t.Errorf("%s: halfOf(%v) = %d, want %d", name, test.rates, got, test.want)
		}
	}
}

func TestReportHalf(t *testing.T) {
	got := reportHalf([]*paced{
		{name: "credence", rounds: []waits{waited(100, 600, 3000), waited(200, 1200, 3000), waited(100, 500, 9000)}},
		{name: "no-op", rounds: []waits{waited(100, 500, 2000), waited(200, 1000, 3000), waited(200, 1000, 3000)}},
	}, []float64{40000, 30000}, 15000)
	want := strings.TrimPrefix(`
With 64 checks in flight credence (strip: seen) answers 40000 a second, the no-op 30000. Here 15000 a second begin at fixed times, whether or not those before were answered; latency counts from when a check should have begun. Ratios are medians of the rounds' ratios.

| server   | p50, ms | p99, ms | p99.9, ms | p50, ratio | p99, ratio | p99.9, ratio |
| -------- | ------: | ------: | --------: | ---------: | ---------: | -----------: |
| credence |    0.10 |    0.60 |      3.00 |       1.00 |       1.20 |         1.50 |
| no-op    |    0.20 |    1.00 |      3.00 |       1.00 |       1.00 |         1.00 |
`, "\n")
	if diff := cmp.Diff(want, got.text); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"p99 at half of the saturated rate, to the no-op", "≤ 1.20", "1.20", "reached"}, got.goals[0].row()); diff != "" {
		t.Errorf("goal (-want +got):\n%s", diff)
	}
}
