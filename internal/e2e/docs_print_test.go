package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// volatile is what differs from run to run: a form of text, and what may stand
// in its place; none: any text of that form. The first that fits counts.
var volatile = []struct{ form, instead string }{
	{`crd_[0-9a-z]{10}_[0-9A-Za-z]{38}`, ""},
	{`\b(?:s1|h\d\d?):[0-9a-f]{64}\b`, ""},
	{`\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`, ""}, // of a request
	{`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`, ""},
	{`\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT`, ""},
	{`\b\d{13}-\d+\b`, ""},                           // an entry of a stream
	{`\b[0-9a-z]{26}\b`, ""},                         // a registry
	{tokenIDForm, ""},                                // a token, if it has digits and letters
	{`\b\d+(?:\.\d+)?(?:µs|ms|s)\b`, ""},             // an age
	{`\b(?:check_us|total_ms)=\d+`, ""},              // Envoy's access log
	{`(?i)\bx-envoy-upstream-service-time: \d+`, ""}, // Envoy's
	{`(?i)\bretry-after: \d`, `(?i:retry-after): [123]`},
	{`\bgo1\.\d+(?:\.\d+)?\b`, ""},
	{`…`, `.*`}, // the rest of a line, or a part of it
}

const tokenIDForm = `\b[0-9a-z]{10}\b`

// anyVolatile matches each kind of volatile, as a group of its own.
var anyVolatile = func() *regexp.Regexp {
	var forms []string
	for _, v := range volatile {
		forms = append(forms, "("+v.form+")")
	}
	return regexp.MustCompile(strings.Join(forms, "|"))
}()

// pattern makes an expression for what may be printed of what a page shows:
// "…" alone on a line stands for any number of lines.
func pattern(shown string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A`)
	for line := range strings.Lines(strings.TrimRight(shown, "\n") + "\n") {
		line = strings.TrimRight(line, " \n")
		if strings.TrimSpace(line) == "…" {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		at := 0
		for _, span := range anyVolatile.FindAllStringSubmatchIndex(line, -1) {
			b.WriteString(regexp.QuoteMeta(line[at:span[0]]) + instead(line, span))
			at = span[1]
		}
		b.WriteString(regexp.QuoteMeta(line[at:]) + ` *\n`)
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

// instead gives what may stand for a volatile text.
func instead(line string, span []int) string {
	text := line[span[0]:span[1]]
	for i, v := range volatile {
		isWord := v.form == tokenIDForm && (!strings.ContainsAny(text, "0123456789") || !strings.ContainsAny(text, "abcdefghijklmnopqrstuvwxyz"))
		switch {
		case span[2+2*i] < 0:
			continue
		case isWord:
			return regexp.QuoteMeta(text)
		case v.instead == "":
			return v.form
		}
		return v.instead
	}
	return regexp.QuoteMeta(text)
}

// isPrinted tells whether a page shows what was printed.
func isPrinted(shown, printed string) bool {
	return pattern(shown).MatchString(strings.TrimRight(printed, "\n") + "\n")
}

func TestIsPrinted(t *testing.T) {
	tests := []struct {
		name, shown, printed string
		want                 bool
	}{
		{"the same", "client/acme created\n", "client/acme created\n", true},
		{"other", "client/acme created\n", "client/acme updated\n", false},
		{"more lines", "a\n", "a\nb\n", false},
		{"fewer lines", "a\nb\n", "a\n", false},
		{"no end of line", "a\n", "a", true},
		{"space at the end", "a\n", "a  \n", true},
		{"no space within", "a b\n", "a  b\n", false},
		{"a token", "crd_k3x9w0a7qd_" + strings.Repeat("a", 38), "crd_0123456789_" + strings.Repeat("B", 38), true},
		{"a cut token", "crd_k3x9w0a7qd_" + strings.Repeat("a", 38), "crd_0123456789_" + strings.Repeat("B", 37), false},
		{"the id of a token", "token/k3x9w0a7qd revoked", "token/abcdefghij revoked", true},
		{"a word as long", "token/credential revoked", "token/abcdefghij revoked", false},
		{"a number as long", "at 1234567890", "at 1234567891", false},
		{"a time", "at 2026-01-31T12:00:00Z", "at 2027-11-01T01:02:03.456Z", true},
		{"another age", "acme  3s", "acme  12s", true},
		{"of another unit", "ends in 90d", "ends in 9d", false},
		{"a duration", "within 5s (50ms at most)", "within 1.5s (7ms at most)", true},
		{"a registry", "registry/ewnd4y3kgl5zipzqmwmi6u4ury created", "registry/bpl5lrhb4qccmh2idsy5zxd7xx created", true},
		{"a request", `"request_id":"9cdce49b-b225-41c3-9e70-c578e4ac8126"}`, `"request_id":"00000000-0000-0000-0000-000000000000"}`, true},
		{"a status", "HTTP/1.1 401 Unauthorized", "HTTP/1.1 403 Unauthorized", false},
		{"retry after", "retry-after: 2", "retry-after: 3", true},
		{"retry never", "retry-after: 2", "retry-after: 9", false},
		{"the rest of a line", "version=… ops=…", "version=(devel) ops=127.0.0.1", true},
		{"the rest of a line ends with it", "version=…", "version=1\nmore", false},
		{"any lines", "a\n…\nd", "a\nb\nc\nd\n", true},
		{"no line too", "a\n…\nd", "a\nd\n", true},
		{"what follows must come", "a\n…\nd", "a\nb\nc\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := isPrinted(tt.shown, tt.printed); got != tt.want {
				t.Errorf("shown %q, printed %q: got %v, want %v (%s)", tt.shown, tt.printed, got, tt.want, pattern(tt.shown))
			}
		})
	}
}
