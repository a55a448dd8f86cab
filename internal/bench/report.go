package main

import (
	"fmt"
	"strings"
)

// A report is what a run has found, in Markdown that reads as text too.
type report struct {
	machine  string
	plan     plan
	sections []section
}

// A section is what one part has found.
type section struct {
	part   part
	text   string // paragraphs, each ended by a newline
	goals  []goal
	charts []chart // for the picture
	// Which part of the machine, of 1, others have used meanwhile, and what
	// servers have warned of.
	others       float64
	disturbances []string
}

// A goal is a bound that a figure should keep.
type goal struct {
	what    string
	format  string // of both figures
	bound   float64
	floor   bool // whether the figure should be at least the bound, else at most
	reached float64
}

// atMost gives a goal that a figure should not be above.
func atMost(what, format string, most, reached float64) goal {
	return goal{what, format, most, false, reached}
}

// atLeast gives a goal that a figure should not be below.
func atLeast(what, format string, least, reached float64) goal {
	return goal{what, format, least, true, reached}
}

func (g goal) row() []string {
	sign, verdict := "≤ ", "reached"
	if g.floor {
		sign = "≥ "
	}
	if g.floor && g.reached < g.bound || !g.floor && g.reached > g.bound {
		verdict = "missed"
	}
	return []string{g.what, sign + fmt.Sprintf(g.format, g.bound), fmt.Sprintf(g.format, g.reached), verdict}
}

// quietUpTo is which part of the machine the kernel's own work may be, which
// counts as that of others.
const quietUpTo = 0.1

// quiet says whether the figures were taken at a quiet time.
func (s section) quiet() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nOthers used %.0f %% of the machine meanwhile", 100*s.others)
	if s.others > quietUpTo {
		b.WriteString(": measure again at a quieter time")
	}
	b.WriteString(".\n")
	if len(s.disturbances) > 0 {
		fmt.Fprintf(&b, "Servers warned, which they do not at a quiet time:\n\n- %s\n", strings.Join(s.disturbances, "\n- "))
	}
	return b.String()
}

// charts gives the charts of all sections.
func (r report) charts() (all []chart) {
	for _, s := range r.sections {
		all = append(all, s.charts...)
	}
	return all
}

// String gives the report.
func (r report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s. Medians of %d rounds of %v of each that is compared, in turns.\n", r.machine, r.plan.rounds, r.plan.length)
	goals := [][]string{{"goal", "wanted", "measured", ""}}
	for _, s := range r.sections {
		fmt.Fprintf(&b, "\n## %s: %s\n\n%s", s.part.name, s.part.title, s.text)
		b.WriteString(s.quiet())
		for _, g := range s.goals {
			goals = append(goals, g.row())
		}
	}
	if len(goals) > 1 {
		b.WriteString("\n## goals\n\n")
		writeTable(&b, goals)
	}
	return b.String()
}
