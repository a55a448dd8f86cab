package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A shell is where an operator types. It keeps a history, as his does.
type shell struct {
	t       *testing.T
	dir     string
	env     []string
	history string
	seen    string // all that was shown
}

func newShell(t *testing.T, dir string, env ...string) *shell {
	path := filepath.Dir(program(t)) + string(os.PathListSeparator) + os.Getenv("PATH")
	return &shell{
		t: t, dir: dir, history: filepath.Join(dir, "history"),
		env: append([]string{"PATH=" + path, "HOME=" + dir, "CREDENCE_BY=alice", "TERM=dumb"}, env...),
	}
}

// types types lines. Each must end with status 0, or with another one where it
// begins with "!". What was shown is kept.
func (s *shell) types(lines string, env ...string) {
	s.t.Helper()
	const fail = "test $? = 0 || { history -a; exit 1; }\n"
	script := "HISTIGNORE='test *:history *'; set -o history\n"
	for line := range strings.Lines(lines) {
		script += line + fail
	}
	bash := exec.Command("bash", "--norc", "--noprofile")
	bash.Dir = s.dir
	bash.Env = append(append([]string{"HISTFILE=" + s.history}, s.env...), env...)
	bash.Stdin = strings.NewReader(script + "history -a\n")
	var shown bytes.Buffer
	bash.Stdout, bash.Stderr = &shown, &shown
	err := bash.Run()
	s.seen += shown.String()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		s.t.Fatalf("a line did not end as it should: %v\n%s\n%s", err, lines, shown.String())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// file reads a file that was written in the session.
func (s *shell) file(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}
