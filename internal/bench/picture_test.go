package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// drawn reads an SVG: the texts, and the length of each bar. What is no
// well-formed XML fails the test.
func drawn(t *testing.T, text string) (texts []string, lengths map[string][]int) {
	t.Helper()
	lengths = make(map[string][]int)
	decoder := xml.NewDecoder(strings.NewReader(text))
	inText := false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return texts, lengths
		}
		if err != nil {
			t.Fatalf("no well-formed XML: %v\n%s", err, text)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inText = token.Name.Local == "text" || token.Name.Local == "title"
			attributes := make(map[string]string)
			for _, a := range token.Attr {
				attributes[a.Name.Local] = a.Value
			}
			if class := attributes["class"]; token.Name.Local == "rect" && class != "ground" {
				length, err := strconv.Atoi(attributes["width"])
				if err != nil {
					t.Errorf("width of a bar: %v", err)
				}
				lengths[class] = append(lengths[class], length)
			}
			if token.Name.Local == "script" || attributes["href"] != "" {
				t.Errorf("the picture has %s with %v, want neither scripts nor what lies elsewhere", token.Name.Local, attributes)
			}
		case xml.EndElement:
			inText = false
		case xml.CharData:
			if inText {
				texts = append(texts, string(token))
			}
		}
	}
}

func TestPicture(t *testing.T) {
	charts := []chart{
		{title: "CPU, µs a check", bars: []bar{
			{group: "strip: <all>", name: "credence", figure: 20, ours: true},
			{group: "strip: <all>", name: "no-op", figure: 40},
			{group: "denied", name: "credence", figure: 10, ours: true},
		}},
		{title: "Envoy & co", bars: []bar{{name: "nothing", figure: 0}}},
	}
	texts, lengths := drawn(t, newPicture(charts, "on \"this\" machine").String())
	if diff := cmp.Diff([]string{
		"CPU, µs a check; Envoy & co",
		"CPU, µs a check", "strip: <all>", "credence", "20.0", "no-op", "40.0", "denied", "credence", "10.0",
		"Envoy & co", "nothing", "0.0",
		"on \"this\" machine",
	}, texts); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]int{"ours": {longestBar / 2, longestBar / 4}, "bar": {longestBar, 1}}, lengths); diff != "" {
		t.Errorf("bars (-want +got):\n%s", diff)
	}
}

// Nothing reaches over the edge of the picture, or over what follows it.
func TestPictureHasRoom(t *testing.T) {
	p := newPicture([]chart{{title: "t", bars: []bar{{"g", "no-op, answer of strip: all", 1234.5, true}, {"g", "b", 1, false}}}}, "note")
	last := 0
	for _, l := range append(p.Lines, p.Note) {
		if l.Y < last || l.Baseline > p.Height || l.IsBar() && l.End+60 > p.Width {
			t.Errorf("%+v does not fit %d x %d below %d", l, p.Width, p.Height, last)
		}
		// A letter is narrower than 7 px at 13 px.
		if l.IsBar() && l.X-7*len(l.Text) < 0 {
			t.Errorf("%q does not fit left of its bar", l.Text)
		}
		last = l.Y + lineHeight
		if l.Class == "title" {
			last = l.Y + titleHeight
		}
	}
}
