package cli

import (
	"context"
	"errors"
	"net/netip"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registrar"
	"credence/internal/registry"
)

// A registryDirectory finds facts in the registry itself, for one question: each
// is read when it is asked for, and none is kept. What it found last of each kind
// can be looked at.
type registryDirectory struct {
	reader    registry.Reader
	registrar *registrar.Registrar
	era       authz.Era
	seen      map[registry.RecordKind]registry.Record
}

func newRegistryDirectory(reader registry.Reader, r *registrar.Registrar) *registryDirectory {
	return &registryDirectory{reader: reader, registrar: r, seen: make(map[registry.RecordKind]registry.Record)}
}

// read gives what stands under refs.
func (d *registryDirectory) read(ctx context.Context, refs ...registry.Ref) ([]*authz.Fact, error) {
	entries, err := d.reader.Read(ctx, refs...)
	if err != nil {
		return nil, err
	}
	facts := make([]*authz.Fact, len(refs))
	for i, ref := range refs {
		d.seen[ref.Kind] = entries[i].Record
		facts[i] = authz.NewFact(&d.era, entries[i])
	}
	return facts, nil
}

func (d *registryDirectory) readOne(ctx context.Context, ref registry.Ref) (*authz.Fact, error) {
	facts, err := d.read(ctx, ref)
	if err != nil {
		return nil, err
	}
	return facts[0], nil
}

// Token implements authz.Directory.
func (d *registryDirectory) Token(ctx context.Context, _ netip.Addr, token credential.Secret) (*authz.Fact, error) {
	item, err := d.registrar.IdentifyToken(ctx, token)
	if err != nil && !errors.Is(err, registrar.ErrNotFound) {
		return nil, err
	}
	return authz.NewFact(&d.era, item.Entry), nil
}

// Key implements authz.Directory.
func (d *registryDirectory) Key(ctx context.Context, _ netip.Addr, client registry.ClientID, kid registry.KeyID) (*authz.Fact, error) {
	return d.readOne(ctx, registry.KeyRef(client, kid))
}

// Binding implements authz.Directory.
func (d *registryDirectory) Binding(ctx context.Context, id registry.BindingID) (*authz.Fact, error) {
	return d.readOne(ctx, registry.BindingRef(id))
}

// Owner implements authz.Directory.
func (d *registryDirectory) Owner(ctx context.Context, client registry.ClientID, profile registry.ProfileID, revocable bool) (c, p, revoked authz.Found) {
	refs := []registry.Ref{registry.ClientRef(client), registry.ProfileRef(profile)}
	if revocable {
		refs = append(refs, registry.RevokedRef)
	}
	facts, err := d.read(ctx, refs...)
	if err != nil {
		failed := authz.Found{Err: err}
		return failed, failed, failed
	}
	c.Fact, p.Fact = facts[0], facts[1]
	if revocable {
		revoked.Fact = facts[2]
	}
	return c, p, revoked
}
