package cli

import (
	"fmt"
	"strings"

	"credence/internal/registry"
)

// A selector is conditions on labels, all of which must hold. The zero
// selector holds for everything.
type selector []condition

type condition struct {
	key, value string
	present    bool // any value will do
	not        bool
}

// parseSelector reads conditions separated by commas: tier=gold, tier!=gold,
// tier (has one), !tier (has none).
func parseSelector(text string) (selector, error) {
	var all selector
	for word := range strings.SplitSeq(text, ",") {
		c := condition{key: strings.TrimSpace(word)}
		if key, value, equal := strings.Cut(c.key, "="); equal {
			c.key, c.not = strings.CutSuffix(key, "!")
			c.value = strings.TrimPrefix(value, "=")
		} else {
			c.present = true
			c.key, c.not = strings.CutPrefix(c.key, "!")
		}
		if !registry.IsLabelKey(c.key) || !registry.IsLabelValue(c.value) {
			return nil, fmt.Errorf("%q: want key=value, key!=value, key or !key, separated by commas", word)
		}
		all = append(all, c)
	}
	return all, nil
}

// holds tells whether labels are what is asked for. A key that is not there
// has no value: key!=value holds.
func (s selector) holds(labels registry.Labels) bool {
	for _, c := range s {
		value, there := labels.Get(c.key)
		if fits := there && (c.present || value == c.value); fits == c.not {
			return false
		}
	}
	return true
}
