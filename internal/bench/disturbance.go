package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// disturbances gives what the servers of a stage have warned of, each sentence
// once with how often: contact that was lost, say, since the machine was busy
// with something else. Figures taken meanwhile say little.
func (s *stage) disturbances() []string {
	times := make(map[string]int)
	for _, p := range s.started {
		text, err := os.ReadFile(p.log)
		if err != nil {
			continue // what a log cannot tell is no reason to lose the figures
		}
		for line := range bytes.Lines(text) {
			if sentence := warning(line); sentence != "" {
				times[sentence]++
			}
		}
	}
	var all []string
	for sentence, n := range times {
		all = append(all, fmt.Sprintf("%s (%d times)", sentence, n))
	}
	slices.Sort(all)
	return all
}

// shed is the reason of a check that got no turn: what a flood is told, and no
// disturbance.
const shed = "overloaded"

// untracked is no warning by itself, but writes are seen later then.
const untracked = "writes are not tracked any more"

// ports are other ones each time.
var ports = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// warning gives what a line of JSON warns of, else nothing. Redis' own lines
// are no JSON.
func warning(line []byte) string {
	var entry struct{ Level, Msg, Reason, Cause string }
	if json.Unmarshal(line, &entry) != nil || entry.Reason == shed {
		return ""
	}
	if entry.Level != "WARN" && entry.Level != "ERROR" && entry.Msg != untracked {
		return ""
	}
	told := slices.DeleteFunc([]string{entry.Msg, entry.Reason, entry.Cause}, func(text string) bool { return text == "" })
	return ports.ReplaceAllString(strings.Join(strings.Fields(strings.Join(told, ": ")), " "), "127.0.0.1")
}
