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
	expires time.Time // zero: never
}

// expired tells whether its life has ended. That of a binding never does.
func (o owned) expired(now time.Time) bool {
	mortal, ends := o.record.(interface{ Expired(now time.Time) bool })
	return ends && mortal.Expired(now)
}

// ownedOf tells whether a record is one.
func ownedOf(record registry.Record) (owned, bool) {
	switch r := record.(type) {
	case *registry.Token:
		return owned{r, registry.ClientRef(r.Client), registry.ProfileRef(r.Profile), r.Expires}, r.State == registry.Active
	case *registry.Key:
		return owned{r, registry.ClientRef(r.Client), registry.ProfileRef(r.Profile), r.Expires}, r.State == registry.Active
	case *registry.Binding:
		return owned{r, registry.ClientRef(r.Client), registry.ProfileRef(r.Profile), time.Time{}}, r.State == registry.Active
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
		owned, ok := ownedOf(record)
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
			if owners[position[ref]].Absent() && !owned.expired(now) {
				a.tell(Fault{Kind: NoOwner, Key: owned.record.Ref().Key(), Name: nameOf(owned.record), Other: ref.Key()})
			}
		}
		a.lookAtLife(owned, owners[position[owned.client]].Record, owners[position[owned.profile]].Record, now)
	}
}

// lookAtLife tells of tokens and keys whose life ended long ago, of tokens whose
// life has no end (a key is no secret), and of those that no server finds.
func (a *Audit) lookAtLife(owned owned, client, profile registry.Record, now time.Time) {
	deleted := stateOf(client) == registry.Deleted || stateOf(profile) == registry.Deleted // it is denied for good
	fault := Fault{Key: owned.record.Ref().Key(), Name: nameOf(owned.record)}
	token, isToken := owned.record.(*registry.Token)
	p, _ := profile.(*registry.Profile)
	switch {
	case deleted:
	case isToken && owned.expires.IsZero() && (p == nil || p.MaxTokenAge == 0):
		fault.Kind = NeverExpires
		a.tell(fault)
	case owned.expired(now.Add(-expiredLong)):
		fault.Kind, fault.Since = Expired, owned.expires
		a.tell(fault)
	}
	if isToken && !a.looksFor(token.Digest.Kind()) && !owned.expired(now) {
		fault.Kind, fault.Other = UnknownDigest, string(token.Digest.Kind())
		a.tell(fault)
	}
}

// looksFor tells whether servers look for tokens by a kind of digest.
func (a *Audit) looksFor(kind credential.DigestKind) bool {
	return a.root == nil || slices.Contains(a.root.Digests, kind)
}
