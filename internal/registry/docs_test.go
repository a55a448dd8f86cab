package registry_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocsNameEveryField holds the tables of docs/registry.md to the code: the
// same fields, and the same of them required.
func TestDocsNameEveryField(t *testing.T) {
	text, err := os.ReadFile("../../docs/registry.md")
	if err != nil {
		t.Fatal(err)
	}
	headings := []string{"### `registry`", "### `client:<id>`", "### `profile:<name>`", "### `token:<digest>`", "### `key:<client>:<kid>`", "### `binding:<sha256>`"}
	for i, heading := range headings {
		kind := kinds[i]
		_, section, found := strings.Cut(string(text), heading+"\n")
		section, _, _ = strings.Cut(section, "\n### ")
		if !found {
			t.Errorf("docs/registry.md has no section %s", heading)
			continue
		}
		documented, required := documentedFields(section)
		var coded []string
		for field := range kind.record.Fields() {
			if strings.HasPrefix(field, "check_h") {
				field = "check_h<n>"
			}
			coded = append(coded, field)
		}
		slices.Sort(coded)
		if diff := cmp.Diff(slices.Compact(coded), documented); diff != "" {
			t.Errorf("%s: fields in code (-) and in docs/registry.md (+):\n%s", heading, diff)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(kind.required)), required); diff != "" {
			t.Errorf("%s: required fields in code (-) and in docs/registry.md (+):\n%s", heading, diff)
		}
	}
}

// documentedFields gives the names in the first column of a table, sorted, and
// those of them that are bold.
func documentedFields(section string) (all, bold []string) {
	name := regexp.MustCompile("(\\*\\*)?`([a-z_<>]+)`")
	for _, row := range regexp.MustCompile(`(?m)^\| (.*?) \|`).FindAllStringSubmatch(section, -1) {
		for _, field := range name.FindAllStringSubmatch(row[1], -1) {
			all = append(all, field[2])
			if field[1] != "" {
				bold = append(bold, field[2])
			}
		}
	}
	slices.Sort(all)
	slices.Sort(bold)
	return all, bold
}
