package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse: what is read, written and read again is the same, and stands
// within its own rules; what is refused is told in single lines with file and
// line.
func FuzzParse(f *testing.F) {
	for _, mistake := range mistakes {
		f.Add([]byte(mistake.text))
	}
	f.Add([]byte(contract))
	f.Add([]byte(Default().YAML()))
	f.Add([]byte("credentials:\n  pepper_files: {h1: \"a\\u0085b\"}\n  digests: [h1, s1]\n  accept: [{query: a}, {header: B, scheme: C}]\n"))
	f.Add([]byte("peer: {trusted_proxies: 10.0.0.0/8 ::1}\nidentity: {labels: [\"1\", a-b], prefix: y-}\nanswers: {realm: \"null\"}\n"))
	f.Add([]byte("redis: {url: \"unix:///a%20b?db=1\", prefix: \"{'}\", registry_id: \"~\"}\nlisten: {grpc: \"unix:/a b\", drain: 0.5s}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parse("c.yaml", text, nil)
		if err == nil {
			again, err := parse("again.yaml", []byte(c.YAML()), nil)
			if err != nil {
				t.Fatalf("Parse(%q) is written as\n%s\nwhich gives error\n%v", text, c.YAML(), err)
			}
			if diff := cmp.Diff(c, again, compare); diff != "" {
				t.Fatalf("Parse(%q) written and read again (-before +after):\n%s", text, diff)
			}
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("Parse(%q): error %v is no Problems", text, err)
		}
		last := 1
		for _, problem := range problems {
			if problem.File != "c.yaml" || problem.Line < last || problem.Line > len(text)+1 || problem.What == "" {
				t.Errorf("Parse(%q): problem %+v after one on line %d", text, problem, last)
			}
			if strings.ContainsAny(problem.String(), "\r\n") {
				t.Errorf("Parse(%q): problem %q has more than one line", text, problem)
			}
			last = problem.Line
		}
	})
}
