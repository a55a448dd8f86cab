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
	ID   string // of a token its public id; of a key its client and kid: acme/k1
	registry.Entry
}

// Name gives the item's name: client/acme, key/acme/k1.
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

// Key reads a client's key. It fails with ErrNotFound.
func (r *Registrar) Key(ctx context.Context, client registry.ClientID, kid registry.KeyID) (Item, error) {
	ref := registry.KeyRef(client, kid)
	return r.item(ctx, ref, idOf(ref, ref.ID))
}

// Binding reads the binding of an issuer's subject. It fails with ErrNotFound.
func (r *Registrar) Binding(ctx context.Context, issuer, subject string) (Item, error) {
	id := registry.BindingIDOf(issuer, subject)
	return r.item(ctx, registry.BindingRef(id), string(id))
}

// idOf gives the id that people know a record by, from the one that it is listed
// by: a kid says nothing without its client.
func idOf(ref registry.Ref, listed string) string {
	if ref.Kind == registry.KeyKind {
		return strings.TrimPrefix(Name(ref), string(ref.Kind)+"/")
	}
	return listed
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
	return ofClients(ctx, r, client, r.store.TokensOf, func(_ registry.ClientID, ids []credential.TokenID, yield func(Item, error) bool) bool {
		return r.walkTokens(ctx, ids, yield)
	})
}

// Keys is Tokens for keys, by client and kid.
func (r *Registrar) Keys(ctx context.Context, client registry.ClientID) Items {
	return ofClients(ctx, r, client, r.store.KeysOf, func(owner registry.ClientID, kids []registry.KeyID, yield func(Item, error) bool) bool {
		return walk(ctx, r, kids, func(kid registry.KeyID) registry.Ref { return registry.KeyRef(owner, kid) }, yield)
	})
}

// Bindings is Tokens for bindings, by client and id.
func (r *Registrar) Bindings(ctx context.Context, client registry.ClientID) Items {
	return ofClients(ctx, r, client, r.store.BindingsOf, func(_ registry.ClientID, ids []registry.BindingID, yield func(Item, error) bool) bool {
		return walk(ctx, r, ids, registry.BindingRef, yield)
	})
}

// ofClients lists what is listed for a client, or for each of them where none is
// given.
func ofClients[ID ~string](
	ctx context.Context, r *Registrar, client registry.ClientID,
	list func(context.Context, registry.ClientID) ([]ID, error),
	walk func(owner registry.ClientID, ids []ID, yield func(Item, error) bool) bool,
) Items {
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
		for _, owner := range clients {
			ids, err := list(ctx, owner)
			if err != nil {
				yield(Item{}, err)
				return
			}
			if !walk(owner, ids, yield) {
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
			if !yield(Item{refs[i].Kind, idOf(refs[i], string(some[i])), entry}, nil) {
				return false
			}
		}
	}
	return true
}
