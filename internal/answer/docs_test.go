package answer

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/internal/authz"
)

// TestDocsStateTheAnswers holds the table in docs/decisions.md to this one.
func TestDocsStateTheAnswers(t *testing.T) {
	text, err := os.ReadFile("../../docs/decisions.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([0-9]{3}) \\| ([0-9]+) \\| `([a-z_]+)` \\| `?([a-z_ ]+)`? \\|$")
	for _, cell := range row.FindAllStringSubmatch(string(text), -1) {
		documented[cell[1]] = fmt.Sprintf("%s %s %s, challenge %s", cell[2], cell[3], cell[4], cell[5])
	}
	coded := map[string]string{}
	for _, reason := range authz.Reasons() {
		if reason.Allows() {
			continue
		}
		row := Of(reason)
		challenge := row.Error
		switch {
		case !row.Challenged:
			challenge = "none"
		case challenge == "":
			challenge = "realm only"
		}
		coded[reason.String()] = fmt.Sprintf("%d %d %s, challenge %s", row.Status, row.GRPC, row.Code, challenge)
	}
	if diff := cmp.Diff(coded, documented); diff != "" {
		t.Errorf("answers (-) and docs/decisions.md (+) differ:\n%s", diff)
	}
}
