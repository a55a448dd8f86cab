package config

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A codec reads and writes the values of one type.
type codec[T any] struct {
	want  string // what it reads, as in "want a duration, have nothing"
	read  func(d *decoder, path string, node *yaml.Node) (value T, ok bool)
	write func(T) string // on one line, as YAML
}

// errUnfit says that a text is not what is wanted, and nothing more.
var errUnfit = errors.New("unfit")

// scalar makes the codec of a value that is one word in YAML, of one of the
// tags. An error of parse is the message, but for errUnfit.
func scalar[T any](want string, tags []string, parse func(string) (T, error), write func(T) string) codec[T] {
	read := func(d *decoder, path string, node *yaml.Node) (value T, ok bool) {
		value, err := parse(node.Value)
		switch {
		case !hasTag(node, tags):
			advice := ""
			if err == nil && node.Kind == yaml.ScalarNode && !isNull(node) && tags[0] == "!!str" {
				advice = ": write it in quotes"
			}
			d.fail(node.Line, path, "want %s, have %s%s", want, describe(node), advice)
			return value, false
		case errors.Is(err, errUnfit):
			d.fail(node.Line, path, "want %s, have %s", want, describe(node))
		case err != nil:
			d.fail(node.Line, path, "%s", err)
		}
		return value, err == nil
	}
	return codec[T]{want, read, write}
}

func hasTag(node *yaml.Node, tags []string) bool {
	if node.Kind == yaml.ScalarNode {
		for _, tag := range tags {
			if node.Tag == tag {
				return true
			}
		}
	}
	return false
}

// text makes the codec of a text that parse accepts.
func text[T ~string](want string, parse func(string) (T, error)) codec[T] {
	return scalar(want, []string{"!!str"}, parse, func(value T) string { return written(string(value)) })
}

// matching makes a parse function of a condition.
func matching[T ~string](holds func(string) bool) func(string) (T, error) {
	return func(text string) (T, error) {
		if !holds(text) {
			return "", errUnfit
		}
		return T(text), nil
	}
}

// oneOf makes the codec of a choice of words.
func oneOf(words ...string) codec[string] {
	last := len(words) - 1
	want := strings.Join(words[:last], ", ") + " or " + words[last]
	return text(want, func(text string) (string, error) {
		for _, word := range words {
			if text == word {
				return word, nil
			}
		}
		return "", errUnfit
	})
}

// list makes the codec of a list in which nothing stands twice. All items are
// read, whatever is wrong with one.
func list[T any](each codec[T]) codec[[]T] {
	want := "a list, each item " + each.want
	read := func(d *decoder, path string, node *yaml.Node) ([]T, bool) {
		if node.Kind != yaml.SequenceNode {
			d.fail(node.Line, path, "want %s, have %s", want, describe(node))
			return nil, false
		}
		return readItems(d, path, node.Content, each)
	}
	write := func(values []T) string {
		words := make([]string, len(values))
		for i, value := range values {
			words[i] = each.write(value)
		}
		return "[" + strings.Join(words, ", ") + "]"
	}
	return codec[[]T]{want, read, write}
}

func readItems[T any](d *decoder, path string, nodes []*yaml.Node, each codec[T]) (values []T, ok bool) {
	first := map[string]int{}
	ok = true
	for i, node := range nodes {
		at := item(path, i)
		d.lines[at] = node.Line
		if !d.plain(at, node) {
			ok = false
			continue
		}
		value, fits := each.read(d, at, node)
		if !fits {
			ok = false
			continue
		}
		key := each.write(value)
		if earlier, twice := first[key]; twice {
			d.fail(node.Line, at, "%s stands there twice, first as [%d]", key, earlier)
			ok = false
			continue
		}
		first[key] = i
		values = append(values, value)
	}
	return values, ok
}

// record makes the codec of a mapping with fixed keys, as an item of a list.
// Check says what is wrong with a value whose keys were all read.
func record[T any](want string, rows func(*T) []row, check func(T) error) codec[T] {
	read := func(d *decoder, path string, node *yaml.Node) (value T, ok bool) {
		if node.Kind != yaml.MappingNode {
			d.fail(node.Line, path, "want %s, have %s", want, describe(node))
			return value, false
		}
		before := len(d.problems)
		d.mapping(path, node, rows(&value))
		if len(d.problems) > before {
			return value, false
		}
		if err := check(value); err != nil {
			d.fail(node.Line, path, "%s", err)
			return value, false
		}
		return value, true
	}
	write := func(value T) string {
		var zero T
		unset := rows(&zero)
		var words []string
		for i, r := range rows(&value) {
			if now := r.write(); now != unset[i].write() {
				words = append(words, r.name+": "+now)
			}
		}
		return "{" + strings.Join(words, ", ") + "}"
	}
	return codec[T]{want, read, write}
}

// table makes the codec of a mapping whose keys are data.
func table[K ~string, V any](want string, parseKey func(string) (K, error), each codec[V]) codec[map[K]V] {
	read := func(d *decoder, path string, node *yaml.Node) (map[K]V, bool) {
		if node.Kind != yaml.MappingNode {
			d.fail(node.Line, path, "want %s, have %s", want, describe(node))
			return nil, false
		}
		before := len(d.problems)
		values := map[K]V{}
		d.pairs(path, node, func(at, name string, key, node *yaml.Node) {
			k, err := parseKey(name)
			if err != nil {
				d.fail(key.Line, at, "%s", err)
				return
			}
			if value, ok := each.read(d, at, node); ok {
				values[k] = value
			}
		})
		if len(values) == 0 {
			values = nil
		}
		return values, len(d.problems) == before
	}
	write := func(values map[K]V) string {
		var words []string
		for _, key := range slices.Sorted(maps.Keys(values)) {
			words = append(words, string(key)+": "+each.write(values[key]))
		}
		return "{" + strings.Join(words, ", ") + "}"
	}
	return codec[map[K]V]{want, read, write}
}

// plainText is a text that YAML reads as that text without quotes, also within
// brackets.
var plainText = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9._/-]*(:[A-Za-z0-9._/-]+)*$|^[0-9]+(\.[0-9]+){3}[:/][0-9]+$`)

// written gives a text as YAML reads it.
func written(text string) string {
	if plainText.MatchString(text) && !isWord(text) {
		return text
	}
	return strconv.Quote(text)
}

// isWord tells whether YAML 1.1 or 1.2 gives a meaning of its own to a text.
func isWord(text string) bool {
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null":
		return true
	}
	return false
}
