package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A level says how bad a finding is.
type level uint8

const (
	levelOK level = iota
	levelWarning
	levelError
)

var levelNames = [...]string{levelOK: "ok", levelWarning: "warning", levelError: "error"}

// A finding is one thing that was looked at.
type finding struct {
	level level
	where string // a key of the configuration or of Redis, a record, or what was looked at
	what  string
	todo  string // empty where nothing has to be done
}

// A diagnosis is findings, section by section, written as they come.
type diagnosis struct {
	a       *app
	out     sink
	section string
	counts  [len(levelNames)]int
}

func newDiagnosis(a *app) *diagnosis {
	if a.output.isTable() {
		return &diagnosis{a: a, out: &findingText{a: a}}
	}
	return &diagnosis{a: a, out: a.newSink(nil)}
}

// begin begins a section.
func (d *diagnosis) begin(section string) { d.section = section }

func (d *diagnosis) add(found finding) {
	d.counts[found.level]++
	fields := []field{
		{"level", levelNames[found.level]}, {"section", d.section}, {"where", redact(found.where)}, {"what", redact(found.what)},
	}
	if found.todo != "" {
		fields = append(fields, field{"to_do", redact(found.todo)})
	}
	d.out.add(document{found.where, fields}, nil)
}

func (d *diagnosis) ok(where, format string, args ...any) {
	d.add(finding{levelOK, where, fmt.Sprintf(format, args...), ""})
}

func (d *diagnosis) warn(where, todo, format string, args ...any) {
	d.add(finding{levelWarning, where, fmt.Sprintf(format, args...), todo})
}

func (d *diagnosis) fail(where, todo, format string, args ...any) {
	d.add(finding{levelError, where, fmt.Sprintf(format, args...), todo})
}

// end ends the list, and sums it up: errors are a "no".
func (d *diagnosis) end() error {
	d.out.end()
	d.a.note("%s, %s", counted(d.counts[levelError], "error"), counted(d.counts[levelWarning], "warning"))
	if d.counts[levelError] > 0 {
		return &answerNo{}
	}
	return nil
}

// counted gives a number of things in words.
func counted(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// A findingText writes findings for people: what to do stands under what is
// wrong.
type findingText struct {
	a       *app
	section string
}

// findingIndent is as wide as a level, with what stands around it.
const findingIndent = "           "

func (t *findingText) add(d document, _ []string) {
	text := make(map[string]string, len(d.fields))
	for _, f := range d.fields {
		text[f.name] = printable(f.text)
	}
	if text["section"] != t.section {
		t.section = text["section"]
		fmt.Fprintln(t.a.stdout, t.section)
	}
	word := fmt.Sprintf("%-9s", text["level"])
	for i, line := range t.lines(text["where"] + ": " + text["what"]) {
		if i == 0 {
			fmt.Fprintf(t.a.stdout, "  %s%s\n", t.a.paintLevel(word), line)
			continue
		}
		fmt.Fprintf(t.a.stdout, "%s%s\n", findingIndent, line)
	}
	if text["to_do"] != "" { // in one line, so that a command in it can be copied
		fmt.Fprintf(t.a.stdout, "%sto do: %s\n", findingIndent, text["to_do"])
	}
}

func (*findingText) flush() {}

func (*findingText) end() {}

// lines breaks a text where the screen ends, unless it is to be wide.
func (t *findingText) lines(text string) []string {
	if t.a.output == asWideTable {
		return []string{text}
	}
	return wrapped(text, tableWidth-len(findingIndent))
}

// wrapped breaks a text into lines of some width at its spaces. A longer word
// is a line of its own, so that it can be copied.
func wrapped(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Split(text, " ") {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// paintLevel colours the word of a level where colours are wanted.
func (a *app) paintLevel(word string) string {
	colour := map[string]string{levelNames[levelOK]: green, levelNames[levelWarning]: yellow, levelNames[levelError]: red}[strings.TrimSpace(word)]
	if !a.colours || a.noColour {
		return word
	}
	return colour + word + plainColour
}
