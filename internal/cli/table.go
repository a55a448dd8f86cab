package cli

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A heading is the top of a column.
type heading struct {
	title  string
	shrink bool                // may be cut where the table would be too wide
	paint  func(string) string // nil: as it is
}

const (
	tableWidth = 80 // of tables that are not wide
	gap        = 2  // between columns
	leastWidth = 6  // of a column that is cut
	tableRows  = 500
)

// A table collects rows until it knows how wide its columns are, and writes
// them page by page. Columns grow from page to page, and never shrink.
type table struct {
	a       *app
	columns []heading
	widths  []int
	rows    [][]string
	begun   bool
}

func newTable(a *app, columns []heading) *table {
	return &table{a: a, columns: columns, widths: make([]int, len(columns))}
}

func (t *table) add(_ document, row []string) {
	t.rows = append(t.rows, row)
	if len(t.rows) == tableRows {
		t.flush()
	}
}

func (t *table) end() { t.flush() }

func (t *table) flush() {
	if len(t.rows) == 0 {
		return
	}
	titles := make([]string, len(t.columns))
	for i, column := range t.columns {
		titles[i] = column.title
	}
	for _, row := range append(t.rows, titles) {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
		}
	}
	if t.a.output != asWideTable {
		t.fit()
	}
	if !t.begun {
		t.write(titles, false)
		t.begun = true
	}
	for _, row := range t.rows {
		t.write(row, true)
	}
	t.rows = t.rows[:0]
}

// fit cuts the widest of the columns that may be cut until all fit.
func (t *table) fit() {
	total := gap * (len(t.widths) - 1)
	for _, width := range t.widths {
		total += width
	}
	for ; total > tableWidth; total-- {
		widest := -1
		for i, column := range t.columns {
			least := max(leastWidth, len(column.title))
			if column.shrink && t.widths[i] > least && (widest < 0 || t.widths[i] > t.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		t.widths[widest]--
	}
}

func (t *table) write(row []string, painted bool) {
	cells := make([]string, len(row))
	for i, cell := range row {
		text := cut(cell, t.widths[i])
		padding := strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(text))
		if paint := t.columns[i].paint; paint != nil && painted {
			text = paint(text)
		}
		cells[i] = text + padding
	}
	fmt.Fprintln(t.a.stdout, strings.TrimRight(strings.Join(cells, strings.Repeat(" ", gap)), " "))
}

// cut shortens a text to a width.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string(slices.Concat([]rune(text)[:width-1], []rune("…")))
}

// Colours only repeat what the word says.
const (
	green       = "\x1b[32m"
	yellow      = "\x1b[33m"
	red         = "\x1b[31m"
	plainColour = "\x1b[0m"
)

// paintState colours the word of a state where colours are wanted.
func (a *app) paintState(word string) string {
	word = printable(word)
	if !a.colours || a.noColour {
		return word
	}
	switch word {
	case "active":
		return green + word + plainColour
	case "disabled":
		return yellow + word + plainColour
	}
	return red + word + plainColour
}
