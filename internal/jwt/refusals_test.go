package jwt

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A refusal is a JWT that must be refused, in a world that differs as said.
type refusal struct {
	row  string // how the line of docs/jwt.md begins
	name string
	text string
	in   func(*world)
}

// A refusalList gathers refusals, row by row of the table.
type refusalList struct {
	row string
	all []refusal
}

func (l *refusalList) add(name, text string, in ...func(*world)) {
	r := refusal{row: l.row, name: name, text: text}
	if len(in) > 0 {
		r.in = in[0]
	}
	l.all = append(l.all, r)
}

// refusals makes every line of the table in docs/jwt.md, mostly in several ways.
func refusals() []refusal {
	var l refusalList
	l.ofText()
	l.ofJSON()
	l.ofHeader()
	l.ofAlgorithm()
	l.ofKey()
	l.ofSignature()
	l.ofClaims()
	l.ofAudience()
	l.ofBinding()
	l.ofTimes()
	return l.all
}

// loosened gives another spelling of the same bytes, which a lax decoder takes.
func loosened(part string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, part[len(part)-1])
	return part[:len(part)-1] + string(alphabet[last+1])
}

func numbered(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = `"` + strings.Repeat("x", i) + `":1`
	}
	return strings.Join(members, ",")
}

// table gives the section of docs/jwt.md that says what is refused.
func table(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/jwt.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## What is refused\n")
	if !found {
		t.Fatal("docs/jwt.md does not say what is refused")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// TestRefusals makes every line of the table, and finds each in it.
func TestRefusals(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| (.+) \\| `([a-z_]+)` \\|$").FindAllStringSubmatch(table(t), -1)
	made := map[string]int{}
	for _, r := range refusals() {
		line := -1
		for i, row := range rows {
			if strings.HasPrefix(row[1], r.row) {
				line = i
			}
		}
		if line < 0 {
			t.Fatalf("%s … is no line of the table", r.row)
		}
		made[rows[line][1]]++
		w := testWorld(t)
		if r.in != nil {
			r.in(&w)
		}
		reason, why := w.judge(r.text)
		if want := rows[line][2]; reason != want {
			t.Errorf("%s: %s: %s (%s); want %s", r.row, r.name, reason, why, want)
		}
		if reason != reasons[None] && why == "" {
			t.Errorf("%s: %s: nobody is told why", r.row, r.name)
		}
	}
	for _, row := range rows {
		if made[row[1]] == 0 {
			t.Errorf("no test makes %q", row[1])
		}
	}
}

// TestReasonsAreAll holds the table to the faults there are.
func TestReasonsAreAll(t *testing.T) {
	text := table(t)
	var missing []string
	for fault := Malformed; fault <= BadBinding; fault++ {
		if !strings.Contains(text, "`"+reasons[fault]+"`") {
			missing = append(missing, fault.String())
		}
	}
	if diff := cmp.Diff([]string(nil), missing); diff != "" {
		t.Errorf("faults that the table has no line for: %s", diff)
	}
}
