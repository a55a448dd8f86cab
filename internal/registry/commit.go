package registry

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// MaxEdits is how many records one commit may change. Larger work runs in
// ordered commits, restrictions first.
const MaxEdits = 500

// A Commit is edits that happen together, and what people are told of them.
type Commit struct {
	Edits  []Edit
	Revoke []Revocation // JWTs to be revoked; what may be forgotten is
	Op     string       // a word for people: disable, issue …
	By     string       // who; empty where unknown
	Note   string       // why; empty where nothing was said
	At     time.Time    // when, by the writer's clock
}

// An Edit turns what stood under a ref into something else. Was is the entry
// as it was read: a commit fails if it stands there no longer. The zero Was
// creates.
type Edit struct {
	Was Entry
	Now Record
}

// A Write is an edit as a store carries it out.
type Write struct {
	Ref    Ref
	Record Record
	Expect Fields   // what must stand there; nil: nothing
	Set    Fields   // fields to write
	Unset  []string // fields to remove, sorted
	Left   Index    // where it is listed no longer; zero: nowhere
}

// Creates tells whether the write makes a record.
func (w Write) Creates() bool { return w.Expect == nil }

// Index gives the index to write besides: that of a record that is created, or
// is listed elsewhere from now on.
func (w Write) Index() Index {
	if !w.Creates() && w.Left == (Index{}) {
		return Index{}
	}
	return IndexOf(w.Record)
}

// Writes checks a commit and turns it into writes. What Parse would not read
// back is ErrInvalid: no store writes it.
func (c Commit) Writes() ([]Write, error) {
	n := len(c.Edits) + len(c.Revoke)
	if n == 0 || n > MaxEdits {
		return nil, fmt.Errorf("registry: commit of %d edits: want 1 to %d", n, MaxEdits)
	}
	writes := make([]Write, 0, len(c.Edits))
	seen := make(map[string]bool, n)
	for _, edit := range c.Edits {
		w, err := edit.write(c.At)
		if err != nil {
			return nil, err
		}
		for _, key := range w.keys() {
			if seen[key] {
				return nil, fmt.Errorf("registry: commit: %s is written twice", key)
			}
			seen[key] = true
		}
		writes = append(writes, w)
	}
	for _, r := range c.Revoke {
		jti := r.JTI.String()
		if seen[jti] {
			return nil, fmt.Errorf("registry: commit: %s is revoked twice", jti)
		}
		seen[jti] = true
	}
	return writes, nil
}

// keys gives the keys that only one write of a commit can be about.
func (w Write) keys() []string {
	if name := w.Index().Name; name != "" {
		return []string{w.Ref.Key(), name}
	}
	return []string{w.Ref.Key()}
}

func (e Edit) write(at time.Time) (Write, error) {
	fields := e.Now.Fields()
	w := Write{Ref: e.Now.Ref(), Record: e.Now, Set: Fields{}}
	if _, err := Parse(w.Ref, fields, at); err != nil {
		return Write{}, err
	}
	if len(e.Was.Fields) > 0 {
		w.Expect = e.Was.Fields
	}
	if e.Was.Record != nil && !w.Creates() && IndexOf(e.Was.Record) != IndexOf(e.Now) {
		if w.Ref.Kind != BindingKind {
			return Write{}, &FieldError{w.Ref.Key(), "", "what it is listed under cannot change"}
		}
		w.Left = IndexOf(e.Was.Record)
	}
	was := e.was()
	for field, text := range fields {
		if was[field] != text {
			w.Set[field] = text
		}
	}
	if w.Ref == RootRef {
		delete(w.Set, "seq") // counted by the store
	}
	for _, field := range slices.Sorted(maps.Keys(was)) {
		if _, kept := fields[field]; !kept && !isForeignField(field) {
			w.Unset = append(w.Unset, field)
		}
	}
	return w, nil
}

// was gives the fields before the edit as we would have written them, so that
// what an edit leaves alone is not rewritten in our spelling. Of an edit that
// creates there are none.
func (e Edit) was() Fields {
	if e.Was.Record != nil && len(e.Was.Fields) > 0 {
		return e.Was.Record.Fields()
	}
	return e.Was.Fields
}

// Restricts tells whether a commit does nothing but switch off: every edit
// gives a state that allows nothing, and changes besides only what says who,
// when and why; to revoke JWTs is no more than that. Such a commit must succeed even where Redis is full.
func (c Commit) Restricts() bool {
	for _, edit := range c.Edits {
		if !edit.restricts() {
			return false
		}
	}
	return len(c.Edits)+len(c.Revoke) > 0
}

var annotations = map[string]bool{"state": true, "state_by": true, "state_at": true, "state_reason": true, "updated_at": true}

func (e Edit) restricts() bool {
	was, now := e.was(), e.Now.Fields()
	if len(was) == 0 || now["state"] == Active.String() {
		return false
	}
	for field, text := range now {
		if was[field] != text && !annotations[field] {
			return false
		}
	}
	for field := range was {
		if _, kept := now[field]; !kept && !annotations[field] && !isForeignField(field) {
			return false
		}
	}
	return true
}
