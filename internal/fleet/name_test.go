package fleet

import (
	"regexp"
	"strings"
	"testing"
)

func TestNewName(t *testing.T) {
	for host, want := range map[string]string{
		"web-1":                 "web-1",
		"Web_1.example.com":     "web-1.example.com",
		"":                      "server",
		"...":                   "server",
		"-a-":                   "a",
		"büro pc":               "b-ro-pc",
		"a:b*c{d}":              "a-b-c-d",
		strings.Repeat("x", 99): strings.Repeat("x", 40),
	} {
		name := NewName(host)
		if !regexp.MustCompile("^" + regexp.QuoteMeta(want) + "-[a-z0-9]{10}$").MatchString(name) {
			t.Errorf("host %q: got %q, want %s-", host, name, want)
		}
		if again := NewName(host); again == name {
			t.Errorf("host %q: the name %q came twice", host, name)
		}
	}
}
