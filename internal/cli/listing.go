package cli

import (
	"strconv"
	"time"

	"credence/internal/registrar"
	"credence/internal/registry"
)

// A column is one of a table of records.
type column[R registry.Record] struct {
	title string
	kind  columnKind
	cell  func(record R, now time.Time) string
}

type columnKind uint8

const (
	fixed    columnKind = iota
	shrinks             // may be cut where the table would be too wide
	wideOnly            // is in wide tables only
)

// list writes records in the format that was asked for. Those that keep gives
// false for are left out. It gives how many were written.
func list[R registry.Record](a *app, items registrar.Items, columns []column[R], keep func(R) bool) (int, error) {
	shown := columns[:0:0]
	var headings []heading
	for _, c := range columns {
		if c.kind == wideOnly && a.output != asWideTable {
			continue
		}
		top := heading{title: c.title, shrink: c.kind == shrinks}
		if c.title == "STATE" {
			top.paint = a.paintState
		}
		shown, headings = append(shown, c), append(headings, top)
	}
	out := a.newSink(headings)
	written := 0
	for item, err := range items {
		if err != nil {
			out.end() // what was found is shown
			return written, err
		}
		record, valid := item.Record.(R)
		if valid && !keep(record) {
			continue
		}
		row := make([]string, len(shown))
		for i, c := range shown {
			row[i] = cellOf(c, item, record, a.now())
		}
		out.add(documentOf(item.Kind, item.Name(), item.Fields), row)
		written++
		if !valid {
			a.say("warning: %s is invalid and denies every request that needs it: %s", item.Name(), plain(item.Invalid))
		}
	}
	out.end()
	return written, nil
}

// cellOf gives the text of a cell. Of a record that cannot be read there is
// its name, and that it is invalid.
func cellOf[R registry.Record](c column[R], item registrar.Item, record R, now time.Time) string {
	switch {
	case item.Invalid == nil:
		return printable(c.cell(record, now))
	case c.title == "NAME":
		return printable(item.ID)
	case c.title == "STATE":
		return "invalid"
	}
	return "?"
}

// networks shows an allowlist in a few characters: the first network, and how
// many more there are.
func networks(n registry.Networks, wide bool) string {
	prefixes := n.Prefixes()
	switch {
	case len(prefixes) == 0:
		return unset["allow"]
	case wide || len(prefixes) == 1:
		return n.String()
	}
	return prefixes[0].String() + " +" + strconv.Itoa(len(prefixes)-1)
}
