package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// TestExamplesOfHelpAreRight reads each example of every command as the command
// would, as far as the flags: an example that is refused is worse than none.
func TestExamplesOfHelpAreRight(t *testing.T) {
	examples := 0
	for _, cmd := range commands(newRootCommand(testApp())) {
		for line := range strings.Lines(cmd.Example) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			examples++
			words := shellWords(line)
			root := newRootCommand(testApp()) // anew: flags remember
			found, rest, err := root.Find(words)
			if err != nil || found == root {
				t.Errorf("%s: %q: no such command", cmd.CommandPath(), line)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: %q: %v", cmd.CommandPath(), line, err)
			}
		}
	}
	if examples < 20 {
		t.Errorf("%d examples were found: is this test still reading them?", examples)
	}
}

func TestHelpBeginsWithExamples(t *testing.T) {
	for _, cmd := range commands(newRootCommand(testApp())) {
		if cmd.Example == "" || cmd.Short == "" {
			t.Errorf("%s: want a sentence and an example", cmd.CommandPath())
		}
		var out bytes.Buffer
		a := testApp()
		root := newRootCommand(a)
		root.SetOut(&out)
		root.SetArgs(append(strings.Fields(cmd.CommandPath())[1:], "--help"))
		if err := root.Execute(); err != nil {
			t.Errorf("%s --help: %v", cmd.CommandPath(), err)
		}
		example, usage := strings.Index(out.String(), "Examples:\n"), strings.Index(out.String(), "Usage:\n")
		if example < 0 || usage < example {
			t.Errorf("%s --help: the examples do not come first:\n%s", cmd.CommandPath(), out.String())
		}
		for line := range strings.Lines(out.String()) {
			if len(line) > 150 {
				t.Errorf("%s --help: a line of %d bytes: %s", cmd.CommandPath(), len(line), line)
			}
		}
	}
}

func testApp() *app {
	return &app{
		stdin: &bytes.Buffer{}, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, env: func(string) string { return "" }, now: time.Now,
	}
}

// commands gives a command and all under it.
func commands(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, child := range cmd.Commands() {
		all = append(all, commands(child)...)
	}
	return all
}

// shellWords gives the words of the call of credence in an example, which may
// be in $(…) or have a pipe or a redirection behind it.
func shellWords(line string) []string {
	_, line, _ = strings.Cut(line, "credence ")
	var words []string
	word, quote := "", rune(0)
	for _, r := range line + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word += string(r)
		case r == '"' || r == '\'':
			quote = r
		case r == '|' || r == '>' || r == ')':
			if word != "" {
				words = append(words, word)
			}
			return words
		case r == ' ':
			if word != "" {
				words = append(words, word)
			}
			word = ""
		default:
			word += string(r)
		}
	}
	return words
}
