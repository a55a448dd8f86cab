package registrar

import (
	"context"
	"maps"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// An Issued is a new token, with those that it depends on.
type Issued struct {
	Outcome
	Token   credential.Secret // nobody can read it again
	Record  *registry.Token
	Client  *registry.Client
	Profile *registry.Profile
}

// IssueToken makes a token for the client and profile of a draft. Label,
// allowlist, not_before, expires_at and managed_by are the draft's; the rest
// of it is not looked at. A token that no server could ever accept is not
// issued.
func (r *Registrar) IssueToken(ctx context.Context, as Author, draft registry.Token) (Issued, error) {
	var issued Issued
	commit, position, err := r.commit(ctx, as, "issue", func(now time.Time) ([]registry.Edit, error) {
		root, owners, err := r.owners(ctx, "issue", credential.Token, draft.Client, draft.Profile)
		if err != nil {
			return nil, err
		}
		if err := livable("token", draft.NotBefore, draft.Expires, now); err != nil {
			return nil, err
		}
		kind, err := r.digestKind(root)
		if err != nil {
			return nil, err
		}
		record := draft
		record.ID = credential.NewTokenID()
		token := credential.NewToken(record.ID)
		if record.Digest, err = r.options.Peppers.Digest(kind, token); err != nil {
			return nil, err
		}
		record.State, record.Changed, record.Created, record.ReplacedBy = registry.Active, as.annotation(now), now, ""
		issued = Issued{Token: token, Record: &record, Client: owners.client, Profile: owners.profile}
		issued.Edit = registry.Edit{Now: &record}
		return []registry.Edit{issued.Edit}, nil
	})
	issued.Commit, issued.Position = commit, position
	if err != nil {
		return Issued{}, err
	}
	return issued, nil
}

// RevokeToken makes a token useless, for good.
func (r *Registrar) RevokeToken(ctx context.Context, as Author, id credential.TokenID) (Outcome, error) {
	return r.alterToken(ctx, as, opRevoke, id, func(token *registry.Token, now time.Time) error {
		if token.State != registry.Revoked {
			token.State, token.Changed = registry.Revoked, as.annotation(now)
		}
		return nil
	})
}

// UpdateToken changes label, allowlist, not_before and expires_at of a token.
// It is called again where another was quicker.
func (r *Registrar) UpdateToken(ctx context.Context, as Author, id credential.TokenID, change func(*registry.Token) error) (Outcome, error) {
	return r.alterToken(ctx, as, "update", id, func(token *registry.Token, now time.Time) error {
		if token.State == registry.Revoked {
			return &Refusal{tokenName(id), "is revoked, and stays so", ErrDeleted}
		}
		wanted := *token
		if err := change(&wanted); err != nil {
			return err
		}
		changed := !wanted.Expires.Equal(token.Expires) || !wanted.NotBefore.Equal(token.NotBefore)
		token.Label, token.Allow, token.NotBefore, token.Expires = wanted.Label, wanted.Allow, wanted.NotBefore, wanted.Expires
		if changed {
			return livable(tokenName(id), token.NotBefore, token.Expires, now)
		}
		return nil
	})
}

// IdentifyToken finds the record of a token that somebody holds. It fails with
// ErrNotFound, and where a pepper is missing without which nobody can say.
func (r *Registrar) IdentifyToken(ctx context.Context, token credential.Secret) (Item, error) {
	root, err := r.Root(ctx)
	if err != nil {
		return Item{}, err
	}
	refs := make([]registry.Ref, len(root.Digests))
	for i, kind := range root.Digests {
		if err := r.provePepper(kind, root); err != nil {
			return Item{}, err
		}
		digest, err := r.options.Peppers.Digest(kind, token)
		if err != nil {
			return Item{}, err
		}
		refs[i] = registry.TokenRef(digest)
	}
	_, entries, err := r.read(ctx, refs...)
	if err != nil {
		return Item{}, err
	}
	for _, entry := range entries {
		if !entry.Absent() {
			return Item{registry.TokenKind, entry.Fields["id"], entry}, nil
		}
	}
	return Item{}, &Refusal{"token", "is not registered here", ErrNotFound}
}

// alterToken changes a copy of a token. Where the copy stays what it was,
// nothing is done.
func (r *Registrar) alterToken(ctx context.Context, as Author, op string, id credential.TokenID, change func(*registry.Token, time.Time) error) (Outcome, error) {
	ref, err := r.tokenRef(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	return r.alter(ctx, as, op, ref, tokenName(id), func(was registry.Record, now time.Time) (registry.Record, error) {
		token := *was.(*registry.Token)
		if err := change(&token, now); err != nil {
			return nil, err
		}
		if maps.Equal(token.Fields(), was.Fields()) {
			return was, nil
		}
		return &token, nil
	})
}

func tokenName(id credential.TokenID) string { return "token/" + string(id) }

// tokenRef finds where a token is kept. It fails with ErrNotFound.
func (r *Registrar) tokenRef(ctx context.Context, id credential.TokenID) (registry.Ref, error) {
	if _, err := r.Root(ctx); err != nil {
		return registry.Ref{}, err
	}
	digests, err := r.store.Digests(ctx, id)
	if err != nil {
		return registry.Ref{}, err
	}
	if digests[0] == "" {
		return registry.Ref{}, noSuch(tokenName(id))
	}
	return registry.TokenRef(digests[0]), nil
}
