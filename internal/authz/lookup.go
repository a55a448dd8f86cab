package authz

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"credence/internal/credential"
	"credence/internal/registry"
)

// Lookups is the Directory that asks a registry each time: one read for a
// token, one for client and profile. Each read begins with the registry's root
// record, which says whether what follows can be trusted.
type Lookups struct {
	reader  registry.Reader
	peppers credential.Peppers
	checks  map[credential.DigestKind]string // what our peppers are proven by
	only    []credential.DigestKind          // accepted whatever the registry says; none: as it says
	kinds   []credential.DigestKind          // asked for
	id      atomic.Pointer[string]           // of the registry that is served
	seq     atomic.Uint64                    // the most commits that it was seen with
	barred  atomic.Pointer[error]            // why it must not be served from, whatever it says; nil: it may
}

// LookupOptions says how tokens are looked up.
type LookupOptions struct {
	Peppers credential.Peppers
	// Digests, where set, are all the kinds that are accepted, whatever the
	// registry says. Each needs its pepper.
	Digests []credential.DigestKind
	// RegistryID pins the registry; empty: the first that is seen.
	RegistryID string
}

// NewLookups makes a Directory over a reader.
func NewLookups(reader registry.Reader, options LookupOptions) (*Lookups, error) {
	l := &Lookups{
		reader: reader, peppers: options.Peppers, only: options.Digests, kinds: options.Digests,
		checks: make(map[credential.DigestKind]string),
	}
	if len(l.only) == 0 {
		l.kinds = options.Peppers.Kinds()
	}
	for _, kind := range l.kinds {
		if kind == credential.PlainDigest {
			continue
		}
		check, err := options.Peppers.Check(kind)
		if err != nil {
			return nil, fmt.Errorf("authz: digests: %w", err)
		}
		l.checks[kind] = check
	}
	if options.RegistryID != "" {
		l.id.Store(&options.RegistryID)
	}
	return l, nil
}

// Bar has every lookup fail with the error, until it is nil: what the records
// say is not to be believed.
func (l *Lookups) Bar(err error) {
	if err == nil {
		l.barred.Store(nil)
		return
	}
	l.barred.Store(&err)
}

// Contact reads the root record: nil means that lookups can be answered.
func (l *Lookups) Contact(ctx context.Context) error {
	_, _, err := l.read(ctx, []registry.Ref{registry.RootRef})
	return err
}

// Token implements Directory.
func (l *Lookups) Token(ctx context.Context, token credential.Secret) (registry.Entry, error) {
	refs := make([]registry.Ref, 1, 1+len(l.kinds))
	refs[0] = registry.RootRef
	for _, kind := range l.kinds {
		digest, err := l.peppers.Digest(kind, token)
		if err != nil {
			return registry.Entry{}, err
		}
		refs = append(refs, registry.TokenRef(digest))
	}
	accepted, entries, err := l.read(ctx, refs)
	if err != nil {
		return registry.Entry{}, err
	}
	for _, kind := range accepted {
		if entry := entries[1+slices.Index(l.kinds, kind)]; !entry.Absent() {
			return entry, nil
		}
	}
	return registry.Entry{}, nil
}

// Owner implements Directory.
func (l *Lookups) Owner(ctx context.Context, client registry.ClientID, profile registry.ProfileID) (c, p registry.Entry, err error) {
	_, entries, err := l.read(ctx, []registry.Ref{registry.RootRef, registry.ClientRef(client), registry.ProfileRef(profile)})
	if err != nil {
		return c, p, err
	}
	return entries[1], entries[2], nil
}

// read reads records, the root first, and gives the kinds of digest that tokens
// are accepted by.
func (l *Lookups) read(ctx context.Context, refs []registry.Ref) ([]credential.DigestKind, []registry.Entry, error) {
	seen := l.seq.Load() // before the read is sent: others may see more while it is under way
	entries, err := l.reader.Read(ctx, refs...)
	if err != nil {
		return nil, nil, err
	}
	accepted, err := l.accepted(entries[0], seen)
	return accepted, entries, err
}

// Errors of a registry that must not be served from.
var (
	ErrAnotherRegistry = errors.New("another registry than the one that is served: a wrong address, or a rebuilt Redis")
	ErrOldRegistry     = errors.New("fewer commits than were seen: a replica, or a registry from before a fail-over")
	ErrPepperDiffers   = errors.New("pepper is not the one that the registry was made with")
	ErrPepperUnproven  = errors.New("the registry has no check of the pepper")
)

// accepted gives the kinds of digest that the registry's tokens are accepted
// by, in the order of preference, or an error where it must not be served
// from: it is empty, unreadable, another one or older than the commits that were
// seen, or a pepper is missing or wrong, by which every token would look unknown.
func (l *Lookups) accepted(entry registry.Entry, seen uint64) ([]credential.DigestKind, error) {
	if barred := l.barred.Load(); barred != nil {
		return nil, *barred
	}
	root, ok := entry.Record.(*registry.Root)
	switch {
	case entry.Invalid != nil:
		return nil, entry.Invalid
	case !ok:
		return nil, registry.ErrNoRegistry
	}
	if !l.id.CompareAndSwap(nil, &root.ID) && *l.id.Load() != root.ID {
		return nil, ErrAnotherRegistry
	}
	if root.Seq < seen {
		return nil, ErrOldRegistry
	}
	l.see(root.Seq)
	kinds := l.only
	if len(kinds) == 0 {
		kinds = root.Digests
	}
	for _, kind := range kinds {
		if err := l.prove(kind, root); err != nil {
			return nil, fmt.Errorf("authz: digests %s: %w", kind, err)
		}
	}
	return kinds, nil
}

// see remembers a count of commits. A registry that goes back behind it may
// bring back a client that was switched off.
func (l *Lookups) see(seq uint64) {
	for most := l.seq.Load(); seq > most && !l.seq.CompareAndSwap(most, seq); {
		most = l.seq.Load()
	}
}

// prove tells whether we hold the pepper of a kind, and the right one.
func (l *Lookups) prove(kind credential.DigestKind, root *registry.Root) error {
	if kind == credential.PlainDigest {
		return nil
	}
	ours, have := l.checks[kind]
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
