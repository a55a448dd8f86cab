package registry

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// OpFlush is the one word for what was done that means something to servers:
// everything may have changed.
const OpFlush = "flush"

// A Change is an entry of the change feed: who did what to which records, when
// and why. Any program may write one, so all but Entry may be missing.
type Change struct {
	Entry  string    // its id in the stream
	Seq    uint64    // of a commit of credence; zero: another program's
	Keys   []string  // what it names, without the registry's prefix
	Op     string    // a word for people, OpFlush apart
	By     string    // who
	At     time.Time // by the writer's clock; where that says nothing that can be read, by that of Redis
	Note   string    // why
	Fields Fields    // as they stand there
}

// ParseChange reads an entry of the change stream. None is invalid: of one
// that cannot be understood, Everything is true.
func ParseChange(entry string, fields Fields) Change {
	c := Change{Entry: entry, Op: fields["op"], By: fields["by"], Note: fields["note"], Fields: fields}
	c.Seq, _ = parseSeq(fields["seq"])
	c.Keys = parseChangedKeys(fields["keys"])
	var err error
	if c.At, err = ParseTime(fields["at"]); err != nil {
		c.At = c.Told()
	}
	return c
}

// Told gives when the change was told, by the clock of Redis, to the
// millisecond; the zero time where the id of the entry says nothing.
func (c Change) Told() time.Time {
	ms, _, ok := parseEntry(c.Entry)
	if !ok || ms > math.MaxInt64/2 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// parseChangedKeys reads keys separated by single spaces; none where they are
// not that, not visible ASCII, or written with the registry's prefix, which has
// a brace that no key has.
func parseChangedKeys(text string) []string {
	keys := strings.Split(text, " ")
	for _, key := range keys {
		for i := range len(key) {
			if key[i] < 0x21 || key[i] > 0x7e || key[i] == '{' {
				return nil
			}
		}
		if key == "" {
			return nil
		}
	}
	return keys
}

// Everything tells that anything may have changed: somebody says so, or does
// not say in a way that can be understood what has.
func (c Change) Everything() bool { return c.Op == OpFlush || len(c.Keys) == 0 }

// Position gives where the change stands in the feed.
func (c Change) Position() Position { return Position{c.Seq, c.Entry} }

// fieldsOf gives what a store writes of a commit into the change stream.
func (c Commit) fieldsOf(seq uint64, writes []Write) Fields {
	return Fields{
		"seq": strconv.FormatUint(seq, 10), "keys": c.ChangedKeys(writes),
		"op": c.Op, "by": c.By, "at": FormatTime(c.At), "note": c.Note,
	}
}

// ChangedKeys gives the keys that a commit changes by its writes, as the change
// stream names them.
func (c Commit) ChangedKeys(writes []Write) string {
	keys := make([]string, len(writes))
	for i, w := range writes {
		keys[i] = w.Ref.Key()
	}
	if len(c.Revoke) > 0 {
		keys = append(keys, RevokedRef.Key())
	}
	return strings.Join(keys, " ")
}

// EntryBefore gives the id that stands right before all entries which were
// made at that time or later, by the clock of Redis.
func EntryBefore(t time.Time) string {
	ms := t.UnixMilli()
	if ms <= 0 {
		return ""
	}
	return fmt.Sprintf("%d-%d", ms-1, uint64(math.MaxUint64))
}

// parseEntry reads the id of an entry: milliseconds, a hyphen, a count.
func parseEntry(entry string) (ms, count uint64, ok bool) {
	first, second, found := strings.Cut(entry, "-")
	ms, err := strconv.ParseUint(first, 10, 64)
	if err != nil || !found {
		return 0, 0, false
	}
	count, err = strconv.ParseUint(second, 10, 64)
	return ms, count, err == nil
}

// ComesAfter tells whether an entry of the change stream stands behind another;
// an empty one stands before all others, and none behind itself.
func ComesAfter(entry, other string) bool {
	if entry == other {
		return false
	}
	ms, count, _ := parseEntry(entry)
	otherMs, otherCount, ok := parseEntry(other)
	return !ok || ms > otherMs || ms == otherMs && count > otherCount
}
