package registrar

import (
	"context"
	"errors"
	"fmt"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// A Registrar works on one registry.
type Registrar struct {
	store   registry.Store
	options Options
}

// Options say what a Registrar works with.
type Options struct {
	// Peppers make the digests that new tokens are stored by.
	Peppers credential.Peppers
	// Digests, where set, are all the kinds of digest that servers accept: a
	// token is not issued that none would know.
	Digests []credential.DigestKind
	// RegistryID, where set, is the only registry that is worked on.
	RegistryID string
	// Now is the clock; nil: time.Now. Records keep whole seconds of it.
	Now func() time.Time
}

// New makes a Registrar over a store.
func New(store registry.Store, options Options) *Registrar {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Registrar{store, options}
}

func (r *Registrar) now() time.Time { return r.options.Now().UTC().Truncate(time.Second) }

// An Author is who does something to a registry, and why. Both are kept in the
// change feed, and in records that have a place for them.
type Author struct {
	By     string // empty where unknown
	Reason string // empty where nothing was said
}

func (a Author) annotation(now time.Time) registry.Annotation {
	return registry.Annotation{By: a.By, At: now, Reason: a.Reason}
}

// An Outcome is what an operation has done to one record.
type Outcome struct {
	Edit     registry.Edit     // what the record was, and what it is now
	Commit   registry.Commit   // no edits: it was so already, and nothing was done
	Position registry.Position // zero where nothing was done, and in a dry run
}

// Changed tells whether anything had to be done.
func (o Outcome) Changed() bool { return len(o.Commit.Edits) > 0 }

// Name gives the name of the record: client/acme.
func (o Outcome) Name() string { return nameOf(o.Edit.Now) }

// Fields gives the record as it stands there now, fields of others too.
func (o Outcome) Fields() registry.Fields { return fieldsAfter(o.Edit) }

const (
	// opDelete is the operation that may meet what is deleted.
	opDelete = "delete"
	opAdd    = "add"
	opRemove = "remove"
	opRevoke = "revoke"
)

// tries is how often an operation is begun before it gives up against others
// who keep changing the same record.
const tries = 5

// commit plans edits from what stands in the registry and commits them, anew if
// another was quicker. A plan without edits is done already.
func (r *Registrar) commit(ctx context.Context, as Author, op string, plan func(now time.Time) ([]registry.Edit, error)) (registry.Commit, registry.Position, error) {
	return r.carryOut(ctx, as, op, func(now time.Time) (registry.Commit, error) {
		edits, err := plan(now)
		return registry.Commit{Edits: edits}, err
	})
}

// carryOut is commit for what edits and revokes.
func (r *Registrar) carryOut(ctx context.Context, as Author, op string, plan func(now time.Time) (registry.Commit, error)) (registry.Commit, registry.Position, error) {
	for try := 1; ; try++ {
		now := r.now()
		commit, err := plan(now)
		if err != nil || len(commit.Edits)+len(commit.Revoke) == 0 {
			return registry.Commit{}, registry.Position{}, err
		}
		commit.Op, commit.By, commit.Note, commit.At = op, as.By, as.Reason, now
		position, err := r.store.Commit(ctx, commit)
		if err == nil {
			return commit, position, nil
		}
		if errors.Is(err, registry.ErrUnavailable) {
			return registry.Commit{}, registry.Position{}, fmt.Errorf("%w: %w", ErrUncertain, err)
		}
		lost := errors.Is(err, registry.ErrConflict) || errors.Is(err, registry.ErrExists)
		if !lost || try == tries {
			return registry.Commit{}, registry.Position{}, err
		}
	}
}

// create makes a record where there is none.
func (r *Registrar) create(ctx context.Context, as Author, op string, build func(now time.Time) (registry.Record, error)) (Outcome, error) {
	var edit registry.Edit
	commit, position, err := r.commit(ctx, as, op, func(now time.Time) ([]registry.Edit, error) {
		record, err := build(now)
		if err != nil {
			return nil, err
		}
		edit = registry.Edit{Now: record}
		ref := edit.Now.Ref()
		_, entries, err := r.read(ctx, ref)
		if err != nil {
			return nil, err
		}
		if err := vacant(ref, entries[0]); err != nil {
			return nil, err
		}
		return []registry.Edit{edit}, nil
	})
	return Outcome{edit, commit, position}, err
}

// vacant tells whether a record may be made. What was deleted still stands
// there, so that its id is never used again.
func vacant(ref registry.Ref, entry registry.Entry) error {
	name := Name(ref)
	switch {
	case isRevokedKey(entry.Record):
		return &Refusal{name, "is revoked, and a kid is never used again: choose another", registry.ErrExists}
	case stateOf(entry.Record) == registry.Deleted:
		return &Refusal{name, "was deleted, and an id is never used again: choose another", registry.ErrExists}
	case entry.Record != nil || entry.Invalid != nil:
		return &Refusal{name, "exists already", registry.ErrExists}
	}
	return nil
}

func isRevokedKey(record registry.Record) bool {
	key, ok := record.(*registry.Key)
	return ok && key.State == registry.Revoked
}

// alter changes one record. The function gives the record as it should be, or
// the one that it was given where nothing has to be done.
func (r *Registrar) alter(ctx context.Context, as Author, op string, ref registry.Ref, name string, change func(registry.Record, time.Time) (registry.Record, error)) (Outcome, error) {
	var edit registry.Edit
	commit, position, err := r.commit(ctx, as, op, func(now time.Time) ([]registry.Edit, error) {
		_, entries, err := r.read(ctx, ref)
		if err != nil {
			return nil, err
		}
		entry := entries[0]
		if err := alterable(name, op, entry); err != nil {
			return nil, err
		}
		record, err := change(entry.Record, now)
		if err != nil {
			return nil, err
		}
		edit = registry.Edit{Was: entry, Now: record}
		if record == entry.Record {
			return nil, nil
		}
		return []registry.Edit{edit}, nil
	})
	return Outcome{edit, commit, position}, err
}

// alterable tells whether a record is there to be worked on. Deleting what is
// deleted changes nothing, and is no error.
func alterable(name, op string, entry registry.Entry) error {
	switch {
	case entry.Invalid != nil:
		return &Refusal{name, fmt.Sprintf("its record is invalid and denies every request that needs it; mend the field first (%v)", entry.Invalid), entry.Invalid}
	case entry.Record == nil:
		return noSuch(name)
	case stateOf(entry.Record) == registry.Deleted && op != opDelete:
		return &Refusal{name, "is deleted, and stays so", ErrDeleted}
	}
	return nil
}

// stateOf gives the state of a client or profile.
func stateOf(record registry.Record) registry.State {
	switch record := record.(type) {
	case *registry.Client:
		return record.State
	case *registry.Profile:
		return record.State
	}
	return registry.NoState
}
