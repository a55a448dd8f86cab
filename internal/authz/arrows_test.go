package authz

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "credence/"

// tiers are the packages from the program down to what a caller presents. One
// imports from tiers below its own, and from nowhere else.
var tiers = [...][]string{
	{"cmd"},
	{"cli", "dev"},
	{"extauthz", "redisstore", "jwks", "dashboard"},
	{"cache", "fleet", "registrar", "manifest", "answer"},
	{"authz", "usage"},
	{"jwt"},
	{"registry"},
	{"credential"},
}

// besides are imports that are no arrow down, by who imports.
var besides = map[string][]string{
	"cmd":        {"config", "telemetry"},
	"cli":        {"config", "telemetry", "dev", "envoy", "spelling", "heap"}, // dev is one of its commands
	"dev":        {"config", "telemetry", "envoy"},
	"extauthz":   {"config", "telemetry"},
	"redisstore": {"config", "telemetry"},
	"jwks":       {"config", "telemetry"},
	"dashboard":  {"config", "telemetry"},
	"manifest":   {"registrar"}, // declared registries become operations
	"config":     {"authz", "registry", "credential", "spelling"},
	"telemetry":  {"authz", "registry", "credential", "answer", "cache"}, // answer tells which request id is shown, cache how it stands
	"envoy":      {},                                                     // configurations to copy: know nothing of ours
	"spelling":   {},                                                     // words only
	"heap":       {},                                                     // the collector's settings
}

// others are modules that one package alone knows, besides what only tests
// import.
var others = map[string]string{
	"github.com/envoyproxy/": "extauthz",
	"github.com/redis/":      "redisstore",
	"github.com/golang-jwt/": "jwt",
	"github.com/alicebob/":   "dev", // miniredis
}

// goList asks the go command.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	command := exec.Command("go", append([]string{"list", "-e"}, args...)...)
	var failed strings.Builder
	command.Stderr = &failed
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, failed.String())
	}
	return strings.Split(strings.TrimSpace(string(output)), "\n")
}

// room gives the name by which a package of ours stands in the tables:
// credence/internal/e2e/parts is e2e.
func room(importPath string) string {
	inside := strings.TrimPrefix(strings.TrimPrefix(importPath, module), "internal/")
	name, _, _ := strings.Cut(inside, "/")
	return name
}

// isForTests tells packages that only tests import.
func isForTests(importPath string) bool {
	return strings.HasSuffix(path.Base(importPath), "test") || slices.Contains([]string{"e2e", "bench"}, room(importPath))
}

func tierOf(name string) int {
	return slices.IndexFunc(tiers[:], func(tier []string) bool { return slices.Contains(tier, name) })
}

// mayImport tells whether there is an arrow from one package of ours to
// another.
func mayImport(from, to string) bool {
	if from == to || slices.Contains(besides[from], to) {
		return true
	}
	above, below := tierOf(from), tierOf(to)
	return above >= 0 && below > above
}

// TestArrows holds all packages to the arrows of the design: nothing points
// back, and what only one package knows stays in it.
func TestArrows(t *testing.T) {
	seen := 0
	for _, line := range goList(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...") {
		importPath, imports, _ := strings.Cut(line, " ")
		name := room(importPath)
		seen++
		if isForTests(importPath) {
			continue
		}
		if _, special := besides[name]; tierOf(name) < 0 && !special {
			t.Errorf("%s has no place in the arrows: give it one in tiers or besides", importPath)
		}
		for imported := range strings.FieldsSeq(imports) {
			if fault := faultOf(name, imported); fault != "" {
				t.Errorf("%s imports %s: %s", importPath, imported, fault)
			}
		}
	}
	if seen < 5 {
		t.Errorf("go list knows %d packages of ours: the test looks at the wrong place", seen)
	}
}

func faultOf(from, imported string) string {
	if strings.HasPrefix(imported, module) {
		switch {
		case isForTests(imported):
			return "that is for tests"
		case !mayImport(from, room(imported)):
			return "no arrow leads there"
		}
		return ""
	}
	for prefix, alone := range others {
		if strings.HasPrefix(imported, prefix) && from != alone {
			return "only " + alone + " may know it"
		}
	}
	return ""
}

// TestArrowsHaveTeeth tries the table on imports that must not be.
func TestArrowsHaveTeeth(t *testing.T) {
	for _, test := range []struct {
		from, imported string
		allowed        bool
	}{
		{"authz", module + "internal/registry", true},
		{"authz", module + "internal/cache", false},
		{"authz", module + "internal/config", false},
		{"authz", module + "internal/usage", false},
		{"registry", module + "internal/authz", false},
		{"credential", module + "internal/registry", false},
		{"registrar", module + "internal/redisstore", false},
		{"redisstore", module + "internal/extauthz", false},
		{"config", module + "internal/redisstore", false},
		{"extauthz", module + "internal/authz/authztest", false},
		{"cli", module + "internal/e2e/parts", false},
		{"cli", module + "internal/extauthz", true},
		{"authz", "github.com/envoyproxy/go-control-plane/envoy/type/v3", false},
		{"cli", "github.com/redis/go-redis/v9", false},
		{"redisstore", "github.com/redis/go-redis/v9", true},
		{"jwks", "github.com/golang-jwt/jwt/v5", false},
		{"redisstore", "github.com/alicebob/miniredis/v2", false},
	} {
		if fault := faultOf(test.from, test.imported); (fault == "") != test.allowed {
			t.Errorf("%s imports %s: fault %q, want allowed %v", test.from, test.imported, fault, test.allowed)
		}
	}
}

// TestAuthzKnowsNoWire holds all that the decision is built from, however far
// away, to things that neither speak to anybody nor know who asks.
func TestAuthzKnowsNoWire(t *testing.T) {
	deps := goList(t, "-deps", module+"internal/authz")
	if !slices.Contains(deps, module+"internal/registry") {
		t.Fatalf("go list -deps gives %v: not what authz is built from", deps)
	}
	for _, dep := range deps {
		for _, not := range []string{
			"net/http", "net/rpc", "os/exec", "database/sql", "google.golang.org/grpc", "google.golang.org/protobuf",
			"github.com/envoyproxy", "github.com/redis", "github.com/prometheus",
		} {
			if dep == not || strings.HasPrefix(dep, not+"/") {
				t.Errorf("internal/authz depends on %s", dep)
			}
		}
	}
	for _, imported := range goList(t, "-f", `{{join .Imports "\n"}}`, module+"internal/authz") {
		if slices.Contains([]string{"os", "net", "io", "log", "log/slog", "syscall", "unsafe"}, imported) {
			t.Errorf("internal/authz imports %s: it does no I/O of its own", imported)
		}
	}
}

// TestAuthzHasNoClock holds the decision to the time that it is given.
func TestAuthzHasNoClock(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 2 {
		t.Fatalf("files of this package: %v, %v", files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if asked := clockOf(node); asked != "" {
				t.Errorf("%s uses time.%s: the time is an argument", name, asked)
			}
			return true
		})
	}
}

// clockOf gives the name of what of package time a node uses that tells, or
// waits for, the time.
func clockOf(node ast.Node) string {
	selector, isSelector := node.(*ast.SelectorExpr)
	if !isSelector {
		return ""
	}
	of, isName := selector.X.(*ast.Ident)
	asks := []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "NewTimer", "NewTicker", "Tick"}
	if !isName || of.Name != "time" || !slices.Contains(asks, selector.Sel.Name) {
		return ""
	}
	return selector.Sel.Name
}
