package main

import (
	"encoding/xml"
	"fmt"
	"strings"
	"text/template"
)

// What a picture measures, in pixels.
const (
	pictureWidth = 760
	margin       = 24
	labelWidth   = 190 // left of all bars
	longestBar   = 440
	barHeight    = 16
	lineHeight   = 24 // of a bar, and of the name of a group
	titleHeight  = 36
	roomForNote  = 20 // below all charts
)

// A picture is charts as a scalable vector graphic (SVG), which asks nothing of
// the page that shows it: it has a ground of its own, a dark one where the
// reader prefers that, no scripts and no fonts but the reader's.
type picture struct {
	Width, Height int
	Name          string // for who cannot see it
	Lines         []line
	Note          line
}

// A line is a text of a picture, or a bar with its name and figure.
type line struct {
	Class          string // title, group, bar, ours, note
	X, Y, Baseline int
	Text           string

	Left, Length, End, Height int    // of a bar
	Figure                    string // beside it
}

// newPicture places charts below each other. The note says where the figures
// come from.
func newPicture(charts []chart, note string) picture {
	p := picture{Width: pictureWidth}
	y := margin
	var titles []string
	for _, c := range charts {
		titles = append(titles, c.title)
		p.text("title", c.title, y)
		y += titleHeight
		group := ""
		for _, b := range c.bars {
			if b.group != group {
				group = b.group
				p.text("group", group, y)
				y += lineHeight
			}
			p.bar(b, c.longest(), y)
			y += lineHeight
		}
		y += margin
	}
	p.Note = line{Class: "note", X: margin, Y: y, Baseline: y + barHeight - 4, Text: note}
	p.Height = y + roomForNote + margin/2
	p.Name = strings.Join(titles, "; ")
	return p
}

func (p *picture) text(class, text string, y int) {
	p.Lines = append(p.Lines, line{Class: class, X: margin, Y: y, Baseline: y + barHeight - 4, Text: text})
}

// bar places a bar; the longest of its chart is as long as there is room.
func (p *picture) bar(b bar, longest float64, y int) {
	const left, gap = margin + labelWidth, 8
	length := 0
	if longest > 0 {
		length = int(b.figure / longest * longestBar)
	}
	class := "bar"
	if b.ours {
		class = "ours"
	}
	p.Lines = append(p.Lines, line{
		Class: class, X: left - gap, Y: y, Baseline: y + barHeight - 4, Text: b.name,
		Left: left, Length: max(1, length), End: left + length + gap, Height: barHeight, Figure: fmt.Sprintf("%.1f", b.figure),
	})
}

// GroundWidth is the width of what is behind all, without half a line at both
// sides.
func (p picture) GroundWidth() int { return p.Width - 1 }

// GroundHeight is its height.
func (p picture) GroundHeight() int { return p.Height - 1 }

// IsBar tells whether there is a bar beside the text.
func (l line) IsBar() bool { return l.Class == "bar" || l.Class == "ours" }

// String gives the text of the SVG.
func (p picture) String() string {
	var b strings.Builder
	if err := svg.Execute(&b, p); err != nil {
		panic(err) // the template is ours, and a builder takes all
	}
	return b.String()
}

// escaped gives a text as it stands in XML.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes all
	return b.String()
}

var svg = template.Must(template.New("svg").Funcs(template.FuncMap{"escaped": escaped}).Parse(
	`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{.Width}} {{.Height}}" width="{{.Width}}" height="{{.Height}}" role="img">
<title>{{escaped .Name}}</title>
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.group, .note { fill: #57606a }
.name { text-anchor: end }
rect.ground { fill: #ffffff; stroke: #d0d7de }
rect.bar { fill: #8c959f }
rect.ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.group, .note { fill: #9198a1 }
rect.ground { fill: #161b22; stroke: #3d444d }
rect.bar { fill: #6e7681 }
rect.ours { fill: #4493f8 }
}
</style>
<rect class="ground" x="0.5" y="0.5" width="{{.GroundWidth}}" height="{{.GroundHeight}}" rx="6"/>
{{- range .Lines}}
{{- if .IsBar}}
<text class="name" x="{{.X}}" y="{{.Baseline}}">{{escaped .Text}}</text>
<rect class="{{.Class}}" x="{{.Left}}" y="{{.Y}}" width="{{.Length}}" height="{{.Height}}" rx="2"/>
<text x="{{.End}}" y="{{.Baseline}}">{{.Figure}}</text>
{{- else}}
<text class="{{.Class}}" x="{{.X}}" y="{{.Baseline}}">{{escaped .Text}}</text>
{{- end}}
{{- end}}
<text class="note" x="{{.Note.X}}" y="{{.Note.Baseline}}">{{escaped .Note.Text}}</text>
</svg>
`))
