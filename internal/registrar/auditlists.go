package registrar

import (
	"context"

	"credence/internal/credential"
	"credence/internal/registry"
)

// A list is a set that names what a client has.
type list struct {
	of     registry.RecordKind // tokens, keys or bindings
	client registry.ClientID
	key    string
}

// lookAtLists looks at the lists of what clients have.
func (a *Audit) lookAtLists(ctx context.Context, lists []list) {
	if a.stopped || len(lists) == 0 {
		return
	}
	refs := make([]registry.Ref, len(lists))
	for i, list := range lists {
		refs[i] = registry.ClientRef(list.client)
	}
	entries, err := a.registrar.store.Read(ctx, refs...)
	if err != nil {
		a.fail(err)
		return
	}
	for i, list := range lists {
		if entries[i].Absent() {
			a.tell(Fault{Kind: NoRecord, Key: list.key, Other: refs[i].Key()})
		}
		a.walkSet(ctx, list.key, func(members []string) {
			if list.of == registry.TokenKind {
				a.lookAtListedTokens(ctx, list, members)
			} else {
				a.lookAtListed(ctx, list, members)
			}
		})
	}
}

// lookAtListedTokens looks at tokens that are listed as those of a client.
func (a *Audit) lookAtListedTokens(ctx context.Context, list list, members []string) {
	for _, led := range a.lead(ctx, listedIn(a, list, members, credential.ParseTokenID)) {
		switch token, ok := led.entry.Record.(*registry.Token); {
		case led.value == "":
			a.tell(Fault{Kind: NoRecord, Key: list.key, Other: registry.TokenIDKey(led.id)})
		case ok && token.Client != list.client && token.ID == led.id:
			a.tell(Fault{Kind: ListsForeign, Key: list.key, Name: tokenName(led.id), Other: registry.ClientRef(token.Client).Key()})
		}
	}
}

// lookAtListed looks at keys or bindings that are listed as those of a client.
// A key cannot be another's: its ref says whose it is.
func (a *Audit) lookAtListed(ctx context.Context, list list, members []string) {
	var refs []registry.Ref
	if list.of == registry.KeyKind {
		for _, kid := range listedIn(a, list, members, registry.ParseKeyID) {
			refs = append(refs, registry.KeyRef(list.client, kid))
		}
	} else {
		for _, id := range listedIn(a, list, members, registry.ParseBindingID) {
			refs = append(refs, registry.BindingRef(id))
		}
	}
	entries, err := a.registrar.store.Read(ctx, refs...)
	if err != nil {
		a.fail(err)
		return
	}
	for i, entry := range entries {
		binding, ok := entry.Record.(*registry.Binding)
		switch {
		case entry.Absent():
			a.tell(Fault{Kind: NoRecord, Key: list.key, Other: refs[i].Key()})
		case ok && binding.Client != list.client:
			a.tell(Fault{Kind: ListsForeign, Key: list.key, Name: nameOf(binding), Other: registry.ClientRef(binding.Client).Key()})
		}
	}
}

// listedIn reads the members of a list, and tells of those that are no ids.
func listedIn[ID ~string](a *Audit, list list, members []string, parse func(string) (ID, error)) []ID {
	var ids []ID
	for _, member := range members {
		id, err := parse(member)
		if err != nil {
			a.tell(Fault{Kind: Unreadable, Key: list.key, Err: registry.BadMember(list.key, member, err)})
			continue
		}
		ids = append(ids, id)
	}
	return ids
}
