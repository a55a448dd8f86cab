package authz

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocsStateTheOrder holds docs/decisions.md to the rules: the same
// reasons in the same order.
func TestDocsStateTheOrder(t *testing.T) {
	text, err := os.ReadFile("../../docs/decisions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, order, found := strings.Cut(string(text), "## The order of evaluation")
	order, _, _ = strings.Cut(order, "\n## ")
	if !found {
		t.Fatal("docs/decisions.md has no section on the order of evaluation")
	}
	var documented, coded []string
	for _, row := range regexp.MustCompile("(?m)^\\| .* \\| `([a-z_]+)` \\|$").FindAllStringSubmatch(order, -1) {
		documented = append(documented, row[1])
	}
	for _, rule := range rules {
		coded = append(coded, rule.otherwise.String())
	}
	if diff := cmp.Diff(coded, documented); diff != "" {
		t.Errorf("rules (-) and docs/decisions.md (+) differ:\n%s", diff)
	}
}

// TestDocsExplainEveryReason holds the last table to all reasons there are.
func TestDocsExplainEveryReason(t *testing.T) {
	text, err := os.ReadFile("../../docs/decisions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## Reasons, and what to do")
	explained := map[string]bool{}
	for line := range strings.SplitSeq(table, "\n") {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		for _, name := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(first, -1) {
			explained[name[1]] = true
		}
	}
	for _, reason := range Reasons() {
		if !explained[reason.String()] {
			t.Errorf("docs/decisions.md does not explain %s", reason)
		}
		delete(explained, reason.String())
	}
	for name := range explained {
		t.Errorf("docs/decisions.md explains %s, which is no reason", name)
	}
}
