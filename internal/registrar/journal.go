package registrar

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"credence/internal/registry"
)

// A Told is a change with the names of the records that it is about.
type Told struct {
	registry.Change
	Subjects []Subject // as Change.Keys
}

// A Subject is a record that a change is about.
type Subject struct {
	Name   string            // client/acme; the key, where that is not the key of a record that is there
	Client registry.ClientID // whose token, key or binding it is; else empty
}

// A Selection says which changes are told.
type Selection struct {
	Since time.Time // by Redis' clock; zero: from the oldest that is kept
	Last  int       // of those, the newest; below zero: all
	// Of are names of records: token/<id>, key/acme/k1, profile/partner, and
	// client/acme, with which its tokens, keys and bindings go. None: all. What
	// may have changed everything is always told.
	Of []string
}

// takes tells whether a change is among what is wanted, time and number apart.
func (s Selection) takes(told Told) bool {
	if len(s.Of) == 0 || told.Everything() {
		return true
	}
	return slices.ContainsFunc(told.Subjects, func(subject Subject) bool {
		return slices.Contains(s.Of, subject.Name) ||
			subject.Client != "" && slices.Contains(s.Of, Name(registry.ClientRef(subject.Client)))
	})
}

// A Journal reads the change feed for people: who did what, when and why.
type Journal struct {
	registrar *Registrar
	selection Selection
	position  registry.Position // of the last change that was read
}

// Journal makes a journal of some changes. Nothing is read yet.
func (r *Registrar) Journal(selection Selection) *Journal {
	return &Journal{registrar: r, selection: selection}
}

// Changes are told as they are walked, and end with the first error.
type Changes iter.Seq2[Told, error]

// Past tells of what has happened, oldest first. It is read page by page; only
// of the newest so many (Selection.Last), those are held in memory.
func (j *Journal) Past(ctx context.Context) Changes {
	return func(yield func(Told, error) bool) {
		if _, err := j.registrar.Root(ctx); err != nil {
			yield(Told{}, err)
			return
		}
		newest, err := j.registrar.store.ChangesBefore(ctx, "", 1)
		if err != nil {
			yield(Told{}, err)
			return
		}
		if len(newest) > 0 {
			j.position = newest[0].Position()
		}
		if j.selection.Last < 0 {
			j.forward(ctx, j.floor(), yield)
			return
		}
		last, err := j.newest(ctx)
		if err != nil {
			yield(Told{}, err)
			return
		}
		for _, told := range slices.Backward(last) {
			if !yield(told, nil) {
				return
			}
		}
	}
}

// floor gives the entry behind which the selection begins.
func (j *Journal) floor() string {
	if j.selection.Since.IsZero() {
		return ""
	}
	return registry.EntryBefore(j.selection.Since)
}

// forward tells of all changes behind an entry, and moves the position. It
// tells whether to go on.
func (j *Journal) forward(ctx context.Context, entry string, yield func(Told, error) bool) bool {
	for {
		changes, err := j.registrar.store.ChangesAfter(ctx, entry, page)
		if err != nil {
			yield(Told{}, err)
			return false
		}
		if len(changes) == 0 {
			return true
		}
		if !j.pass(ctx, changes, yield) {
			return false
		}
		entry = j.position.Entry
	}
}

// pass tells of the changes that are wanted, and moves the position behind
// them.
func (j *Journal) pass(ctx context.Context, changes []registry.Change, yield func(Told, error) bool) bool {
	all, err := j.registrar.name(ctx, changes)
	if err != nil {
		yield(Told{}, err)
		return false
	}
	for _, told := range all {
		if j.selection.takes(told) && !yield(told, nil) {
			return false
		}
	}
	j.position = changes[len(changes)-1].Position()
	return true
}

// newest collects the newest changes that are wanted, newest first.
func (j *Journal) newest(ctx context.Context) ([]Told, error) {
	var found []Told
	since := j.selection.Since.Truncate(time.Millisecond)
	for entry := ""; len(found) < j.selection.Last; {
		changes, err := j.registrar.store.ChangesBefore(ctx, entry, page)
		if err != nil {
			return nil, err
		}
		older := slices.IndexFunc(changes, func(c registry.Change) bool { return c.Told().Before(since) })
		if older >= 0 {
			changes = changes[:older]
		}
		all, err := j.registrar.name(ctx, changes)
		if err != nil {
			return nil, err
		}
		for _, told := range all {
			if j.selection.takes(told) && len(found) < j.selection.Last {
				found = append(found, told)
			}
		}
		if older >= 0 || len(changes) == 0 {
			break
		}
		entry = changes[len(changes)-1].Entry
	}
	return found, nil
}

// Follow tells of what happens behind what was read, as it happens, until ctx
// ends. That changes were lost (registry.ErrGap: the stream was cut, emptied
// or restored) is told as an error and does not end it; any other error does.
func (j *Journal) Follow(ctx context.Context, feed registry.Feed) Changes {
	return func(yield func(Told, error) bool) {
		for {
			round, err := feed.Next(ctx, j.position)
			switch {
			case ctx.Err() != nil:
				return
			case errors.Is(err, registry.ErrGap):
				if !yield(Told{}, err) || !j.catchUp(ctx, yield) {
					return
				}
			case err != nil:
				yield(Told{}, err)
				return
			case len(round.Changes) > 0 && !j.pass(ctx, round.Changes, yield):
				return
			}
		}
	}
}

// catchUp tells of what there still is behind a position that is gone, and
// goes to the end of the stream. It tells whether to go on.
func (j *Journal) catchUp(ctx context.Context, yield func(Told, error) bool) bool {
	newest, err := j.registrar.store.ChangesBefore(ctx, "", 1)
	if err != nil {
		yield(Told{}, err)
		return false
	}
	gone := j.position.Entry
	j.position = registry.Position{}
	if len(newest) > 0 {
		j.position = newest[0].Position()
	}
	return j.forward(ctx, gone, yield)
}

// name finds the names of what changes are about.
func (r *Registrar) name(ctx context.Context, changes []registry.Change) ([]Told, error) {
	var refs []registry.Ref
	asked := make(map[registry.Ref]bool)
	for _, change := range changes {
		for _, key := range change.Keys {
			if ref, ok := registry.ParseRef(key); ok && isNamedByRecord(ref) && !asked[ref] {
				refs, asked[ref] = append(refs, ref), true
			}
		}
	}
	records := make(map[registry.Ref]registry.Record, len(refs))
	for some := range slices.Chunk(refs, page) {
		entries, err := r.store.Read(ctx, some...)
		if err != nil {
			return nil, err
		}
		for i, entry := range entries {
			records[some[i]] = entry.Record
		}
	}
	all := make([]Told, len(changes))
	for i, change := range changes {
		all[i] = Told{change, make([]Subject, len(change.Keys))}
		for k, key := range change.Keys {
			all[i].Subjects[k] = subjectOf(key, records)
		}
	}
	return all, nil
}

// isNamedByRecord tells what has to be read for its name, or to know whose it is.
func isNamedByRecord(ref registry.Ref) bool {
	return ref.Kind == registry.TokenKind || ref.Kind == registry.BindingKind
}

func subjectOf(key string, records map[registry.Ref]registry.Record) Subject {
	ref, ok := registry.ParseRef(key)
	switch record := records[ref].(type) {
	case *registry.Token:
		return Subject{nameOf(record), record.Client}
	case *registry.Binding:
		return Subject{nameOf(record), record.Client}
	}
	switch {
	case !ok || ref.Kind == registry.TokenKind:
		return Subject{Name: key}
	case ref.Kind == registry.KeyKind:
		client, _ := ref.OfKey()
		return Subject{Name(ref), client}
	}
	return Subject{Name: Name(ref)}
}
