package main

// A chart is figures that are drawn as bars, all of one unit.
type chart struct {
	title string // with the unit
	bars  []bar
}

// A bar is one figure. Bars of a group stand together.
type bar struct {
	group, name string
	figure      float64
	ours        bool // of credence
}

// longest gives the largest figure.
func (c chart) longest() float64 {
	var most float64
	for _, b := range c.bars {
		most = max(most, b.figure)
	}
	return most
}
