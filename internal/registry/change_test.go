package registry

import (
	"testing"
)

// TestKeysWithPrefix has a program name keys with the registry's prefix: what it
// means cannot be told, so that it may be anything.
func TestKeysWithPrefix(t *testing.T) {
	for keys, everything := range map[string]bool{
		"client:acme":                            false,
		"{credence}:client:acme":                 true,
		"client:acme {credence}:profile:partner": true,
	} {
		if got := ParseChange("1-0", Fields{"keys": keys}).Everything(); got != everything {
			t.Errorf("keys %q: everything %v, want %v", keys, got, everything)
		}
	}
}

// TestComesAfter compares ids of entries.
func TestComesAfter(t *testing.T) {
	for _, test := range []struct {
		entry, other string
		want         bool
	}{
		{"5-1", "5-0", true}, {"5-0", "5-1", false}, {"10-0", "9-9", true}, {"5-0", "5-0", false},
		{"5-0", "", true}, {"", "5-0", false}, {"", "", false},
	} {
		if got := ComesAfter(test.entry, test.other); got != test.want {
			t.Errorf("%q behind %q: %v, want %v", test.entry, test.other, got, test.want)
		}
	}
}
