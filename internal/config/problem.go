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

// nearest gives the candidate that was most likely meant by a word: one that
// it begins or that begins it, or one that is few letters away; empty if none.
func nearest(word string, candidates []string) string {
	if len(word) > maxShown {
		return ""
	}
	best, bestDistance := "", 1+max(1, len(word)/3)
	for _, candidate := range candidates {
		distance := editDistance(word, candidate)
		if len(word) > 2 && (strings.HasPrefix(candidate, word) || strings.HasPrefix(word, candidate)) {
			distance = min(distance, 1)
		}
		if distance < bestDistance {
			best, bestDistance = candidate, distance
		}
	}
	return best
}

// editDistance counts the letters to insert, drop, replace or swap with their
// neighbour to come from a to b.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replaced := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// inOrder sorts problems by line, and keeps the order of those on one line.
func inOrder(problems Problems) Problems {
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	return problems
}
