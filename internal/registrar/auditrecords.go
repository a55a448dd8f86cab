package registrar

import (
	"context"
	"slices"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// lookAtRecords reads records and asks of each whether it is where it should
// be.
func (a *Audit) lookAtRecords(ctx context.Context, refs []registry.Ref) {
	if a.stopped || len(refs) == 0 {
		return
	}
	entries, err := a.registrar.store.Read(ctx, refs...)
	if err != nil {
		a.fail(err)
		return
	}
	now := a.registrar.now()
	var records []registry.Record
	var tokens []*registry.Token
	for i, entry := range entries {
		switch {
		case entry.Absent():
			continue // it is gone meanwhile
		case entry.Invalid != nil:
			a.tell(Fault{Kind: Unreadable, Key: refs[i].Key(), Err: entry.Invalid})
		default:
			records = append(records, entry.Record)
		}
		a.counts[refs[i].Kind]++
		switch record := entry.Record.(type) {
		case *registry.Client:
			a.lookAtAllowlist(record.Ref(), record.State, record.Allow, record.AllowMode, lastChange(record.Created, record.Updated))
		case *registry.Profile:
			a.lookAtAllowlist(record.Ref(), record.State, record.Allow, record.AllowMode, lastChange(record.Created, record.Updated))
		case *registry.Token:
			tokens = append(tokens, record)
		}
	}
	a.lookAtIndexes(ctx, records)
	a.lookAtTokens(ctx, tokens, now)
}

func lastChange(created, updated time.Time) time.Time {
	if updated.IsZero() {
		return created
	}
	return updated
}

// lookAtAllowlist tells of a list that lets pass what it does not hold.
func (a *Audit) lookAtAllowlist(ref registry.Ref, state registry.State, allow registry.Networks, mode registry.AllowMode, since time.Time) {
	if state == registry.Active && allow.Present() && mode == registry.Observe {
		a.tell(Fault{Kind: Observing, Key: ref.Key(), Name: Name(ref), Since: since})
	}
}

// lookAtIndexes tells of records that are not written down where they are
// looked for.
func (a *Audit) lookAtIndexes(ctx context.Context, records []registry.Record) {
	if a.stopped || len(records) == 0 {
		return
	}
	var indexes []registry.Index
	var names []string
	for _, record := range records {
		index := registry.IndexOf(record)
		indexes, names = append(indexes, index), append(names, index.Name)
	}
	listed, err := a.registrar.store.Listed(ctx, indexes...)
	if err != nil {
		a.fail(err)
		return
	}
	values, err := a.registrar.store.Values(ctx, slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })...)
	if err != nil {
		a.fail(err)
		return
	}
	for i, record := range records {
		ref := record.Ref()
		fault := Fault{Key: ref.Key(), Name: nameOf(record)}
		if !listed[i] {
			fault.Kind, fault.Other = Unlisted, indexes[i].Set
			a.tell(fault)
		}
		if names[i] == "" {
			continue
		}
		if values[0] != indexes[i].Value {
			fault.Kind, fault.Other = Unnamed, names[i]
			a.tell(fault)
		}
		values = values[1:]
	}
}

// nameOf gives the name that people know a record by.
func nameOf(record registry.Record) string {
	if token, ok := record.(*registry.Token); ok {
		return tokenName(token.ID)
	}
	return Name(record.Ref())
}

// lookAtTokens asks of tokens whether they can be used, and for how long.
func (a *Audit) lookAtTokens(ctx context.Context, tokens []*registry.Token, now time.Time) {
	if a.stopped || len(tokens) == 0 {
		return
	}
	var refs []registry.Ref
	position := make(map[registry.Ref]int)
	for _, token := range tokens {
		for _, ref := range []registry.Ref{registry.ClientRef(token.Client), registry.ProfileRef(token.Profile)} {
			if _, known := position[ref]; !known {
				position[ref], refs = len(refs), append(refs, ref)
			}
		}
	}
	owners, err := a.registrar.store.Read(ctx, refs...)
	if err != nil {
		a.fail(err)
		return
	}
	for _, token := range tokens {
		if token.State != registry.Active {
			continue
		}
		client, profile := registry.ClientRef(token.Client), registry.ProfileRef(token.Profile)
		for _, ref := range []registry.Ref{client, profile} {
			if owners[position[ref]].Absent() && !token.Expired(now) {
				a.tell(Fault{Kind: NoOwner, Key: token.Ref().Key(), Name: tokenName(token.ID), Other: ref.Key()})
			}
		}
		a.lookAtLife(token, owners[position[client]].Record, owners[position[profile]].Record, now)
	}
}

// lookAtLife tells of tokens whose life has no end, or ended long ago, and of
// those that no server finds.
func (a *Audit) lookAtLife(token *registry.Token, client, profile registry.Record, now time.Time) {
	fault := Fault{Key: token.Ref().Key(), Name: tokenName(token.ID)}
	deleted := stateOf(client) == registry.Deleted || stateOf(profile) == registry.Deleted
	p, _ := profile.(*registry.Profile)
	switch {
	case deleted: // it is denied for good
	case token.Expires.IsZero() && (p == nil || p.MaxTokenAge == 0):
		fault.Kind = NeverExpires
		a.tell(fault)
	case token.Expired(now.Add(-expiredLong)):
		fault.Kind, fault.Since = Expired, token.Expires
		a.tell(fault)
	}
	if kind := token.Digest.Kind(); !a.looksFor(kind) && !token.Expired(now) {
		fault.Kind, fault.Other = UnknownDigest, string(kind)
		a.tell(fault)
	}
}

// looksFor tells whether servers look for tokens by a kind of digest.
func (a *Audit) looksFor(kind credential.DigestKind) bool {
	return a.root == nil || slices.Contains(a.root.Digests, kind)
}
