package registrar

import (
	"context"
	"maps"
	"time"

	"credence/internal/registry"
)

// CreateProfile makes an access profile of a draft, in which state and times
// are not looked at. It fails with registry.ErrExists.
func (r *Registrar) CreateProfile(ctx context.Context, as Author, draft registry.Profile) (Outcome, error) {
	return r.create(ctx, as, "create", func(now time.Time) (registry.Record, error) {
		profile := draft
		profile.State, profile.Created, profile.Updated = registry.Active, now, time.Time{}
		return &profile, nil
	})
}

// DisableProfile switches off all that is issued for a profile.
func (r *Registrar) DisableProfile(ctx context.Context, as Author, id registry.ProfileID) (Outcome, error) {
	return r.setProfileState(ctx, as, "disable", id, registry.Disabled)
}

// EnableProfile switches a profile on again.
func (r *Registrar) EnableProfile(ctx context.Context, as Author, id registry.ProfileID) (Outcome, error) {
	return r.setProfileState(ctx, as, "enable", id, registry.Active)
}

// DeleteProfile ends a profile for good. Its record stays, so that its id is
// never used again.
func (r *Registrar) DeleteProfile(ctx context.Context, as Author, id registry.ProfileID) (Outcome, error) {
	return r.setProfileState(ctx, as, opDelete, id, registry.Deleted)
}

func (r *Registrar) setProfileState(ctx context.Context, as Author, op string, id registry.ProfileID, state registry.State) (Outcome, error) {
	return r.alterProfile(ctx, as, op, id, func(profile *registry.Profile) error {
		profile.State = state
		return nil
	})
}

// UpdateProfile changes what a profile is: anything but id, state and times.
// It is called again where another was quicker.
func (r *Registrar) UpdateProfile(ctx context.Context, as Author, id registry.ProfileID, change func(*registry.Profile) error) (Outcome, error) {
	return r.alterProfile(ctx, as, "update", id, func(profile *registry.Profile) error {
		was := *profile
		err := change(profile)
		profile.ID, profile.State, profile.Created, profile.Updated = was.ID, was.State, was.Created, was.Updated
		return err
	})
}

// alterProfile changes a copy of a profile. Where the copy stays what it was,
// nothing is done.
func (r *Registrar) alterProfile(ctx context.Context, as Author, op string, id registry.ProfileID, change func(*registry.Profile) error) (Outcome, error) {
	ref := registry.ProfileRef(id)
	return r.alter(ctx, as, op, ref, Name(ref), func(was registry.Record, now time.Time) (registry.Record, error) {
		profile := *was.(*registry.Profile)
		if err := change(&profile); err != nil {
			return nil, err
		}
		if maps.Equal(profile.Fields(), was.Fields()) {
			return was, nil
		}
		profile.Updated = now
		return &profile, nil
	})
}
