package cache

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"credence/internal/credential"
	"credence/internal/registry"
)

// Errors of a registry that must not be served from.
var (
	ErrAnotherRegistry = errors.New("another registry than the one that is served: a wrong address, or a rebuilt Redis")
	ErrOldRegistry     = errors.New("fewer commits than were seen: a replica, or a registry from before a fail-over")
	ErrPepperDiffers   = errors.New("pepper is not the one that the registry was made with")
	ErrPepperUnproven  = errors.New("the registry has no check of the pepper")
)

// A judge tells by its root record whether a registry can be served from.
type judge struct {
	peppers credential.Peppers
	checks  map[credential.DigestKind]string // what our peppers are proven by
	only    []credential.DigestKind          // accepted whatever the registry says; none: as it says
	id      string                           // of the registry that is served; empty: the first that is seen
}

func newJudge(o Options) (*judge, error) {
	j := &judge{
		peppers: o.Peppers, only: o.Digests, id: o.RegistryID,
		checks: make(map[credential.DigestKind]string),
	}
	for _, kind := range slices.Concat(o.Digests, o.Peppers.Kinds()) {
		if kind == credential.PlainDigest {
			continue
		}
		check, err := o.Peppers.Check(kind)
		if err != nil {
			return nil, fmt.Errorf("cache: digests: %w", err)
		}
		j.checks[kind] = check
	}
	return j, nil
}

// kinds gives the kinds of digest that tokens are accepted by, in the order of
// preference. An error says why the registry must not be served from: it is
// empty, unreadable or another one, or a pepper is missing or wrong, by which
// every token would look unknown.
func (j *judge) kinds(entry registry.Entry) ([]credential.DigestKind, error) {
	root, ok := entry.Record.(*registry.Root)
	switch {
	case entry.Invalid != nil:
		return nil, entry.Invalid
	case !ok:
		return nil, registry.ErrNoRegistry
	case j.id != "" && j.id != root.ID:
		return nil, ErrAnotherRegistry
	}
	j.id = root.ID
	kinds := j.only
	if len(kinds) == 0 {
		kinds = root.Digests
	}
	for _, kind := range kinds {
		if err := j.prove(kind, root); err != nil {
			return nil, fmt.Errorf("digests %s: %w", kind, err)
		}
	}
	return kinds, nil
}

// prove tells whether we hold the pepper of a kind, and the right one.
func (j *judge) prove(kind credential.DigestKind, root *registry.Root) error {
	if kind == credential.PlainDigest {
		return nil
	}
	ours, have := j.checks[kind]
	theirs, known := root.Checks[kind]
	switch {
	case !have:
		return credential.ErrPepperMissing
	case known && ours != theirs:
		return ErrPepperDiffers
	case !known && slices.Contains(root.Digests, kind):
		return ErrPepperUnproven // a wrong one would make every token look unknown
	}
	return nil // of a kind that only we demand, the registry has no check
}

// A view is what the last root record said that facts depend on.
type view struct {
	root  *registry.Root
	kinds []credential.DigestKind
	sent  Instant // of the read
}

// agrees tells whether two views have tokens found in the same way.
func (v *view) agrees(other *view) bool {
	return slices.Equal(v.kinds, other.kinds) && slices.Equal(v.root.Digests, other.root.Digests) && maps.Equal(v.root.Checks, other.root.Checks)
}

// tokenRefs gives what a token is found by where it is stored by one of these
// kinds of digest.
func tokenRefs(peppers credential.Peppers, kinds []credential.DigestKind, token credential.Secret) ([]registry.Ref, error) {
	refs := make([]registry.Ref, len(kinds))
	for i, kind := range kinds {
		digest, err := peppers.Digest(kind, token)
		if err != nil {
			return nil, fmt.Errorf("cache: %w: %w", registry.ErrUnavailable, err)
		}
		refs[i] = registry.TokenRef(digest)
	}
	return refs, nil
}
