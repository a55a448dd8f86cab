package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"credence/internal/registry"

	"go.yaml.in/yaml/v3"
)

// A format is how data is written. The zero format is a table.
type format uint8

const (
	asTable format = iota
	asWideTable
	asJSON
	asYAML
	asNames
)

var formatNames = [...]string{asTable: "table", asWideTable: "wide", asJSON: "json", asYAML: "yaml", asNames: "name"}

// String implements pflag.Value.
func (f *format) String() string { return formatNames[*f] }

// Type implements pflag.Value.
func (*format) Type() string { return "FORMAT" }

// Set implements pflag.Value.
func (f *format) Set(text string) error {
	for i, name := range formatNames {
		if text == name {
			*f = format(i)
			return nil
		}
	}
	return fmt.Errorf("%q: %s", text, meant(text, formatNames[:], "want "+strings.Join(formatNames[:], ", ")))
}

// isTable tells formats for people.
func (f format) isTable() bool { return f == asTable || f == asWideTable }

// A field is one of a record's, as text.
type field struct{ name, text string }

// A document is a record for programs: its name and its fields in order.
type document struct {
	name   string
	fields []field
}

// writeDocument writes one record for a program.
func writeDocument(w io.Writer, f format, d document) {
	switch f {
	case asNames:
		fmt.Fprintln(w, printable(d.name))
	case asYAML:
		fmt.Fprint(w, d.yaml().mapping())
	default:
		fmt.Fprintln(w, d.json(""))
	}
}

// json gives the document as an object, with every line but the first
// indented.
func (d document) json(indent string) string {
	if len(d.fields) == 0 {
		return "{}"
	}
	lines := make([]string, len(d.fields))
	for i, f := range d.fields {
		lines[i] = indent + "  " + jsonText(f.name) + ": " + jsonText(f.text)
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n" + indent + "}"
}

// jsonLine gives the document as an object in one line.
func (d document) jsonLine() string {
	members := make([]string, len(d.fields))
	for i, f := range d.fields {
		members[i] = jsonText(f.name) + ": " + jsonText(f.text)
	}
	return "{" + strings.Join(members, ", ") + "}"
}

func jsonText(text string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil { // no text fails
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// A yamlNode is a piece of YAML.
type yamlNode yaml.Node

// yaml gives the document as a mapping whose values are all text.
func (d document) yaml() *yamlNode {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range d.fields {
		for _, text := range []string{f.name, f.text} {
			node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text})
		}
	}
	return (*yamlNode)(node)
}

// mapping gives the text of a mapping.
func (n *yamlNode) mapping() string { return encoded((*yaml.Node)(n)) }

// item gives the text of a list with the mapping as its only item; such texts
// one after the other are one list.
func (n *yamlNode) item() string {
	return encoded(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{(*yaml.Node)(n)}})
}

func encoded(node *yaml.Node) string {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil { // no such node fails
		return ""
	}
	return b.String()
}

// A sink takes the records of a list one by one, so that a long list is not
// held in memory. What was added is written by flush at the latest.
type sink interface {
	add(d document, row []string)
	flush()
	end()
}

// newSink makes the sink of a format. The columns are those of a table.
func (a *app) newSink(columns []heading) sink {
	switch a.output {
	case asJSON:
		return &jsonList{w: a.stdout}
	case asYAML:
		return &yamlList{w: a.stdout}
	case asNames:
		return nameList{a.stdout}
	}
	return newTable(a, columns)
}

// newEndlessSink makes the sink of a list that has no end: of JSON each object
// is a line.
func (a *app) newEndlessSink(columns []heading) sink {
	if a.output == asJSON {
		return jsonLines{a.stdout}
	}
	return a.newSink(columns)
}

type jsonLines struct{ w io.Writer }

func (l jsonLines) add(d document, _ []string) { fmt.Fprintln(l.w, d.jsonLine()) }

func (jsonLines) flush() {}

func (jsonLines) end() {}

type jsonList struct {
	w     io.Writer
	items int
}

func (l *jsonList) add(d document, _ []string) {
	before := ",\n  "
	if l.items == 0 {
		before = "[\n  "
	}
	fmt.Fprint(l.w, before, d.json("  "))
	l.items++
}

func (*jsonList) flush() {}

func (l *jsonList) end() {
	if l.items == 0 {
		fmt.Fprintln(l.w, "[]")
		return
	}
	fmt.Fprint(l.w, "\n]\n")
}

type yamlList struct {
	w     io.Writer
	items int
}

func (l *yamlList) add(d document, _ []string) {
	fmt.Fprint(l.w, d.yaml().item())
	l.items++
}

func (*yamlList) flush() {}

func (l *yamlList) end() {
	if l.items == 0 {
		fmt.Fprintln(l.w, "[]")
	}
}

type nameList struct{ w io.Writer }

func (l nameList) add(d document, _ []string) { fmt.Fprintln(l.w, printable(d.name)) }

func (nameList) flush() {}

func (nameList) end() {}

// documentOf makes a document of a record's fields, in the order in which
// docs/registry.md has them.
func documentOf(kind registry.RecordKind, name string, fields registry.Fields) document {
	return document{name, ordered(kind, fields)}
}
