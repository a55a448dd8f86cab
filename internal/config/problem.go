package config

import (
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing that is wrong in a configuration file.
type Problem struct {
	File string
	Line int    // from 1 on
	Key  string // dotted, list items as [0]; empty where no key is meant
	What string
}

// String gives the problem as one line: credence.yaml:12: listen.drain: …
func (p Problem) String() string {
	if p.Key == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.What)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Key, p.What)
}

// Problems is the error of a file in which something is wrong: all of it, in
// the order of the lines.
type Problems []Problem

// Error gives one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// inOrder sorts problems by line, and keeps the order of those on one line.
func inOrder(problems Problems) Problems {
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	return problems
}
