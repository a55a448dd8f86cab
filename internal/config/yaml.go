package config

import (
	"fmt"
	"strings"
)

// YAML gives the configuration as a file, with every key, what it is for and
// what it takes. Parse gives it back, except for Redis.Password, which no file
// holds.
func (c Config) YAML() string {
	var b strings.Builder
	var open []string // the sections that the last key was in
	for _, r := range schema(&c) {
		words := strings.Split(r.name, ".")
		sections := words[:len(words)-1]
		for depth, section := range sections {
			if depth < len(open) && open[depth] == section {
				continue
			}
			open = open[:depth]
			if depth == 0 && b.Len() > 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "%s%s:\n", indent(depth), section)
			open = append(open, section)
		}
		open = open[:len(sections)]
		margin := indent(len(sections))
		writeComment(&b, margin+"# ", r.comment())
		fmt.Fprintf(&b, "%s%s: %s\n", margin, words[len(words)-1], r.write())
	}
	return b.String()
}

// comment says what a key is for, and whether it is built.
func (r row) comment() string {
	if isUnder(r.name, unbuilt) {
		return r.about + " Not supported yet."
	}
	return r.about
}

// maxColumns is the width that comments are broken at.
const maxColumns = 92

func writeComment(b *strings.Builder, margin, comment string) {
	column := 0
	for word := range strings.SplitSeq(comment, " ") {
		switch {
		case column == 0:
			b.WriteString(margin)
			column = len(margin)
		case column+1+len(word) > maxColumns:
			b.WriteString("\n" + margin)
			column = len(margin)
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteString("\n")
}

func indent(depth int) string { return strings.Repeat("  ", depth) }
