package credential

import (
	"strings"
	"testing"
)

func TestShown(t *testing.T) {
	token := NewToken(NewTokenID()).Expose()
	for _, c := range []struct{ name, text, want string }{
		{"short", "on", `"on"`},
		{"empty", "", `""`},
		{"a line break", "a\nb", `"a\nb"`},
		{"long", strings.Repeat("a", 1000), `"` + strings.Repeat("a", longestShown) + `"…`},
		{"a token", token, redacted},
		{"a token in text", "client " + token + " on", redacted},
		{"a mistyped token", token[:30], redacted},
	} {
		if got := Shown(c.text); got != c.want {
			t.Errorf("%s: Shown(%q) = %s, want %s", c.name, c.text, got, c.want)
		}
	}
}

func TestEqualFold(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"https", "HTTPS", true},
		{"Bearer", "bEARER", true},
		{"https", "http\u017f", false}, // a long s
		{"token", "to\u212aen", false}, // a Kelvin sign
		{"https", "http", false},
		{"a[", "a{", false}, // 0x20 apart, and no letters
		{"", "", true},
	} {
		if got := EqualFold(c.a, c.b); got != c.want {
			t.Errorf("EqualFold(%q, %q) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}
