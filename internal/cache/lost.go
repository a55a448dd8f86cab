package cache

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"credence/internal/registry"
)

// pastPage is how many entries of the change stream are read at a time. One may
// name 500 records.
const pastPage = 200

// stream reads the newest entries of the change stream, as many as are
// remembered, oldest first.
func (f *Follower) stream(ctx context.Context) ([]registry.Change, error) {
	var newestFirst []registry.Change
	for entry := ""; len(newestFirst) < rememberedEntries; {
		changes, err := f.Past.ChangesBefore(ctx, entry, pastPage)
		if err != nil {
			return nil, err
		}
		newestFirst = append(newestFirst, changes...)
		if len(changes) < pastPage {
			break
		}
		entry = changes[len(changes)-1].Entry
	}
	slices.Reverse(newestFirst)
	return newestFirst, nil
}

// compare tells of what was applied what the registry knows nothing of any more,
// and which of the entries that are there were never applied.
func compare(past, stream []registry.Change, extent registry.Extent, root *registry.Root) (lost, missed []registry.Change) {
	there, known := make(map[string]bool, len(stream)), make(map[string]bool, len(past))
	oldest := uint64(0)
	for _, change := range stream {
		there[change.Entry] = true
		if oldest == 0 {
			oldest = change.Seq
		}
	}
	if len(stream) > 0 {
		extent.First = stream[0].Entry // of those that were looked at
	}
	common := "" // the newest entry that was applied and is there; without one, that was applied
	for _, change := range past {
		known[change.Entry] = true
		if isLost(change, there[change.Entry], extent, root, oldest) {
			lost = append(lost, change)
		}
		if there[change.Entry] {
			common = change.Entry
		}
	}
	if common == "" && len(past) > 0 {
		common = past[len(past)-1].Entry
	}
	for _, change := range stream {
		if !known[change.Entry] && (common == "" || registry.ComesAfter(change.Entry, common)) {
			missed = append(missed, change)
		}
	}
	return lost, missed
}

// isLost tells whether a registry knows nothing of a change that was applied.
// What was only trimmed from the stream is not lost. oldest is the number of the
// oldest commit that is there; zero: none is.
func isLost(c registry.Change, there bool, extent registry.Extent, root *registry.Root, oldest uint64) bool {
	switch {
	case c.Seq > root.Seq:
		return true // it counts fewer commits
	case there:
		return false
	case c.Seq > 0 && oldest > 0 && oldest <= c.Seq:
		return true // it should be among those that are there
	case extent.First != "":
		return !registry.ComesAfter(extent.First, c.Entry)
	case extent.There:
		return registry.ComesAfter(c.Entry, extent.Newest) // all were trimmed; this one never was in it
	}
	return c.Seq == 0 // the stream was deleted, and nobody else counts what others have done
}

// tellLost names what was lost.
func (f *Follower) tellLost(lost []registry.Change) {
	const most = 100
	var entries, keys []string
	for _, change := range lost {
		entries = append(entries, change.Entry)
		keys = append(keys, change.Keys...)
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	f.Logger.Error("commits were lost: the records that they had changed are withheld",
		slog.Int("commits", len(lost)), slog.String("entries", strings.Join(entries[:min(most, len(entries))], " ")),
		slog.String("records", strings.Join(keys[:min(most, len(keys))], " ")))
}
