package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// repository is where the pages are, seen from this package.
const repository = "../.."

// A page is a text for people, as a file of the repository.
type page struct {
	name   string // README.md, docs/quickstart.md
	text   string
	blocks []block
}

// A block is a fenced block of a page.
type block struct {
	page     string
	line     int    // of the fence
	section  string // the heading of second level above it
	language string
	text     string
	notRun   string // why not, if a remark above says so
	printed  string // of commands: the text block that follows, before any heading
	shows    bool   // there is one
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// pages reads all pages.
func pages(t *testing.T) []page {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "testdata/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(repository, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	var all []page
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(filepath.ToSlash(file), repository+"/")
		blocks, err := parseBlocks(name, string(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page{name: name, text: string(text), blocks: blocks})
	}
	return all
}

// languages are those that a block may be in. What is typed is "sh", so that
// none is overlooked.
var languages = []string{"sh", "text", "yaml", "json", "ini", "redis", "python", "go"}

var remark = regexp.MustCompile(`^<!-- not run: (.+) -->$`)

// parseBlocks finds the fenced blocks of a page.
func parseBlocks(name, text string) ([]block, error) {
	var blocks []block
	var open *block
	var section, above string
	typed := -1 // the block of commands that a text block may belong to
	for i, line := range strings.Split(text, "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			language, _, _ := strings.Cut(fence, " ")
			if !slices.Contains(languages, language) {
				return nil, fmt.Errorf("%s:%d: a block in %q: want one of %q", name, i+1, language, languages)
			}
			open = &block{page: name, line: i + 1, section: section, language: language}
			if reason := remark.FindStringSubmatch(above); reason != nil {
				open.notRun = reason[1]
			}
		case isFence:
			if open.language == "text" && typed >= 0 {
				blocks[typed].printed, blocks[typed].shows = open.text, true
			}
			blocks = append(blocks, *open)
			typed = -1
			if open.language == "sh" {
				typed = len(blocks) - 1
			}
			open, above = nil, ""
		case open != nil:
			open.text += line + "\n"
		case strings.Contains(line, "```"):
			return nil, fmt.Errorf("%s:%d: an indented block is not seen by the test of the docs", name, i+1)
		case strings.HasPrefix(line, "#"):
			typed = -1
			if heading, second := strings.CutPrefix(line, "## "); second {
				section = heading
			}
			above = ""
		case line != "":
			above = line
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s is not closed", open)
	}
	return blocks, nil
}

func TestBlocksOfAPage(t *testing.T) {
	text := strings.Join([]string{
		"# Page", "```text", "a picture", "```", "## One", "<!-- not run: it takes an hour -->", "", "```sh", "make tea", "```", "and so", "```text", "tea", "```",
		"```text", "no print", "```", "```sh", "make coffee", "```", "### Deeper", "```text", "neither", "```", "",
	}, "\n")
	blocks, err := parseBlocks("page.md", text)
	if err != nil {
		t.Fatal(err)
	}
	want := []block{
		{page: "page.md", line: 2, language: "text", text: "a picture\n"},
		{page: "page.md", line: 8, section: "One", language: "sh", text: "make tea\n", notRun: "it takes an hour", printed: "tea\n", shows: true},
		{page: "page.md", line: 12, section: "One", language: "text", text: "tea\n"},
		{page: "page.md", line: 15, section: "One", language: "text", text: "no print\n"},
		{page: "page.md", line: 18, section: "One", language: "sh", text: "make coffee\n"},
		{page: "page.md", line: 22, section: "One", language: "text", text: "neither\n"},
	}
	if !slices.Equal(blocks, want) {
		t.Errorf("got  %+v\nwant %+v", blocks, want)
	}
	for _, wrong := range []string{"```bash\nls\n```\n", "```\nls\n```\n", "- item\n  ```sh\n  ls\n  ```\n", "```sh\nls\n"} {
		if blocks, err := parseBlocks("page.md", wrong); err == nil {
			t.Errorf("%q: got %+v, want an error", wrong, blocks)
		}
	}
}
