package registrar

import (
	"context"
	"maps"
	"time"

	"credence/internal/registry"
)

// CreateClient makes a client of a draft, in which state, times and
// annotation are not looked at. It fails with registry.ErrExists.
func (r *Registrar) CreateClient(ctx context.Context, as Author, draft registry.Client) (Outcome, error) {
	return r.create(ctx, as, "create", func(now time.Time) (registry.Record, error) {
		client := draft
		client.State, client.Created, client.Updated = registry.Active, now, time.Time{}
		client.Changed = as.annotation(now)
		return &client, nil
	})
}

// DisableClient switches a client off: from then on its requests are denied.
func (r *Registrar) DisableClient(ctx context.Context, as Author, id registry.ClientID) (Outcome, error) {
	return r.setClientState(ctx, as, "disable", id, registry.Disabled)
}

// EnableClient switches a client on again.
func (r *Registrar) EnableClient(ctx context.Context, as Author, id registry.ClientID) (Outcome, error) {
	return r.setClientState(ctx, as, "enable", id, registry.Active)
}

// DeleteClient ends a client for good. Its record stays, so that its id is
// never used again.
func (r *Registrar) DeleteClient(ctx context.Context, as Author, id registry.ClientID) (Outcome, error) {
	return r.setClientState(ctx, as, opDelete, id, registry.Deleted)
}

// UpdateClient changes what a client is: anything but id, state, annotation
// and times. It is called again where another was quicker.
func (r *Registrar) UpdateClient(ctx context.Context, as Author, id registry.ClientID, change func(*registry.Client) error) (Outcome, error) {
	return r.alterClient(ctx, as, "update", id, func(client *registry.Client, _ time.Time) error {
		was := *client
		err := change(client)
		client.ID, client.State, client.Changed, client.Created, client.Updated = was.ID, was.State, was.Changed, was.Created, was.Updated
		return err
	})
}

func (r *Registrar) setClientState(ctx context.Context, as Author, op string, id registry.ClientID, state registry.State) (Outcome, error) {
	return r.alterClient(ctx, as, op, id, func(client *registry.Client, now time.Time) error {
		if client.State != state {
			client.State, client.Changed = state, as.annotation(now)
		}
		return nil
	})
}

// alterClient changes a copy of a client. Where the copy stays what it was,
// nothing is done.
func (r *Registrar) alterClient(ctx context.Context, as Author, op string, id registry.ClientID, change func(*registry.Client, time.Time) error) (Outcome, error) {
	ref := registry.ClientRef(id)
	return r.alter(ctx, as, op, ref, Name(ref), func(was registry.Record, now time.Time) (registry.Record, error) {
		client := *was.(*registry.Client)
		if err := change(&client, now); err != nil {
			return nil, err
		}
		if maps.Equal(client.Fields(), was.Fields()) {
			return was, nil
		}
		client.Updated = now
		return &client, nil
	})
}
