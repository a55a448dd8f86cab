package e2e

import (
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A source is a file of the program, parsed.
type source struct {
	file  *ast.File
	files *gotoken.FileSet
}

// sourcesOf gives the files of a package under internal, without its tests.
func sourcesOf(t *testing.T, name string) []source {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(repository, "internal", name, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no sources of %s: %v", name, err)
	}
	var all []source
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		source, err := parseSource(path, string(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, source)
	}
	return all
}

func parseSource(path, text string) (source, error) {
	s := source{files: gotoken.NewFileSet()}
	var err error
	s.file, err = parser.ParseFile(s.files, path, text, 0)
	return s, err
}

// texts gives the string literals.
func (s source) texts() []string {
	var all []string
	ast.Inspect(s.file, func(node ast.Node) bool {
		if text, isText := textOf(node); isText {
			all = append(all, text)
		}
		return true
	})
	return all
}

// messageAt says which argument of a method of slog.Logger is the message.
var messageAt = map[string]int{
	"Debug": 0, "Info": 0, "Warn": 0, "Error": 0,
	"DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1,
	"Log": 2, "LogAttrs": 2,
}

// messages gives what is logged: the messages of all calls of a logger, which
// is a variable or field of that name. A message that is a variable stands for
// the texts that are assigned to it in the file.
func (s source) messages() (all []string, err error) {
	ast.Inspect(s.file, func(node ast.Node) bool {
		call, isCall := node.(*ast.CallExpr)
		if !isCall {
			return true
		}
		method, isMethod := call.Fun.(*ast.SelectorExpr)
		if !isMethod || !isLogger(method.X) {
			return true
		}
		at, tells := messageAt[method.Sel.Name]
		if !tells || len(call.Args) <= at {
			return true
		}
		told := s.valuesOf(call.Args[at])
		if len(told) == 0 {
			err = fmt.Errorf("%s: what is logged here cannot be told", s.files.Position(call.Pos()))
		}
		all = append(all, told...)
		return true
	})
	return all, err
}

func isLogger(expression ast.Expr) bool {
	switch e := expression.(type) {
	case *ast.Ident:
		return slices.Contains([]string{"logger", "log", "slog"}, strings.ToLower(e.Name))
	case *ast.SelectorExpr:
		return isLogger(e.Sel)
	}
	return false
}

// valuesOf gives the text of a literal, those of a literal map that one is taken
// from, or those that a variable is given.
func (s source) valuesOf(expression ast.Expr) []string {
	if text, isText := textOf(expression); isText {
		return []string{text}
	}
	if of, isIndexed := expression.(*ast.IndexExpr); isIndexed {
		return valuesIn(of.X)
	}
	variable, isVariable := expression.(*ast.Ident)
	if !isVariable {
		return nil
	}
	var all []string
	ast.Inspect(s.file, func(node ast.Node) bool {
		assignment, is := node.(*ast.AssignStmt)
		if !is || len(assignment.Lhs) != len(assignment.Rhs) {
			return true
		}
		for i, left := range assignment.Lhs {
			if name, isName := left.(*ast.Ident); isName && name.Name == variable.Name {
				if text, isText := textOf(assignment.Rhs[i]); isText {
					all = append(all, text)
				}
			}
		}
		return true
	})
	return all
}

// valuesIn gives the texts that are the values of a literal map.
func valuesIn(expression ast.Expr) []string {
	literal, isLiteral := expression.(*ast.CompositeLit)
	if !isLiteral {
		return nil
	}
	var all []string
	for _, element := range literal.Elts {
		pair, isPair := element.(*ast.KeyValueExpr)
		if !isPair {
			return nil
		}
		text, isText := textOf(pair.Value)
		if !isText {
			return nil
		}
		all = append(all, text)
	}
	return all
}

func textOf(node ast.Node) (string, bool) {
	literal, is := node.(*ast.BasicLit)
	if !is || literal.Kind != gotoken.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}

func TestMessagesOfASource(t *testing.T) {
	const text = `package p
func (s *server) f(ctx context.Context, level slog.Level) {
	s.logger.Info("one", slog.String("not", "this"))
	slog.ErrorContext(ctx, "two")
	message := "three"
	if s.other {
		message = "four"
	}
	s.part.log.LogAttrs(ctx, level, message)
	s.Logger.Warn(map[bool]string{true: "five", false: "six"}[s.other])
	err.Error()
	t.Error("no logger")
}`
	s, err := parseSource("p.go", text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.messages()
	if want := []string{"one", "two", "three", "four", "five", "six"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q (error %v), want %q", got, err, want)
	}
	s, err = parseSource("p.go", "package p\nfunc f() { logger.Info(g()) }")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.messages(); err == nil {
		t.Errorf("a message that is computed: got %q, want an error", got)
	}
}
