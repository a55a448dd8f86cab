package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestManPagesOfAllCommands(t *testing.T) {
	macros := []string{".TH", ".SH", ".B", ".TP", ".PP", ".nf", ".fi"}
	dir := t.TempDir()
	a := testApp()
	if err := a.run([]string{"man", dir}); err != nil {
		t.Fatal(err)
	}
	pages := 0
	root := newRootCommand(testApp())
	root.InitDefaultCompletionCmd()
	for _, cmd := range commands(root) {
		if cmd.Hidden {
			continue
		}
		pages++
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
		text, err := os.ReadFile(filepath.Join(dir, name+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, want := range []string{".TH ", ".SH NAME\n", ".SH SYNOPSIS\n", ".SH SEE ALSO\n", roff(cmd.Short), roff(cmd.Example)} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s.1: has no %q", name, want)
			}
		}
		for line := range strings.Lines(string(text)) {
			macro, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if strings.HasPrefix(line, ".") && !slices.Contains(macros, macro) || strings.HasPrefix(line, "'") {
				t.Errorf("%s.1: roff takes a text for a command: %s", name, line)
			}
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != pages {
		t.Errorf("%d pages, error %v, want %d", len(files), err, pages)
	}
	if pages < 20 {
		t.Errorf("%d commands were found: is this test still reading them?", pages)
	}
}

func TestTextForRoff(t *testing.T) {
	for text, want := range map[string]string{
		"plain":             "plain",
		"--allow 10.0.0.0":  `\-\-allow 10.0.0.0`,
		"--add-…":           `\-\-add\-\[u2026]`,
		`back\slash`:        `back\eslash`,
		".[] | .id":         `\&.[] | .id`,
		"one\n.two\n'three": "one\n\\&.two\n\\(aqthree",
	} {
		if got := roff(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
