package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew from the code")

const page = "../../docs/configuration.md"

// Blocks of the page that come from the code.
var (
	wrongBlock = regexp.MustCompile("(?s)```yaml wrong\n(.*?)```")
	toldBlock  = regexp.MustCompile("(?s)```text\n(.*?)```")
	wholeBlock = regexp.MustCompile("(?s)```yaml whole\n(.*?)```")
	keyTable   = regexp.MustCompile(`(?s)\| key \| default \| takes \| what it is for \|\n\| --- \| --- \| --- \| --- \|\n(.*?)\n## `)
	exampleOf  = regexp.MustCompile("(?s)```yaml\n(.*?)```")
)

// TestPage holds the page to the code: the table of keys, the whole file, and
// what the wrong one is answered with.
func TestPage(t *testing.T) {
	text := readPage(t)
	wrong := block(t, text, wrongBlock)
	_, err := Parse("credence.yaml", []byte(wrong))
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("the wrong file gave error %v, want Problems", err)
	}
	parts := []struct {
		name string
		at   *regexp.Regexp
		want string
	}{
		{"what the wrong file is answered with", toldBlock, problems.Error() + "\n"},
		{"table of keys", keyTable, keyRows()},
		{"whole file", wholeBlock, Default().YAML()},
	}
	for _, part := range parts {
		if diff := cmp.Diff(part.want, block(t, text, part.at)); diff != "" && !*update {
			t.Errorf("%s: %s is not what the code says (-want +got); write it anew with -update:\n%s", page, part.name, diff)
		}
		span := part.at.FindStringSubmatchIndex(text)
		text = text[:span[2]] + part.want + text[span[3]:]
	}
	if *update {
		if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// keyRows gives the table of keys.
func keyRows() string {
	c := Default()
	var b strings.Builder
	for _, r := range schema(&c) {
		cell := func(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", r.name, cell(r.write()), cell(r.want), cell(r.comment()))
	}
	return b.String()
}

// TestExamples parses every example of the page.
func TestExamples(t *testing.T) {
	found := exampleOf.FindAllStringSubmatch(readPage(t), -1)
	if len(found) < 5 {
		t.Fatalf("%s has %d examples, want at least 5", page, len(found))
	}
	for i, example := range found {
		c, err := Parse(fmt.Sprintf("example-%d.yaml", i+1), []byte(example[1]))
		if err != nil {
			t.Errorf("example\n%s\nerror %v", example[1], err)
		} else if c.YAML() == Default().YAML() {
			t.Errorf("example\n%s\nsays nothing but defaults", example[1])
		}
	}
}

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func block(t *testing.T, text string, at *regexp.Regexp) string {
	t.Helper()
	found := at.FindAllStringSubmatch(text, -1)
	if len(found) != 1 {
		t.Fatalf("%s: %d places match %s, want 1", page, len(found), at)
	}
	return found[0][1]
}
