package registrar

import (
	"context"

	"credence/internal/registry"
)

// DryRun gives a store that reads from another and writes nothing: a commit is
// checked, and then left undone.
func DryRun(store registry.Store) registry.Store { return dryRun{store} }

type dryRun struct{ registry.Store }

// Commit checks the commit as a store does before it writes.
func (dryRun) Commit(_ context.Context, commit registry.Commit) (registry.Position, error) {
	_, err := commit.Writes()
	return registry.Position{}, err
}

// Init tells whether a registry would be made.
func (d dryRun) Init(ctx context.Context, root *registry.Root) (created bool, err error) {
	entries, err := d.Read(ctx, registry.RootRef)
	if err != nil {
		return false, err
	}
	return entries[0].Record == nil && entries[0].Invalid == nil, nil
}
