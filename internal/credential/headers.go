package credential

import (
	"iter"
	"strings"
)

// A Header is one header line of a request. Name is in lower case.
type Header struct{ Name, Value string }

// Headers are the header lines of a request in the order they came. A name may
// stand there more than once.
type Headers []Header

// All gives the values of each line of that name (lower case), in order.
func (h Headers) All(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range h {
			if h[i].Name == name && !yield(h[i].Value) {
				return
			}
		}
	}
}

// Single gives the value of a header that stands there exactly once and is not
// a list: a comma may be Envoy's way of joining two lines.
func (h Headers) Single(name string) (value string, ok bool) {
	for line := range h.All(name) {
		if ok {
			return "", false
		}
		value, ok = line, true
	}
	return value, ok && !strings.Contains(value, ",")
}

// Has tells whether there is a line of that name.
func (h Headers) Has(name string) bool {
	for range h.All(name) {
		return true
	}
	return false
}

// EqualFold compares words of a protocol, in which only ASCII has a case: a
// Kelvin sign is no k, and a long s no s.
func EqualFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
