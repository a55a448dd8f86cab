package cli

import (
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func TestTookWords(t *testing.T) {
	for took, want := range map[time.Duration]string{
		0: "1 ms", 1499 * time.Microsecond: "1 ms", 2501 * time.Microsecond: "3 ms", 999 * time.Millisecond: "999 ms",
		1234 * time.Millisecond: "1.2 s", 61*time.Second + 300*time.Millisecond: "1m1s",
	} {
		if got := tookWords(took); got != want {
			t.Errorf("%v: got %s, want %s", took, got, want)
		}
	}
}

func TestSecondsAreNotTooEarly(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 5, 10, 0, time.UTC)
	for after, want := range map[time.Duration]string{0: "2026-11-24T12:05:10Z", time.Millisecond: "2026-11-24T12:05:11Z", time.Second: "2026-11-24T12:05:11Z"} {
		if got := second(at.Add(after)); got != want {
			t.Errorf("%v: got %s, want %s", after, got, want)
		}
	}
}

// TestWhatWaits holds every command that changes the registry to the table: it
// can wait, and does by itself if it takes something away.
func TestWhatWaits(t *testing.T) {
	changes := 0
	for _, cmd := range commands(newRootCommand(testApp())) {
		flag := cmd.Flags().Lookup("wait")
		if mutates := cmd.Flags().Lookup("by") != nil; (flag != nil) != mutates {
			t.Errorf("%s: has --wait: %v, changes the registry: %v", cmd.CommandPath(), flag != nil, mutates)
		}
		if flag == nil {
			continue
		}
		changes++
		want := ""
		if takesAway(cmd) {
			want = "30s"
		}
		if flag.DefValue != want || flag.NoOptDefVal != "30s" {
			t.Errorf("%s: --wait: by default %q, and bare %q: want %q, and 30s", cmd.CommandPath(), flag.DefValue, flag.NoOptDefVal, want)
		}
	}
	if changes < 12 {
		t.Errorf("%d commands change the registry: is this test still looking at them?", changes)
	}
}

func takesAway(cmd *cobra.Command) bool {
	return map[string]bool{"disable": true, "revoke": true, "delete": true, "remove": true, "offboard": true, "retire": true}[cmd.Name()]
}
