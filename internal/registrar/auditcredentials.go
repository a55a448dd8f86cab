package registrar

import (
	"context"
	"slices"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// An owned record is a credential in use, or what leads to one, and whom it
// depends on.
type owned struct {
	record  registry.Record
	client  registry.Ref
	profile registry.Ref
	expired bool
}

// ownedOf tells whether a record is one.
func ownedOf(record registry.Record, now time.Time) (owned, bool) {
	switch r := record.(type) {
	case *registry.Token:
		return owned{r, registry.ClientRef(r.Client), registry.ProfileRef(r.Profile), r.Expired(now)}, r.State == registry.Active
	case *registry.Key:
		return owned{r, registry.ClientRef(r.Client), registry.ProfileRef(r.Profile), r.Expired(now)}, r.State == registry.Active
	case *registry.Binding:
		return owned{r, registry.ClientRef(r.Client), registry.ProfileRef(r.Profile), false}, r.State == registry.Active
	}
	return owned{}, false
}

// lookAtCredentials asks of tokens, keys and bindings whether they can be used,
// and for how long.
func (a *Audit) lookAtCredentials(ctx context.Context, records []registry.Record) {
	now := a.registrar.now()
	var all []owned
	var refs []registry.Ref
	position := make(map[registry.Ref]int)
	for _, record := range records {
		owned, ok := ownedOf(record, now)
		if !ok {
			continue
		}
		all = append(all, owned)
		for _, ref := range []registry.Ref{owned.client, owned.profile} {
			if _, known := position[ref]; !known {
				position[ref], refs = len(refs), append(refs, ref)
			}
		}
	}
	if a.stopped || len(all) == 0 {
		return
	}
	owners, err := a.registrar.store.Read(ctx, refs...)
	if err != nil {
		a.fail(err)
		return
	}
	for _, owned := range all {
		for _, ref := range []registry.Ref{owned.client, owned.profile} {
			if owners[position[ref]].Absent() && !owned.expired {
				a.tell(Fault{Kind: NoOwner, Key: owned.record.Ref().Key(), Name: nameOf(owned.record), Other: ref.Key()})
			}
		}
		a.lookAtLife(owned.record, owners[position[owned.client]].Record, owners[position[owned.profile]].Record, now)
	}
}

// lookAtLife tells of tokens and keys whose life ended long ago, of tokens whose
// life has no end (a key is no secret), and of those that no server finds.
func (a *Audit) lookAtLife(record, client, profile registry.Record, now time.Time) {
	deleted := stateOf(client) == registry.Deleted || stateOf(profile) == registry.Deleted
	fault := Fault{Key: record.Ref().Key(), Name: nameOf(record)}
	switch record := record.(type) {
	case *registry.Token:
		p, _ := profile.(*registry.Profile)
		switch {
		case deleted: // it is denied for good
		case record.Expires.IsZero() && (p == nil || p.MaxTokenAge == 0):
			fault.Kind = NeverExpires
			a.tell(fault)
		case record.Expired(now.Add(-expiredLong)):
			fault.Kind, fault.Since = Expired, record.Expires
			a.tell(fault)
		}
		if kind := record.Digest.Kind(); !a.looksFor(kind) && !record.Expired(now) {
			fault.Kind, fault.Other = UnknownDigest, string(kind)
			a.tell(fault)
		}
	case *registry.Key:
		if !deleted && record.Expired(now.Add(-expiredLong)) {
			fault.Kind, fault.Since = Expired, record.Expires
			a.tell(fault)
		}
	}
}

// looksFor tells whether servers look for tokens by a kind of digest.
func (a *Audit) looksFor(kind credential.DigestKind) bool {
	return a.root == nil || slices.Contains(a.root.Digests, kind)
}
