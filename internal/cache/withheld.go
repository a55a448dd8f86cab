package cache

import (
	"fmt"
	"maps"
	"slices"

	"credence/internal/registry"
)

// A withheld is the records that lost changes had named, until a change names
// them again: what they say may be from before. The zero withheld is none.
type withheld struct {
	refs map[registry.Ref]bool // true: it is; false: it was named since, though all are
	all  bool                  // a lost change may have been about anything
}

// holds tells whether a record is withheld.
func (w *withheld) holds(ref registry.Ref) bool {
	held, named := w.refs[ref]
	return held || w.all && !named
}

func (w *withheld) set(ref registry.Ref, held bool) {
	if w.refs == nil {
		w.refs = make(map[registry.Ref]bool)
	}
	w.refs[ref] = held
}

// forgetNamed forgets what was named since.
func (w *withheld) forgetNamed() {
	maps.DeleteFunc(w.refs, func(_ registry.Ref, held bool) bool { return !held })
}

// keys gives what is withheld; a star is everything.
func (w *withheld) keys() []string {
	var keys []string
	for ref, held := range w.refs {
		if held {
			keys = append(keys, ref.Key())
		}
	}
	if w.all {
		keys = append(keys, "*")
	}
	slices.Sort(keys)
	return keys
}

// withhold withholds what a lost change had named.
func (c *Cache) withhold(change registry.Change) {
	if change.Everything() {
		c.withheld.forgetNamed()
		c.withheld.all = true
	}
	for _, key := range change.Keys {
		if ref, ok := registry.ParseRef(key); ok {
			c.withheld.set(ref, true)
		}
	}
}

// release releases what a change names. A flush names everything for which no
// lost change had a name.
func (c *Cache) release(change registry.Change) {
	if change.Everything() && c.withheld.all {
		c.withheld.forgetNamed()
		c.withheld.all = false
	}
	for _, key := range change.Keys {
		ref, ok := registry.ParseRef(key)
		switch {
		case !ok:
		case c.withheld.all:
			c.withheld.set(ref, false)
		default:
			delete(c.withheld.refs, ref)
		}
	}
}

// refuse says which of the records that a fact is found by is withheld. By what
// kinds of digest tokens are found the root says: it is withheld with them.
func (c *Cache) refuse(refs []registry.Ref) error {
	asked := refs
	if refs[0].Kind == registry.TokenKind {
		asked = append([]registry.Ref{registry.RootRef}, refs...)
	}
	for _, ref := range asked {
		if c.withheld.holds(ref) {
			return fmt.Errorf("cache: %s: %w: %w", ref.Kind, registry.ErrUnavailable, ErrWithheld)
		}
	}
	return nil
}
