package e2e

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// linksOf finds the links of a page, [text](where).
var linksOf = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestDocsLinksLeadSomewhere follows every link inside the repository, to the
// heading too.
func TestDocsLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		for _, link := range linksOf.FindAllStringSubmatch(page.text, -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(link[1], "#")
			target := page.name
			if file != "" {
				target = path.Join(path.Dir(page.name), file)
			}
			text, err := os.ReadFile(filepath.Join(repository, target))
			if err != nil {
				t.Errorf("%s: link to %s: %v", page.name, link[1], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(string(text)), anchor) {
				t.Errorf("%s: link to %s: there is no such heading", page.name, link[1])
			}
		}
	}
}

// anchors gives the headings of a page as links name them.
func anchors(text string) []string {
	var all []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		anchor := strings.ToLower(regexp.MustCompile(`[^\w\s-]`).ReplaceAllString(heading[1], ""))
		all = append(all, strings.ReplaceAll(anchor, " ", "-"))
	}
	return all
}

// TestDocsAreListed finds every page in the index, and in the README.
func TestDocsAreListed(t *testing.T) {
	index, readme := pageNamed(t, "docs/README.md"), pageNamed(t, "README.md")
	for _, page := range pages(t) {
		name, isOurs := strings.CutPrefix(page.name, "docs/")
		if !isOurs || name == "README.md" {
			continue
		}
		if !strings.Contains(index.text, "("+name+")") {
			t.Errorf("docs/README.md does not list %s", name)
		}
		if !strings.Contains(readme.text, "("+page.name+")") {
			t.Errorf("README.md does not list %s", page.name)
		}
	}
}

// TestDocsThreatsAreTested looks for every test that the threat model names.
func TestDocsThreatsAreTested(t *testing.T) {
	functions := testFunctions(t)
	model := pageNamed(t, "docs/threat-model.md")
	threats := 0
	for _, row := range model.rows(t, "## Attacks, what stops them, and what shows it") {
		threats++
		evidence := quoted(row[len(row)-1])
		if len(row) != 3 || len(evidence) == 0 {
			t.Errorf("%s: nothing shows that this is stopped: %s", model.name, strings.Join(row, " | "))
		}
		for _, name := range evidence {
			if !functions[name] && !isCase(t, name) {
				t.Errorf("%s: there is no test %s", model.name, name)
			}
		}
	}
	if threats < 30 {
		t.Errorf("%s has %d attacks, want at least 30", model.name, threats)
	}
}

// isCase tells whether a case of decisions, a recorded check or a session of
// the commands is called so; * stands for the rest of a name.
func isCase(t *testing.T, name string) bool {
	t.Helper()
	for _, pattern := range []string{
		"testdata/decisions/" + name + ".txtar", "testdata/checks/" + name + ".json", "internal/cli/testdata/script/" + name,
	} {
		found, err := filepath.Glob(filepath.Join(repository, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			return true
		}
	}
	return false
}

// testFunctions gives the names of all tests and fuzz targets.
func testFunctions(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(repository, func(file string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && file != repository {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		for _, found := range function.FindAllStringSubmatch(string(text), -1) {
			names[found[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
