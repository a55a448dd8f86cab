package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

// TestNamesOfPackagesAreNotTold reads which packages there are that begin their
// errors with their names: plain must know all of them.
func TestNamesOfPackagesAreNotTold(t *testing.T) {
	files, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		begins := regexp.MustCompile(`(errors\.New|Errorf)\("` + name + `: `)
		if name == "cli" || name == "e2e" || strings.HasSuffix(file, "_test.go") || !begins.Match(text) {
			continue
		}
		found++
		if got := plain(errors.New(name + ": what: why")); got != "what: why" {
			t.Errorf("%s: got %q, want it without the name of the package", file, got)
		}
	}
	if found < 5 {
		t.Errorf("%d files were found with errors that begin so: is this test still reading them?", found)
	}
	if got := plain(errors.New("extauthz: config: what")); got != "what" {
		t.Errorf("through two packages: got %q, want what", got)
	}
	if got := plain(registry.WrongType("registry")); got != "registry: the key is of another type" {
		t.Errorf("a record named as a package is: got %q", got)
	}
	if got := testApp().explain(misused("dev: takes no argument")); got != "dev: takes no argument" {
		t.Errorf("a command named as a package is: got %q", got)
	}
}

func TestFlagIsBlamedForItsFieldOnly(t *testing.T) {
	wrong := &registry.FieldError{Key: "client:acme", Field: "name", Why: "too long"}
	reason := &registry.FieldError{Key: "client:acme", Field: "state_reason", Why: "too long"}
	for _, test := range []struct {
		name string
		args []string
		err  error
		want string
	}{
		{"given", []string{"--name", "x"}, fmt.Errorf("commit: %w", wrong), "create: --name: too long"},
		{"another field's flag", []string{"--reason", "x"}, wrong, wrong.Error()},
		{"of the annotation", []string{"--reason", "x"}, reason, "create: --reason: too long"},
		{"no flag", nil, wrong, wrong.Error()},
		{"stood there before", []string{"--name", "x"}, errors.Join(&registrar.Refusal{Name: "client/acme", Why: "is invalid"}, wrong), "client/acme: is invalid\n" + wrong.Error()},
		{"none", []string{"--name", "x"}, errDeclined, errDeclined.Error()},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := &cobra.Command{Use: "create"}
			cmd.Flags().String("name", "", "")
			cmd.Flags().String("reason", "", "")
			if err := cmd.ParseFlags(test.args); err != nil {
				t.Fatal(err)
			}
			if got := blame(cmd, test.err); got.Error() != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
