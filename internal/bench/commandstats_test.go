package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCommands(t *testing.T) {
	got, err := parseCommands("# Commandstats\r\n" +
		"cmdstat_hgetall:calls=70,usec=42,usec_per_call=0.60,rejected_calls=0,failed_calls=0\r\n" +
		"cmdstat_client|setinfo:calls=2,usec=1,usec_per_call=0.50,rejected_calls=0,failed_calls=2\r\n\r\n")
	if diff := cmp.Diff(commands{"hgetall": 70, "client|setinfo": 2}, got); diff != "" || err != nil {
		t.Errorf("commands: %v (-want +got):\n%s", err, diff)
	}
	for name, text := range map[string]string{
		"no calls":  "cmdstat_hgetall:usec=42\r\n",
		"no number": "cmdstat_hgetall:calls=many,usec=42\r\n",
	} {
		if got, err := parseCommands(text); err == nil {
			t.Errorf("%s: parseCommands(%q) = %v, want an error", name, text, got)
		}
	}
}

func TestCommandsMinus(t *testing.T) {
	before, after := commands{"hgetall": 10, "xread": 4, "hello": 2}, commands{"hgetall": 30, "xread": 9, "hello": 2, "info": 1}
	run := after.minus(before)
	if diff := cmp.Diff(commands{"hgetall": 20, "xread": 5, "info": 1}, run); diff != "" {
		t.Errorf("minus (-want +got):\n%s", diff)
	}
	if got := run.lookups(); got != 15 {
		t.Errorf("lookups of %v = %d, want the 15 hashes that no round of the feed read", run, got)
	}
	if diff := cmp.Diff([]string{"hgetall", "info", "xread", "zadd"}, names(run, commands{"zadd": 1, "xread": 1})); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
