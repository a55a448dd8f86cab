package registrar

import (
	"context"
	"fmt"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// AddBinding says that the JWTs of an issuer's subject are those of a client,
// with a profile. Of the draft state and created_at are not looked at. A binding
// that was removed is made active again, for whomever. One in use for another
// client or profile is registry.ErrExists.
func (r *Registrar) AddBinding(ctx context.Context, as Author, draft registry.Binding) (Outcome, error) {
	var edit registry.Edit
	commit, position, err := r.commit(ctx, as, opAdd, func(now time.Time) ([]registry.Edit, error) {
		if _, _, err := r.owners(ctx, opAdd, credential.JWT, draft.Client, draft.Profile); err != nil {
			return nil, err
		}
		_, entries, err := r.read(ctx, draft.Ref())
		if err != nil {
			return nil, err
		}
		binding := draft
		binding.State, binding.Created = registry.Active, now
		edit = registry.Edit{Was: entries[0], Now: &binding}
		if edit.Was.Absent() {
			return []registry.Edit{edit}, nil
		}
		if err := alterable(nameOf(&binding), opAdd, edit.Was); err != nil {
			return nil, err
		}
		was := edit.Was.Record.(*registry.Binding)
		switch {
		case was.State != registry.Active:
			return []registry.Edit{edit}, nil
		case was.Client != draft.Client || was.Profile != draft.Profile:
			return nil, &Refusal{nameOf(was), fmt.Sprintf("binds %s of %s to %s and %s already: binding remove comes first",
				credential.Shown(was.Subject), credential.Shown(was.Issuer), Name(registry.ClientRef(was.Client)), Name(registry.ProfileRef(was.Profile))), registry.ErrExists}
		}
		edit.Now = was
		return nil, nil
	})
	return Outcome{edit, commit, position}, err
}

// RemoveBinding ends a binding: from then on the subject's JWTs are denied. Its
// record stays.
func (r *Registrar) RemoveBinding(ctx context.Context, as Author, issuer, subject string) (Outcome, error) {
	ref := registry.BindingRef(registry.BindingIDOf(issuer, subject))
	return r.alter(ctx, as, opRemove, ref, Name(ref), func(was registry.Record, _ time.Time) (registry.Record, error) {
		binding := *was.(*registry.Binding)
		if binding.State == registry.Revoked {
			return was, nil
		}
		binding.State = registry.Revoked
		return &binding, nil
	})
}
