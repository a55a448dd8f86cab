package cli

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"credence/internal/config"
	"credence/internal/e2e/parts"
	"credence/internal/fleet"
	"credence/internal/telemetry"
)

// TestCounts tells which refusals of a heartbeat count as contact: those for
// want of memory, and of a disk where Redis wants no replicas.
func TestCounts(t *testing.T) {
	server := parts.Redis(t)
	c := config.Default()
	c.Redis.URL = server.URL()
	f, err := newFacts(c, slog.New(slog.DiscardHandler), telemetry.NewMetrics("1.2.3"), func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	}()
	set := func(name, value string) {
		t.Helper()
		if answer := server.CLI("CONFIG", "SET", name, value); answer != "OK" {
			t.Fatalf("CONFIG SET %s %s: %s", name, value, answer)
		}
	}
	seat := fleet.NewSeat(f.control, fleet.SeatOptions{StaleFor: time.Minute, Host: "here"})
	beat := func() error { return seat.Beat(t.Context(), "5-0", nil) }
	wants := func(replicas string) {
		set("min-replicas-to-write", replicas)
		if err := f.evicts(t.Context()); err != nil { // which looks at what Redis wants
			t.Fatal(err)
		}
	}
	if f.counts(nil) || f.counts(errors.New("late")) {
		t.Error("what is no refusal for want of room counts")
	}
	wants("1")
	if err := beat(); err == nil || f.counts(err) {
		t.Errorf("replicas are missing: %v counts, or there is no error", err)
	}
	server.FailSnapshots()
	if err := beat(); err == nil || f.counts(err) {
		t.Errorf("no disk, and replicas are wanted: %v counts, or there is no error", err)
	}
	wants("0")
	if err := beat(); !f.counts(err) {
		t.Errorf("no disk: %v does not count", err)
	}
}

// TestLongestStaleFor holds what a wait assumes of a server that it cannot read to
// what a server can be configured with.
func TestLongestStaleFor(t *testing.T) {
	c, err := config.Parse("c.yaml", []byte("cache: {stale_for: "+fleet.LongestStaleFor.String()+"}\n"))
	if err != nil || c.Cache.StaleFor != fleet.LongestStaleFor {
		t.Errorf("%v: got %v, %v, want it taken", fleet.LongestStaleFor, c.Cache.StaleFor, err)
	}
	longer := fleet.LongestStaleFor + time.Second
	if _, err := config.Parse("c.yaml", []byte("cache: {stale_for: "+longer.String()+"}\n")); err == nil {
		t.Errorf("%v: taken, though it is longer than %v", longer, fleet.LongestStaleFor)
	}
}
