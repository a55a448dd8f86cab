package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// writeTable writes cells as a Markdown table whose columns are aligned, the
// first to the left and figures to the right.
func writeTable(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range rows {
		for i, cell := range row {
			width := widths[i]
			if i == 0 {
				width = -width
			}
			fmt.Fprintf(b, "| %*s ", width, cell)
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i, width := range widths {
			if i == 0 {
				fmt.Fprintf(b, "| %s ", strings.Repeat("-", width))
			} else {
				fmt.Fprintf(b, "| %s: ", strings.Repeat("-", width-1))
			}
		}
		b.WriteString("|\n")
	}
}
