package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestHouse holds the repository to what its README says of it.
func TestHouse(t *testing.T) {
	makefile := func(args ...string) string {
		t.Helper()
		command := exec.Command("make", args...)
		command.Dir = "../.."
		text, err := command.Output()
		if err != nil {
			t.Fatalf("make %v: %v", args, err)
		}
		return string(text)
	}
	text := func(name string) string {
		t.Helper()
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}

	listed := makefile()
	for _, target := range []string{"run", "test", "lint", "fuzz", "bench", "vuln", "cover", "check"} {
		if !strings.Contains(listed, "make "+target+" ") {
			t.Errorf("make alone does not list %s:\n%s", target, listed)
		}
	}
	if run := makefile("--dry-run", "run"); !strings.Contains(run, "credence dev") {
		t.Errorf("make run does not start credence dev:\n%s", run)
	}
	check := makefile("--dry-run", "check")
	if !strings.Contains(check, "golangci-lint run") || !strings.Contains(check, "go test -race") {
		t.Errorf("make check does not lint and test:\n%s", check)
	}
	if ci := text(".ci/run"); !strings.Contains(ci, "exec make check") {
		t.Errorf(".ci/run does not call make check:\n%s", ci)
	}
	if lines := strings.Count(text("README.md"), "\n"); lines >= 200 {
		t.Errorf("README.md has %d lines, want less than 200", lines)
	}
	if !strings.Contains(text("LICENSE"), "Apache License") {
		t.Error("LICENSE is not the Apache License")
	}
}
