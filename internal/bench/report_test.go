package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	got := report{
		machine: "Some CPU, 2 cores", plan: plan{rounds: 9, length: 2 * time.Second},
		sections: []section{
			{part: part{name: "cost", title: "what it costs"}, text: "Little.\n"},
			{
				part: part{name: "redis", title: "what is asked"}, text: "Nothing.\n",
				goals: []goal{
					atMost("lookups", "%.0f", 0, 0), atMost("ratio", "%.2f", 1.1, 1.101), atMost("just so", "%.1f", 3, 3),
					atLeast("rate", "%.2f", 0.98, 0.979), atLeast("enough", "%.2f", 0.85, 0.85),
				},
				others:       0.126,
				disturbances: []string{"contact is lost (2 times)"},
			},
		},
	}.String()
	want := strings.TrimPrefix(`
Some CPU, 2 cores. Medians of 9 rounds of 2s of each that is compared, in turns.

## cost: what it costs

Little.

Others used 0 % of the machine meanwhile.

## redis: what is asked

Nothing.

Others used 13 % of the machine meanwhile: measure again at a quieter time.
Servers warned, which they do not at a quiet time:

- contact is lost (2 times)

## goals

| goal    | wanted | measured |         |
| ------- | -----: | -------: | ------: |
| lookups |    ≤ 0 |        0 | reached |
| ratio   | ≤ 1.10 |     1.10 |  missed |
| just so |  ≤ 3.0 |      3.0 | reached |
| rate    | ≥ 0.98 |     0.98 |  missed |
| enough  | ≥ 0.85 |     0.85 | reached |
`, "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestSelected(t *testing.T) {
	for name, test := range map[string]struct {
		only string
		long bool
		want []string
		err  bool
	}{
		"the short plan":           {"", false, []string{"cost", "half", "envoy", "redis", "crowd"}, false},
		"all":                      {"", true, partNames(), false},
		"one of the long plan":     {"fairness", false, []string{"fairness"}, false},
		"in their own order":       {"crowd,cost", false, []string{"cost", "crowd"}, false},
		"some though all were run": {"redis", true, []string{"redis"}, false},
		"no such part":             {"cost,costs", false, nil, true},
		"an empty name":            {"cost,", false, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			parts, err := selected(test.only, test.long)
			var got []string
			for _, part := range parts {
				got = append(got, part.name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" || (err != nil) != test.err {
				t.Errorf("selected(%q, %t): error %v, want one %t (-want +got):\n%s", test.only, test.long, err, test.err, diff)
			}
		})
	}
}

func TestWarning(t *testing.T) {
	for name, test := range map[string]struct{ line, want string }{
		"a warning":        {`{"level":"WARN","msg":"the change feed was broken"}`, "the change feed was broken"},
		"an error, why":    {`{"level":"ERROR","msg":"contact is lost","cause":"refused"}`, "contact is lost: refused"},
		"a denial":         {`{"level":"WARN","msg":"denied","reason":"registry_unavailable","cause":"127.0.0.1:4711:\nrefused"}`, "denied: registry_unavailable: 127.0.0.1: refused"},
		"tracking is lost": {`{"level":"INFO","msg":"writes are not tracked any more"}`, "writes are not tracked any more"},
		"shed":             {`{"level":"WARN","msg":"denied","reason":"overloaded"}`, ""},
		"no warning":       {`{"level":"INFO","msg":"listening"}`, ""},
		"Redis' own":       {"4242:M 24 Nov 2026 12:00:00.000 # Warning: something", ""},
		"cut short":        {`{"level":"WARN","msg":"the ch`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := warning([]byte(test.line)); got != test.want {
				t.Errorf("warning(%s) = %q, want %q", test.line, got, test.want)
			}
		})
	}
}
