package registrar

import (
	"context"
	"errors"
	"slices"

	"credence/internal/credential"
	"credence/internal/registry"
)

// lookAtSet tells of members of a set of ids whose records are not there.
func (a *Audit) lookAtSet(ctx context.Context, set string, refOf func(id string) (registry.Ref, error)) {
	a.walkSet(ctx, set, func(members []string) {
		var refs []registry.Ref
		for _, member := range members {
			ref, err := refOf(member)
			if err != nil {
				a.tell(Fault{Kind: Unreadable, Key: set, Err: registry.BadMember(set, member, err)})
				continue
			}
			refs = append(refs, ref)
		}
		entries, err := a.registrar.store.Read(ctx, refs...)
		if err != nil {
			a.fail(err)
			return
		}
		for i, entry := range entries {
			if entry.Absent() {
				a.tell(Fault{Kind: NoRecord, Key: set, Other: refs[i].Key()})
			}
		}
	})
}

// walkSet gives the members of a set page by page. A set that has become
// something else meanwhile has none.
func (a *Audit) walkSet(ctx context.Context, set string, look func(members []string)) {
	if a.stopped {
		return
	}
	for members, err := range a.registrar.store.Members(ctx, set) {
		switch {
		case errors.Is(err, registry.ErrInvalid):
			return
		case err != nil:
			a.fail(err)
		}
		for some := range slices.Chunk(members, page) {
			if !a.stopped {
				look(some)
			}
		}
		if a.stopped {
			return
		}
	}
}

// lookAtIDs looks at where ids of tokens lead.
func (a *Audit) lookAtIDs(ctx context.Context, ids []credential.TokenID) {
	for _, led := range a.lead(ctx, ids) {
		key := registry.TokenIDKey(led.id)
		switch token, ok := led.entry.Record.(*registry.Token); {
		case led.value == "": // it is gone meanwhile
		case led.err != nil:
			a.tell(Fault{Kind: Unreadable, Key: key, Err: led.err})
		case led.entry.Absent():
			a.tell(Fault{Kind: NoRecord, Key: key, Other: led.ref.Key()})
		case ok && token.ID != led.id:
			a.tell(Fault{Kind: Misled, Key: key, Name: tokenName(led.id), Other: tokenName(token.ID)})
		}
	}
}

// A led id is one of a token, and where it leads.
type led struct {
	id    credential.TokenID
	value string // as it stands there; empty: there is none
	ref   registry.Ref
	entry registry.Entry
	err   error // of a value that leads nowhere
}

// lead goes where ids of tokens lead.
func (a *Audit) lead(ctx context.Context, ids []credential.TokenID) []led {
	if a.stopped || len(ids) == 0 {
		return nil
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = registry.TokenIDKey(id)
	}
	values, err := a.registrar.store.Values(ctx, names...)
	if err != nil {
		a.fail(err)
		return nil
	}
	all := make([]led, len(ids))
	var refs []registry.Ref
	for i, id := range ids {
		all[i] = led{id: id, value: values[i]}
		if values[i] == "" {
			continue
		}
		digest, err := registry.ParseTokenIDValue(id, values[i])
		if err != nil {
			all[i].err = err
			continue
		}
		all[i].ref = registry.TokenRef(digest)
		refs = append(refs, all[i].ref)
	}
	entries, err := a.registrar.store.Read(ctx, refs...)
	if err != nil {
		a.fail(err)
		return nil
	}
	for i := range all {
		if all[i].ref != (registry.Ref{}) {
			all[i].entry, entries = entries[0], entries[1:]
		}
	}
	return all
}
