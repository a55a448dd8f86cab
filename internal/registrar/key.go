package registrar

import (
	"context"
	"errors"
	"time"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// AddKey registers a public key for the client and profile of a draft. Its state
// and created_at are not looked at. A key by which no server could ever verify a
// JWT is not added. A kid is not used twice, not even that of a revoked key: that
// is registry.ErrExists.
func (r *Registrar) AddKey(ctx context.Context, as Author, draft registry.Key) (Outcome, error) {
	return r.create(ctx, as, opAdd, func(now time.Time) (registry.Record, error) {
		if _, _, err := r.owners(ctx, opAdd, credential.JWT, draft.Client, draft.Profile); err != nil {
			return nil, err
		}
		key := draft
		key.State, key.Created = registry.Active, now
		name := nameOf(&key)
		if err := livable(name, time.Time{}, key.Expires, now); err != nil {
			return nil, err
		}
		if _, err := authz.KeyOf(&key); err != nil {
			return nil, &Refusal{name, whyInvalid(err), err}
		}
		return &key, nil
	})
}

// RevokeKey makes a key useless, for good: JWTs that it signed are denied from
// then on.
func (r *Registrar) RevokeKey(ctx context.Context, as Author, client registry.ClientID, kid registry.KeyID) (Outcome, error) {
	ref := registry.KeyRef(client, kid)
	return r.alter(ctx, as, opRevoke, ref, Name(ref), func(was registry.Record, _ time.Time) (registry.Record, error) {
		key := *was.(*registry.Key)
		if key.State == registry.Revoked {
			return was, nil
		}
		key.State = registry.Revoked
		return &key, nil
	})
}

// whyInvalid gives what is wrong with a record, without its name.
func whyInvalid(err error) string {
	var field *registry.FieldError
	if errors.As(err, &field) && field.Field != "" {
		return field.Field + ": " + field.Why
	}
	return err.Error()
}

func keyName(client registry.ClientID, kid registry.KeyID) string {
	return string(registry.KeyKind) + "/" + string(client) + "/" + string(kid)
}
