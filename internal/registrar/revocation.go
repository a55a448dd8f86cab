package registrar

import (
	"context"
	"errors"
	"time"

	"credence/internal/registry"
)

// Revoked is what a revocation of JWTs has done.
type Revoked struct {
	Commit   registry.Commit   // no revocations: all were revoked already, and nothing was done
	Position registry.Position // zero where nothing was done, and in a dry run
}

// Changed tells whether anything had to be done.
func (r Revoked) Changed() bool { return len(r.Commit.Revoke) > 0 }

// RevokeJWTs has JWTs denied until they may be forgotten. Those that are revoked
// already for as long, or longer, are left out. It fails with registry.ErrTooMany.
func (r *Registrar) RevokeJWTs(ctx context.Context, as Author, revocations ...registry.Revocation) (Revoked, error) {
	revocations = longest(revocations)
	jtis := make([]registry.JTI, len(revocations))
	for i, revocation := range revocations {
		jtis[i] = revocation.JTI
	}
	commit, position, err := r.carryOut(ctx, as, opRevoke, func(time.Time) (registry.Commit, error) {
		if _, err := r.Root(ctx); err != nil {
			return registry.Commit{}, err
		}
		until, err := r.store.RevokedUntil(ctx, jtis...)
		if err != nil {
			return registry.Commit{}, err
		}
		var commit registry.Commit
		for i, revocation := range revocations {
			if until[i].IsZero() || until[i].Unix() < revocation.Forget.Unix() {
				commit.Revoke = append(commit.Revoke, revocation)
			}
		}
		return commit, nil
	})
	if errors.Is(err, registry.ErrTooMany) {
		err = &Refusal{Name(registry.RevokedRef), registry.ErrTooMany.Error(), err}
	}
	return Revoked{commit, position}, err
}

// longest leaves one revocation of each JWT, the one that lasts longest.
func longest(revocations []registry.Revocation) []registry.Revocation {
	var left []registry.Revocation
	at := make(map[registry.JTI]int, len(revocations))
	for _, revocation := range revocations {
		i, known := at[revocation.JTI]
		switch {
		case !known:
			at[revocation.JTI] = len(left)
			left = append(left, revocation)
		case revocation.Forget.After(left[i].Forget):
			left[i] = revocation
		}
	}
	return left
}
