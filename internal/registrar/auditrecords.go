package registrar

import (
	"context"
	"slices"
	"time"

	"credence/internal/authz"
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
	var records []registry.Record
	for i, entry := range entries {
		switch {
		case entry.Absent():
			continue // it is gone meanwhile
		case entry.Invalid != nil:
			a.tell(Fault{Kind: Unreadable, Key: refs[i].Key(), Err: entry.Invalid})
		case refs[i] != registry.RevokedRef: // which no index names, and nobody owns
			records = append(records, entry.Record)
		}
		a.counts[refs[i].Kind]++
		switch record := entry.Record.(type) {
		case *registry.Client:
			a.lookAtAllowlist(record.Ref(), record.State, record.Allow, record.AllowMode, lastChange(record.Created, record.Updated))
		case *registry.Profile:
			a.lookAtAllowlist(record.Ref(), record.State, record.Allow, record.AllowMode, lastChange(record.Created, record.Updated))
		case *registry.Key:
			if _, err := authz.KeyOf(record); err != nil {
				a.tell(Fault{Kind: Unreadable, Key: refs[i].Key(), Err: err})
			}
		}
	}
	a.lookAtIndexes(ctx, records)
	a.lookAtCredentials(ctx, records)
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
