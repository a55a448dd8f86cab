package registrar

import (
	"context"
	"fmt"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// owners are those that a credential depends on.
type owners struct {
	client  *registry.Client
	profile *registry.Profile
}

// owners reads whom a credential would belong to, and tells whether one of that
// kind can be made for them: none that would be denied always.
func (r *Registrar) owners(ctx context.Context, op string, kind credential.Kind, client registry.ClientID, profile registry.ProfileID) (*registry.Root, owners, error) {
	refs := []registry.Ref{registry.ClientRef(client), registry.ProfileRef(profile)}
	root, entries, err := r.read(ctx, refs...)
	if err != nil {
		return nil, owners{}, err
	}
	for i, ref := range refs {
		if err := alterable(Name(ref), op, entries[i]); err != nil {
			return nil, owners{}, err
		}
	}
	found := owners{entries[0].Record.(*registry.Client), entries[1].Record.(*registry.Profile)}
	if !found.profile.Accepts.Has(kind) {
		what := "token"
		if kind == credential.JWT {
			what = "JWT"
		}
		return nil, owners{}, &Refusal{Name(refs[1]), fmt.Sprintf("accepts %s only: a %s would be denied always", found.profile.Accepts, what), nil}
	}
	return root, found, nil
}

// livable tells whether a credential has a time in which it is accepted.
func livable(name string, notBefore, expires, now time.Time) error {
	switch {
	case expires.IsZero():
		return nil
	case !expires.After(now):
		return &Refusal{name, fmt.Sprintf("expires_at %s is past", registry.FormatTime(expires)), nil}
	case !expires.After(notBefore):
		return &Refusal{name, fmt.Sprintf("expires_at %s comes before not_before %s", registry.FormatTime(expires), registry.FormatTime(notBefore)), nil}
	}
	return nil
}
