package registrar

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"credence/internal/credential"
	"credence/internal/registry"
)

// An Item is a record and the name that people know it by. Where Invalid is
// set, the record cannot be read and denies every request that needs it.
type Item struct {
	Kind registry.RecordKind
	ID   string // of a token its public id
	registry.Entry
}

// Name gives the item's name: client/acme.
func (i Item) Name() string { return string(i.Kind) + "/" + i.ID }

// fieldsAfter gives a record's fields as they stand there after an edit.
func fieldsAfter(edit registry.Edit) registry.Fields {
	fields := edit.Now.Fields()
	for field, text := range edit.Was.Fields {
		if strings.HasPrefix(field, "x_") {
			fields[field] = text
		}
	}
	return fields
}

// Client reads a client. It fails with ErrNotFound.
func (r *Registrar) Client(ctx context.Context, id registry.ClientID) (Item, error) {
	return r.item(ctx, registry.ClientRef(id), string(id))
}

// Profile reads an access profile. It fails with ErrNotFound.
func (r *Registrar) Profile(ctx context.Context, id registry.ProfileID) (Item, error) {
	return r.item(ctx, registry.ProfileRef(id), string(id))
}

// Token reads a token's record. It fails with ErrNotFound.
func (r *Registrar) Token(ctx context.Context, id credential.TokenID) (Item, error) {
	ref, err := r.tokenRef(ctx, id)
	if err != nil {
		return Item{}, err
	}
	return r.item(ctx, ref, string(id))
}

func (r *Registrar) item(ctx context.Context, ref registry.Ref, id string) (Item, error) {
	_, entries, err := r.read(ctx, ref)
	if err != nil {
		return Item{}, err
	}
	item := Item{ref.Kind, id, entries[0]}
	if item.Record == nil && item.Invalid == nil {
		return Item{}, noSuch(item.Name())
	}
	return item, nil
}

// ClientIDs and ProfileIDs give all ids, sorted, those of deleted ones too.
func (r *Registrar) ClientIDs(ctx context.Context) ([]registry.ClientID, error) {
	if _, err := r.Root(ctx); err != nil {
		return nil, err
	}
	return r.store.Clients(ctx)
}

// ProfileIDs is described at ClientIDs.
func (r *Registrar) ProfileIDs(ctx context.Context) ([]registry.ProfileID, error) {
	if _, err := r.Root(ctx); err != nil {
		return nil, err
	}
	return r.store.Profiles(ctx)
}

// page is how many records are held at once while a list is read.
const page = 500

// Items is a list that is read as it is walked, page by page. It ends with the
// first error. What has no record is left out.
type Items iter.Seq2[Item, error]

// Clients lists all clients by id, deleted ones too.
func (r *Registrar) Clients(ctx context.Context) Items {
	return func(yield func(Item, error) bool) {
		ids, err := r.ClientIDs(ctx)
		if err != nil {
			yield(Item{}, err)
			return
		}
		walk(ctx, r, ids, registry.ClientRef, yield)
	}
}

// Profiles lists all access profiles by id, deleted ones too.
func (r *Registrar) Profiles(ctx context.Context) Items {
	return func(yield func(Item, error) bool) {
		ids, err := r.ProfileIDs(ctx)
		if err != nil {
			yield(Item{}, err)
			return
		}
		walk(ctx, r, ids, registry.ProfileRef, yield)
	}
}

// Tokens lists all tokens by client and id, revoked ones too; of one client
// where it is given. It fails with ErrNotFound where there is no such client.
func (r *Registrar) Tokens(ctx context.Context, client registry.ClientID) Items {
	return func(yield func(Item, error) bool) {
		clients := []registry.ClientID{client}
		var err error
		if client != "" {
			_, err = r.Client(ctx, client)
		} else {
			clients, err = r.ClientIDs(ctx)
		}
		if err != nil {
			yield(Item{}, err)
			return
		}
		for _, id := range clients {
			ids, err := r.store.TokensOf(ctx, id)
			if err != nil {
				yield(Item{}, err)
				return
			}
			if !r.walkTokens(ctx, ids, yield) {
				return
			}
		}
	}
}

func (r *Registrar) walkTokens(ctx context.Context, ids []credential.TokenID, yield func(Item, error) bool) bool {
	for some := range slices.Chunk(ids, page) {
		digests, err := r.store.Digests(ctx, some...)
		if err != nil {
			yield(Item{}, err)
			return false
		}
		refs := make(map[credential.TokenID]registry.Ref, len(some))
		for i, digest := range digests {
			if digest != "" {
				refs[some[i]] = registry.TokenRef(digest)
			}
		}
		known := slices.Sorted(maps.Keys(refs))
		if !walk(ctx, r, known, func(id credential.TokenID) registry.Ref { return refs[id] }, yield) {
			return false
		}
	}
	return true
}

// walk reads records page by page and yields those that there are. It tells
// whether to go on.
func walk[ID ~string](ctx context.Context, r *Registrar, ids []ID, refOf func(ID) registry.Ref, yield func(Item, error) bool) bool {
	for some := range slices.Chunk(ids, page) {
		refs := make([]registry.Ref, len(some))
		for i, id := range some {
			refs[i] = refOf(id)
		}
		_, entries, err := r.read(ctx, refs...)
		if err != nil {
			yield(Item{}, err)
			return false
		}
		for i, entry := range entries {
			if entry.Record == nil && entry.Invalid == nil {
				continue
			}
			if !yield(Item{refs[i].Kind, string(some[i]), entry}, nil) {
				return false
			}
		}
	}
	return true
}
