package jwt

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPure holds the package to what it is given: it asks neither a clock nor
// anybody else.
func TestPure(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) < 10 {
		t.Fatalf("files of this package: %v, %v", names, err)
	}
	allowed := []string{
		"bytes", "crypto", "encoding", "errors", "fmt", "maps", "math", "slices", "strconv", "strings", "time", "unicode",
		"github.com/golang-jwt/jwt", "credence/internal/credential", "credence/internal/registry",
	}
	clock := []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "NewTimer", "NewTicker", "Tick"}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			if !slices.ContainsFunc(allowed, func(room string) bool { return path == room || strings.HasPrefix(path, room+"/") }) {
				t.Errorf("%s imports %s", name, path)
			}
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if selector, is := node.(*ast.SelectorExpr); is {
				if of, is := selector.X.(*ast.Ident); is && of.Name == "time" && slices.Contains(clock, selector.Sel.Name) {
					t.Errorf("%s uses time.%s: the time is an argument", name, selector.Sel.Name)
				}
			}
			return true
		})
	}
}
