package registry_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/internal/registry"
)

// FuzzParse holds Parse to this: whatever it accepts can be written again, reads
// as the same record, and has no known field that is empty. The hash is given as
// its key and one line a field, field=value.
func FuzzParse(f *testing.F) {
	for _, kind := range kinds {
		ref, fields := kind.record.Ref(), kind.record.Fields()
		f.Add(ref.Key(), text(fields))
		for field := range fields {
			f.Add(ref.Key(), text(without(fields, field)))
			f.Add(ref.Key(), text(with(fields, field, "")))
		}
	}
	for _, seed := range []string{
		"id=acme\nstate=active\ncreated_at=0001-01-01T00:00:00Z",
		"id=acme\nstate=active\ncreated_at=2026-01-01T00:00:00.50Z\nallow=::ffff:192.0.2.0/120 192.0.2.1\nallow_mode=enforce\nx_=",
		"id=acme\nstate=deleted\ncreated_at=2026-01-01T00:00:00Z\nvalid_after=9999-12-31T23:59:59.999999999Z\nlimit=1/day\nlabels=a=",
	} {
		f.Add("client:acme", seed)
	}
	f.Add("profile:p", "id=p\nstate=active\naccepts=jwt token\ncreated_at=2026-01-01T00:00:00Z\nmax_token_age=106751d23h\nscopes=a a")
	f.Fuzz(func(t *testing.T, key, hash string) {
		ref, ok := registry.ParseRef(key)
		if !ok {
			return
		}
		record, err := registry.Parse(ref, fieldsOf(hash), now)
		if err != nil {
			if record != nil {
				t.Errorf("got %v beside %v", record, err)
			}
			return
		}
		if record.Ref() != ref {
			t.Errorf("got the record of %s, want %s", record.Ref().Key(), ref.Key())
		}
		written := record.Fields()
		for field, value := range written {
			if value == "" {
				t.Errorf("%s: %s is written empty", key, field)
			}
		}
		again, err := registry.Parse(ref, written, now)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if diff := cmp.Diff(record, again, compareNetworks); diff != "" {
			t.Errorf("read again (-first +second):\n%s", diff)
		}
		if diff := cmp.Diff(written, again.Fields()); diff != "" {
			t.Errorf("written again (-first +second):\n%s", diff)
		}
	})
}

func text(fields registry.Fields) string {
	var lines []string
	for field, value := range fields {
		lines = append(lines, field+"="+value)
	}
	return strings.Join(lines, "\n")
}

func fieldsOf(text string) registry.Fields {
	fields := registry.Fields{}
	for line := range strings.SplitSeq(text, "\n") {
		if field, value, found := strings.Cut(line, "="); found {
			fields[field] = value
		}
	}
	return fields
}
