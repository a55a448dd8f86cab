package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTablesFitTheScreen(t *testing.T) {
	long := strings.Repeat("n", 63)
	columns := []heading{{title: "NAME"}, {title: "ALLOW", shrink: true}, {title: "LABELS", shrink: true}, {title: "AGE"}}
	tests := []struct {
		name   string
		output format
		row    []string
		want   string
	}{
		{"short", asTable, []string{"acme", "any", "<none>", "3d"}, "acme  any    <none>  3d"},
		{
			"the widest is cut first", asTable, []string{"acme", strings.Repeat("a", 70), strings.Repeat("ü", 30), "3d"},
			"acme  " + strings.Repeat("a", 36) + "…  " + strings.Repeat("ü", 30) + "  3d",
		},
		{"a name is never cut", asTable, []string{long, "10.0.0.0/8", "tier=gold", "3d"}, long + "  10.0.…  tier=…  3d"},
		{"wide", asWideTable, []string{long, "10.0.0.0/8", "tier=gold", "3d"}, long + "  10.0.0.0/8  tier=gold  3d"},
	}
	for _, test := range tests {
		var b bytes.Buffer
		a := &app{stdout: &b, settings: settings{output: test.output}}
		table := newTable(a, columns)
		table.add(document{}, test.row)
		table.end()
		lines := strings.Split(b.String(), "\n")
		if len(lines) != 3 || lines[1] != test.want {
			t.Errorf("%s:\ngot  %q\nwant %q", test.name, lines[1:], test.want)
		}
		if !strings.HasPrefix(lines[0], "NAME ") || !strings.HasSuffix(lines[0], "AGE") {
			t.Errorf("%s: headings: got %q", test.name, lines[0])
		}
		if width := utf8.RuneCountInString(lines[1]); test.output == asTable && width > tableWidth && len(test.row[0]) < 60 {
			t.Errorf("%s: %d columns wide: want %d at most", test.name, width, tableWidth)
		}
	}
}

func TestLongTablesComePageByPage(t *testing.T) {
	var b bytes.Buffer
	table := newTable(&app{stdout: &b}, []heading{{title: "NAME"}, {title: "AGE"}})
	for i := range 2*tableRows + 1 {
		if i == tableRows+1 && b.Len() == 0 {
			t.Fatal("the first page was held back")
		}
		table.add(document{}, []string{fmt.Sprintf("c%d", i), "1s"})
	}
	table.end()
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 2*tableRows+2 || strings.Count(b.String(), "NAME") != 1 {
		t.Errorf("got %d lines and %d headings, want %d and 1", len(lines), strings.Count(b.String(), "NAME"), 2*tableRows+2)
	}
}

func TestEmptyTableIsSilent(t *testing.T) {
	var b bytes.Buffer
	newTable(&app{stdout: &b}, []heading{{title: "NAME"}}).end()
	if b.Len() > 0 {
		t.Errorf("got %q", b.String())
	}
}

func TestColoursRepeatTheWord(t *testing.T) {
	for _, test := range []struct {
		colours, off bool
		want         string
	}{
		{true, false, "NAME  STATE\nacme  \x1b[33mdisabled\x1b[0m\n"},
		{false, false, "NAME  STATE\nacme  disabled\n"},
		{true, true, "NAME  STATE\nacme  disabled\n"},
	} {
		var b bytes.Buffer
		a := &app{stdout: &b, colours: test.colours, settings: settings{noColour: test.off}}
		table := newTable(a, []heading{{title: "NAME"}, {title: "STATE", paint: a.paintState}})
		table.add(document{}, []string{"acme", "disabled"})
		table.end()
		if b.String() != test.want {
			t.Errorf("colours %v, --no-color %v: got %q, want %q", test.colours, test.off, b.String(), test.want)
		}
	}
}
