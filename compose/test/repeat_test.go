package test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBuildRepeats builds the program twice with the flags that it is released
// with, in two places, the second time without anything compiled before, and
// compares the bytes. What git would stamp is left out: it is the same for the
// same commit, and not every copy of the sources is a repository.
func TestBuildRepeats(t *testing.T) {
	build := func(source string, env ...string) []byte {
		t.Helper()
		out := filepath.Join(t.TempDir(), "credence")
		command := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", out, "./cmd/credence")
		command.Dir = source
		command.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
		if text, err := command.CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, text)
		}
		program, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return program
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	copySources(t, elsewhere)
	first := build(repository)
	second := build(elsewhere, "GOCACHE="+filepath.Join(t.TempDir(), "cache"))
	if !bytes.Equal(first, second) {
		t.Errorf("two builds of the same sources differ: %d and %d bytes", len(first), len(second))
	}
	if root, err := filepath.Abs(repository); err != nil || bytes.Contains(first, []byte(root+"/")) {
		t.Errorf("the program tells where it was built: %s (error %v)", root, err)
	}
}

// copySources copies what the program is built from.
func copySources(t *testing.T, to string) {
	t.Helper()
	for _, part := range []string{"go.mod", "go.sum", "cmd", "internal", "envoy"} {
		err := filepath.WalkDir(filepath.Join(repository, part), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			inside, err := filepath.Rel(repository, path)
			if err != nil {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(to, inside)), 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(to, inside), text, 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
