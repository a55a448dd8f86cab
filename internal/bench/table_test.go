package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	var got strings.Builder
	writeTable(&got, [][]string{
		{"server", "CPU, µs/check", "ratio"},
		{"credence", "20.0", "1.00"},
		{"no-op", "35.0", "0.57"},
	})
	want := strings.TrimPrefix(`
| server   | CPU, µs/check | ratio |
| -------- | ------------: | ----: |
| credence |          20.0 |  1.00 |
| no-op    |          35.0 |  0.57 |
`, "\n")
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}
