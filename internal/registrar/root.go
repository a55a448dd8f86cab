package registrar

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// Init makes a registry where there is none; where there is one it changes
// nothing. Tokens will be stored by the configured peppers, highest first, or
// without one where there is none.
func (r *Registrar) Init(ctx context.Context) (root *registry.Root, created bool, err error) {
	if _, err := r.Root(ctx); errors.Is(err, registry.ErrNoRegistry) && r.options.RegistryID != "" {
		return nil, false, &Refusal{"the registry", fmt.Sprintf("redis.registry_id demands %q, which a new registry would not be called: take it out of the configuration first", r.options.RegistryID), ErrAnotherRegistry}
	}
	draft := &registry.Root{
		ID:      strings.ToLower(rand.Text()),
		Digests: r.initialDigests(),
		Checks:  make(map[credential.DigestKind]string),
		Created: r.now(),
	}
	for _, kind := range draft.Digests {
		if kind == credential.PlainDigest {
			continue
		}
		if draft.Checks[kind], err = r.options.Peppers.Check(kind); err != nil {
			return nil, false, err
		}
	}
	if created, err = r.store.Init(ctx, draft); err != nil {
		return nil, false, err
	}
	if created {
		return draft, true, nil
	}
	root, err = r.Root(ctx)
	return root, false, err
}

// initialDigests gives the kinds that a new registry stores tokens by.
func (r *Registrar) initialDigests() []credential.DigestKind {
	kinds := r.options.Peppers.Kinds() // s1 is the last of them
	if len(kinds) == 1 {
		return kinds
	}
	return kinds[:len(kinds)-1]
}

// Root reads the record that makes the store a registry. It fails with
// registry.ErrNoRegistry, and where it is not the one that is demanded.
func (r *Registrar) Root(ctx context.Context) (*registry.Root, error) {
	root, _, err := r.read(ctx)
	return root, err
}

// read reads records, and the registry's own beside them: what is not there
// says something only in the registry that was meant.
func (r *Registrar) read(ctx context.Context, refs ...registry.Ref) (*registry.Root, []registry.Entry, error) {
	entries, err := r.store.Read(ctx, slices.Concat([]registry.Ref{registry.RootRef}, refs)...)
	if err != nil {
		return nil, nil, err
	}
	root, isRoot := entries[0].Record.(*registry.Root)
	switch want := r.options.RegistryID; {
	case entries[0].Invalid != nil:
		return nil, nil, entries[0].Invalid
	case !isRoot:
		return nil, nil, registry.ErrNoRegistry
	case want != "" && root.ID != want:
		return nil, nil, &Refusal{"the registry", fmt.Sprintf("redis.registry_id demands %q, and %q is there: is it the right Redis?", want, root.ID), ErrAnotherRegistry}
	}
	for i := range entries[1:] {
		judgeKey(&entries[1+i])
	}
	return root, entries[1:], nil
}

// judgeKey makes an invalid entry of a key that servers would refuse. Its JWK is
// told no further: it may hold what is not public.
func judgeKey(entry *registry.Entry) {
	key, ok := entry.Record.(*registry.Key)
	if !ok {
		return
	}
	if _, err := authz.KeyOf(key); err != nil {
		entry.Record, entry.Invalid = nil, err
		if entry.Fields["jwk"] != "" {
			entry.Fields["jwk"] = "[not shown: it cannot be used]"
		}
	}
}

// digestKind gives the kind that new tokens are stored by: the registry's
// first, if we can make it as the servers expect it.
func (r *Registrar) digestKind(root *registry.Root) (credential.DigestKind, error) {
	kind := root.Digests[0]
	if accepted := r.options.Digests; len(accepted) > 0 && !slices.Contains(accepted, kind) {
		return "", &Refusal{"the registry", fmt.Sprintf("stores tokens by %s, which credentials.digests does not accept: no server would know the token", kind), nil}
	}
	return kind, r.provePepper(kind, root)
}

// provePepper tells whether we hold the pepper of a kind, and the right one.
func (r *Registrar) provePepper(kind credential.DigestKind, root *registry.Root) error {
	if kind == credential.PlainDigest {
		return nil
	}
	got, err := r.options.Peppers.Check(kind)
	if err != nil {
		return &Refusal{"the registry", fmt.Sprintf("stores tokens by %s, whose pepper is not configured: want credentials.pepper_files: {%s: FILE}", kind, kind), err}
	}
	if want, known := root.Checks[kind]; known && want != got {
		return &Refusal{"the registry", fmt.Sprintf("pepper %s is not the one that the registry was made with: it makes digests that no server knows", kind), nil}
	}
	return nil
}
