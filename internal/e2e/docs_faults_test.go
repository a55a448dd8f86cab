package e2e

import (
	"strings"
	"testing"
)

// Columns of the table in docs/operations.md that says what becomes of whom.
const (
	columnFault = iota
	columnKnown
	columnUnknown
	columnLasts
	columnLog
	columnMetrics
	columnRemedy
	columns
)

// outages gives the rows of that table.
func outages(t *testing.T) [][]string {
	t.Helper()
	return pageNamed(t, "docs/operations.md").rows(t, "### Who gets what, and for how long")
}

// rowOf gives the row of a fault.
func rowOf(t *testing.T, begins string) []string {
	t.Helper()
	for _, row := range outages(t) {
		if strings.HasPrefix(row[columnFault], begins) {
			return row
		}
	}
	t.Fatalf("docs/operations.md has no row that begins with %q", begins)
	return nil
}

// TestDocsTellWhoGetsWhat holds the table in docs/operations.md to the faults
// that TestFaults tries: each row is tried, and says what becomes of callers and
// for how long.
func TestDocsTellWhoGetsWhat(t *testing.T) {
	tried := make(map[string]bool)
	for _, f := range faults() {
		row := rowOf(t, f.row)
		tried[row[columnFault]] = true
		if len(row) != columns {
			t.Errorf("%s: %d columns, want %d", f.row, len(row), columns)
			continue
		}
		for column, want := range map[int]string{columnKnown: string(f.known), columnUnknown: string(f.unknown)} {
			if got := row[column]; got != want && !strings.HasPrefix(got, want+" ") && !strings.HasPrefix(got, want+",") {
				t.Errorf("%s, as of %q: column %d says %q, want %q", f.row, f.name, column+1, got, want)
			}
		}
		if row[columnLasts] != f.lasts {
			t.Errorf("%s, as of %q: for how long: %q, want %q", f.row, f.name, row[columnLasts], f.lasts)
		}
	}
	for _, row := range outages(t) {
		if !tried[row[columnFault]] {
			t.Errorf("no fault that is tried is %q", row[columnFault])
		}
	}
}
