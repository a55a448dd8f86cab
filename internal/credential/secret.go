package credential

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
)

// redacted is what every way of printing a Secret yields.
const redacted = "[redacted]"

// A Secret is text that must not appear in output, logs, errors or records:
// a token, a password, a pepper. Printing it in any way yields "[redacted]";
// Expose is the only way to the text. It is held by a pointer, because fmt calls
// no methods on the unexported fields of others, and would print it there. The
// line that is pointed at must stay as it is.
type Secret struct {
	line *string
	from int // the secret is the end of the line
}

// NewSecret makes text unprintable.
func NewSecret(text string) Secret { return Secret{line: &text} }

// endOf makes the end of a line unprintable: what follows the first bytes.
func endOf(line *string, from int) Secret { return Secret{line, from} }

// Expose gives the text itself. Each call is a place to review.
func (s Secret) Expose() string {
	if s.line == nil {
		return ""
	}
	return (*s.line)[s.from:]
}

// Empty tells whether there is no text at all.
func (s Secret) Empty() bool { return s.Expose() == "" }

// String implements fmt.Stringer.
func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return redacted }

// Format implements fmt.Formatter, for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, and so covers JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// longestShown is how much of a foreign text is shown, in bytes.
const longestShown = 64

// Shown quotes text of others for logs and errors: cut where it is long, and
// not at all where it holds what looks like a token of our own.
func Shown(text string) string {
	if strings.Contains(text, tokenPrefix) {
		return redacted
	}
	if len(text) > longestShown {
		return strconv.Quote(text[:longestShown]) + "…"
	}
	return strconv.Quote(text)
}
