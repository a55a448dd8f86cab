package registrar

import (
	"context"
	"time"

	"credence/internal/registry"
)

// CreateProfile makes an access profile of a draft, in which state and times
// are not looked at. It fails with registry.ErrExists.
func (r *Registrar) CreateProfile(ctx context.Context, as Author, draft registry.Profile) (Outcome, error) {
	return r.create(ctx, as, func(now time.Time) registry.Record {
		profile := draft
		profile.State, profile.Created, profile.Updated = registry.Active, now, time.Time{}
		return &profile
	})
}
