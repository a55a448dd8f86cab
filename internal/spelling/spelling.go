// Package spelling finds the word that was meant by a mistyped one: a key of a
// file, a command, the name of a client.
package spelling

import "strings"

// longest is how long a word may be to be compared, in bytes: nobody mistypes
// more, and comparing takes the product of the lengths.
const longest = 64

// Nearest gives the candidate that was most likely meant by a word: one that
// it begins or that begins it, or one that is few letters away; empty if there
// is none. Of equals it is the first.
func Nearest(word string, candidates []string) string {
	if len(word) > longest {
		return ""
	}
	best, least := "", 1+max(1, len(word)/3)
	for _, candidate := range candidates {
		distance := distance(word, candidate)
		if min(len(word), len(candidate)) > 2 && (strings.HasPrefix(candidate, word) || strings.HasPrefix(word, candidate)) {
			distance = min(distance, 1)
		}
		if distance < least {
			best, least = candidate, distance
		}
	}
	return best
}

// distance counts the letters to insert, drop, replace or swap with their
// neighbour to come from a to b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1) // rows[i][j]: from the first i letters to the first j
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
				continue
			case a[i-1] == b[j-1]:
				rows[i][j] = rows[i-1][j-1]
			default:
				rows[i][j] = 1 + min(rows[i-1][j], rows[i][j-1], rows[i-1][j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
