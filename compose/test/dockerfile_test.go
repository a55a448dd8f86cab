package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// stages reads the Dockerfile as BuildKit does.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	file, err := os.Open(filepath.Join(repository, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	parsed, err := parser.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, warning := range parsed.Warnings {
		t.Errorf("Dockerfile: %s", warning.Short)
	}
	all, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestImage holds what `docker build` makes to what a review asks of it: no shell, no root, and nothing but the program.
func TestImage(t *testing.T) {
	all := stages(t)
	last := all[len(all)-1]
	if last.Name != "credence" || !strings.HasPrefix(last.BaseName, "gcr.io/distroless/static-") || !strings.Contains(last.BaseName, ":nonroot") {
		t.Errorf("the last stage is %s from %s, want credence from a distroless static image for others than root", last.Name, last.BaseName)
	}
	var user, entry, command, health string
	var copied []string
	for _, step := range last.Commands {
		switch s := step.(type) {
		case *instructions.RunCommand:
			t.Errorf("the last stage runs %v: there is no shell", s.CmdLine)
		case *instructions.UserCommand:
			user = s.User
		case *instructions.EntrypointCommand:
			entry = strings.Join(s.CmdLine, " ")
			if s.PrependShell {
				t.Error("ENTRYPOINT wants a shell")
			}
		case *instructions.CmdCommand:
			command = strings.Join(s.CmdLine, " ")
		case *instructions.HealthCheckCommand:
			health = strings.Join(s.Health.Test, " ")
		case *instructions.CopyCommand:
			copied = append(copied, s.DestPath)
		}
	}
	for _, test := range []struct{ what, got, want string }{
		{"USER", user, "65532:65532"},
		{"ENTRYPOINT", entry, "/credence"},
		{"CMD", command, "serve"},
		{"HEALTHCHECK", health, "CMD /credence health"},
		{"COPY", strings.Join(copied, " "), "/LICENSE /credence"},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %q, want %q", test.what, test.got, test.want)
		}
	}
}

// TestImageIsBuiltAsTheProgramIs holds the Dockerfile to the flags of `make build` and of a release: other flags are other
// bytes.
func TestImageIsBuiltAsTheProgramIs(t *testing.T) {
	for _, name := range []string{"Dockerfile", "Makefile", ".ci/release"} {
		text, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "go build -trimpath -o ") || !strings.Contains(string(text), "CGO_ENABLED=0") {
			t.Errorf("%s does not build with CGO_ENABLED=0 go build -trimpath -o …", name)
		}
		if strings.Contains(string(text), "-ldflags") {
			t.Errorf("%s builds with -ldflags", name)
		}
	}
}

// TestTargetsAreThere finds each stage that docker-compose.yaml builds.
func TestTargetsAreThere(t *testing.T) {
	names := map[string]bool{}
	for _, stage := range stages(t) {
		names[stage.Name] = true
	}
	for name, service := range composed(t).Services {
		if service.Build != nil && !names[service.Build.Target] {
			t.Errorf("%s builds the stage %q, which is not in the Dockerfile", name, service.Build.Target)
		}
	}
}
