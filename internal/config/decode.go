package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"credence/internal/spelling"
)

// A decoder walks the tree of one file and collects what is wrong with it.
type decoder struct {
	file     string
	schema   []row
	unbuilt  []string
	problems Problems
	lines    map[string]int  // of the keys that are set, by path
	failed   map[string]bool // keys with a problem, by path
}

func newDecoder(file string, schema []row, unbuilt []string) *decoder {
	return &decoder{file: file, schema: schema, unbuilt: unbuilt, lines: map[string]int{}, failed: map[string]bool{}}
}

// fail notes a problem with a key, and so with all that the key is in.
func (d *decoder) fail(line int, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{d.file, max(line, 1), path, fmt.Sprintf(format, args...)})
	for path != "" {
		d.failed[path] = true
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

// document gives the root mapping of a file, or nil where there is nothing to
// walk: it is empty, or it cannot be read at all.
func (d *decoder) document(text []byte) *yaml.Node {
	if line := invalidLine(text); line > 0 {
		d.fail(line, "", "not UTF-8 text")
		return nil
	}
	documents, err := parseDocuments(text)
	if err != nil {
		line, what := syntaxError(text, err)
		d.fail(line, "", "not YAML: %s", what)
		return nil
	}
	if len(documents) > 1 {
		d.fail(documents[1].Line, "", "a second document begins here: want one")
	}
	if len(documents) == 0 || len(documents[0].Content) == 0 {
		return nil
	}
	root := documents[0].Content[0]
	switch {
	case !d.plain("", root) || isNull(root):
		return nil
	case root.Kind != yaml.MappingNode:
		d.fail(root.Line, "", "want keys and values, have %s", describe(root))
		return nil
	}
	return root
}

// mapping reads the keys below a path by the rows, whose names are relative to
// it. A name that only begins rows is a section.
func (d *decoder) mapping(path string, node *yaml.Node, rows []row) {
	d.pairs(path, node, func(at, name string, key, value *yaml.Node) {
		for _, r := range rows {
			if r.name == name {
				d.value(at, key, value, r)
				return
			}
		}
		inner := below(name, rows)
		switch {
		case len(inner) == 0:
			d.unknown(key.Line, at, name, rows)
		case isNull(value): // a section of comments only
		case value.Kind != yaml.MappingNode:
			d.fail(value.Line, at, "want keys and values, have %s", describe(value))
		default:
			d.mapping(at, value, inner)
		}
	})
}

func (d *decoder) value(at string, key, value *yaml.Node, r row) {
	d.lines[at] = key.Line
	if isNull(value) {
		d.fail(key.Line, at, "has no value: want %s, or leave the key out", r.want)
		return
	}
	r.read(d, at, value)
}

// pairs visits each key of a mapping once, with its path. What is no plain
// name, stands there twice or uses YAML's own machinery is told and passed
// over.
func (d *decoder) pairs(path string, node *yaml.Node, visit func(at, name string, key, value *yaml.Node)) {
	first := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if !d.plain(path, key) {
			continue
		}
		if key.Kind != yaml.ScalarNode {
			d.fail(key.Line, path, "want a name as key, have %s", describe(key))
			continue
		}
		name := key.Value
		at := join(path, shownName(name))
		if line, twice := first[name]; twice {
			d.fail(key.Line, at, "stands there twice, first on line %d", line)
			continue
		}
		first[name] = key.Line
		if d.plain(at, value) {
			visit(at, name, key, value)
		}
	}
}

// plain refuses the machinery of YAML that a configuration does not need, and
// that hides what it says.
func (d *decoder) plain(path string, node *yaml.Node) bool {
	switch {
	case node.Kind == yaml.AliasNode:
		d.fail(node.Line, path, "aliases (*%s) are not accepted: write the value out", shownName(node.Value))
	case node.Anchor != "":
		d.fail(node.Line, path, "anchors (&%s) are not accepted", shownName(node.Anchor))
	case node.Tag == "!!merge":
		d.fail(node.Line, path, "merge keys (<<) are not accepted: write the values out")
	case node.Style&yaml.TaggedStyle != 0:
		d.fail(node.Line, path, "tags (%s) are not accepted", shownName(node.Tag))
	default:
		return true
	}
	return false
}

// unknown tells of a key that no row knows: with the key that was likely
// meant, a near one here or one of the same name elsewhere, else with those
// that there are.
func (d *decoder) unknown(line int, at, name string, rows []row) {
	here := firstWords(rows)
	meant := spelling.Nearest(name, here)
	if meant == "" {
		meant = d.elsewhere(name)
	}
	if meant == "" {
		d.fail(line, at, "unknown key (known here: %s)", strings.Join(here, ", "))
		return
	}
	d.fail(line, at, "unknown key (did you mean %s?)", meant)
}

// elsewhere gives the only key of the whole schema whose last word is name.
func (d *decoder) elsewhere(name string) string {
	found := ""
	for _, r := range d.schema {
		if strings.HasSuffix(r.name, "."+name) {
			if found != "" {
				return ""
			}
			found = r.name
		}
	}
	return found
}

// below gives the rows of a section, with their names relative to it.
func below(section string, rows []row) []row {
	var inner []row
	for _, r := range rows {
		if name, found := strings.CutPrefix(r.name, section+"."); found {
			r.name = name
			inner = append(inner, r)
		}
	}
	return inner
}

// firstWords gives the keys and sections that the rows begin with.
func firstWords(rows []row) []string {
	var words []string
	for _, r := range rows {
		word, _, _ := strings.Cut(r.name, ".")
		if len(words) == 0 || words[len(words)-1] != word {
			words = append(words, word)
		}
	}
	return words
}

// item gives the path of an item of a list.
func item(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// describe says what a node holds, for a message that says what was wanted.
func describe(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "keys and values"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(node):
		return "nothing"
	case node.Tag == "!!str":
		return quoted(node.Value)
	}
	return shownName(node.Value)
}

// maxShown is how much of a value a message repeats, in bytes.
const maxShown = 60

// quoted gives a value for a message: one line, and not too long.
func quoted(text string) string {
	if len(text) <= maxShown {
		return strconv.Quote(text)
	}
	return strconv.Quote(strings.ToValidUTF8(text[:maxShown], "")) + "…"
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_.:/!-]{1,60}$`)

// shownName gives a name as it is where it looks like one, else quoted.
func shownName(text string) string {
	if plainName.MatchString(text) {
		return text
	}
	return quoted(text)
}

// parseDocuments reads the first two documents of a text: one more than there
// should be.
func parseDocuments(text []byte) ([]*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var documents []*yaml.Node
	for len(documents) < 2 {
		node := new(yaml.Node)
		err := decoder.Decode(node)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		documents = append(documents, node)
	}
	return documents, nil
}

var yamlError = regexp.MustCompile(`(?s)^(?:yaml: )?(?:line ([0-9]+): )?(.*)$`)

// maxSearched is the longest file, in lines, in which syntaxError looks for
// the line by itself: each line costs a parse.
const maxSearched = 1000

// syntaxError says where a text stops to be YAML, and why. The parser often
// names the line before, or none; the line meant is the one after the longest
// beginning of the text that is YAML.
func syntaxError(text []byte, err error) (line int, what string) {
	match := yamlError.FindStringSubmatch(err.Error())
	line, _ = strconv.Atoi(match[1])
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines) <= maxSearched {
		for n, end := len(lines)-1, len(text); n >= 0; n-- {
			end -= len(lines[n])
			if _, err := parseDocuments(text[:end]); err == nil {
				line = n + 1
				break
			}
		}
	}
	if line > 0 && line <= len(lines) && bytes.HasPrefix(bytes.TrimLeft(lines[line-1], " "), []byte("\t")) {
		return line, "a tab cannot indent: use spaces"
	}
	return max(line, 1), match[2]
}

// invalidLine gives the line of the first byte that is not UTF-8, or 0.
func invalidLine(text []byte) int {
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			return bytes.Count(text[:at], []byte("\n")) + 1
		}
		at += size
	}
	return 0
}
