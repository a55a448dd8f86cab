package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const metricsText = `# HELP credence_lookups_total Reads from the registry.
# TYPE credence_lookups_total counter
credence_lookups_total{record="client"} 3
credence_lookups_total{record="token"} 4
credence_lookups_total_of_others 100
credence_decisions_total{api="a b",kind="token",reason="allowed"} 1.5e+06
credence_decisions_total{api="allowed",kind="token",reason="token_unknown"} 7

go_memstats_next_gc_bytes 8.388608e+06
`

func TestParseMetrics(t *testing.T) {
	got, err := parseMetrics(metricsText)
	if err != nil {
		t.Fatal(err)
	}
	want := metrics{
		`credence_lookups_total{record="client"}`:                                     3,
		`credence_lookups_total{record="token"}`:                                      4,
		`credence_lookups_total_of_others`:                                            100,
		`credence_decisions_total{api="a b",kind="token",reason="allowed"}`:           1.5e6,
		`credence_decisions_total{api="allowed",kind="token",reason="token_unknown"}`: 7,
		`go_memstats_next_gc_bytes`:                                                   8388608,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	for name, text := range map[string]string{"no value": "credence_up\n", "no number": "credence_up many\n"} {
		if got, err := parseMetrics(text); err == nil {
			t.Errorf("%s: parseMetrics(%q) = %v, want an error", name, text, got)
		}
	}
}

func TestMetricsSum(t *testing.T) {
	m, err := parseMetrics(metricsText)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		series, label, value string
		want                 float64
	}{
		"all series of a name":       {"credence_lookups_total", "", "", 7},
		"those with a label":         {"credence_lookups_total", "record", "token", 4},
		"the value of another label": {"credence_decisions_total", "reason", "allowed", 1.5e6},
		"no such value":              {"credence_decisions_total", "reason", "overloaded", 0},
		"no such name":               {"credence_lookups", "", "", 0},
		"a name without labels":      {"go_memstats_next_gc_bytes", "", "", 8388608},
	} {
		t.Run(name, func(t *testing.T) {
			if got := m.sum(test.series, test.label, test.value); got != test.want {
				t.Errorf("sum(%q, %q, %q) = %v, want %v", test.series, test.label, test.value, got, test.want)
			}
		})
	}
}

func TestMetricsMinus(t *testing.T) {
	before, after := metrics{"a": 2, "b": 5}, metrics{"a": 3, "b": 5, "new": 4}
	if diff := cmp.Diff(metrics{"a": 1, "b": 0, "new": 4}, after.minus(before)); diff != "" {
		t.Errorf("minus (-want +got):\n%s", diff)
	}
	if after["a"] != 3 {
		t.Errorf("minus changed what it was called on: %v", after)
	}
}

func TestMemory(t *testing.T) {
	m := metrics{"go_memstats_next_gc_bytes": 3000, "go_gc_gogc_percent": 200}
	if live, err := liveOf(m); live != 1000 || err != nil {
		t.Errorf("liveOf = %v, %v; want 1000", live, err)
	}
	grown := memory{live: 1000, resident: 9000}.minus(memory{live: 400, resident: 3000}).per(100)
	if want := (memory{live: 6, resident: 60}); grown != want {
		t.Errorf("per token: %+v, want %+v", grown, want)
	}
	// With GOGC off there is no next collection to tell by.
	for missing := range m {
		without := m.minus(metrics{missing: m[missing]})
		if got, err := liveOf(without); err == nil {
			t.Errorf("without %s: liveOf = %v, want an error", missing, got)
		}
	}
}

func TestResident(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want float64
		err  bool
	}{
		"as the kernel writes it": {"Name:\tcredence\nVmHWM:\t  300 kB\nVmRSS:\t   150 kB\nThreads:\t7\n", 150 << 10, false},
		"the last line":           {"VmRSS:\t1 kB", 1 << 10, false},
		"of a kernel thread":      {"Name:\tkthreadd\n", 0, true},
		"another unit":            {"VmRSS:\t150 MB\n", 0, true},
		"no number":               {"VmRSS:\t-1 kB\n", 0, true},
	} {
		if got, err := parseResident(test.text); got != test.want || (err != nil) != test.err {
			t.Errorf("%s: parseResident = %v, %v; want %v, an error %t", name, got, err, test.want, test.err)
		}
	}
}
