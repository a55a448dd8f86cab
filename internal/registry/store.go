package registry

import (
	"context"
	"errors"

	"credence/internal/credential"
)

// A Reader reads records. One call is one round trip.
type Reader interface {
	// Read gives one entry per ref, in their order. Each is at least as new
	// as those before it. An error means "cannot know", never "absent".
	Read(ctx context.Context, refs ...Ref) ([]Entry, error)
}

// A Lister finds records without knowing their refs.
type Lister interface {
	// Clients and Profiles give all ids, deleted ones too, sorted.
	Clients(ctx context.Context) ([]ClientID, error)
	Profiles(ctx context.Context) ([]ProfileID, error)
	// TokensOf gives the ids of a client's tokens, sorted.
	TokensOf(ctx context.Context, client ClientID) ([]credential.TokenID, error)
	// Digests gives the digest of each token id, empty where there is none.
	Digests(ctx context.Context, ids ...credential.TokenID) ([]credential.Digest, error)
}

// A Store keeps a registry.
type Store interface {
	Reader
	Lister
	// Init makes a registry where there is none. Where there is one it changes
	// nothing and gives created false.
	Init(ctx context.Context, root *Root) (created bool, err error)
	// Commit does all edits or none. It fails with ErrConflict when a record
	// is not what its edit was made from, ErrExists when one to be created is
	// there, ErrNoRegistry where there is no registry, and ErrInvalid when an
	// edit would write what Parse would not read.
	Commit(ctx context.Context, commit Commit) (Position, error)
}

// Errors of a Store. ErrUnavailable means that nobody knows: of a Read, what
// stands there; of a Commit, whether it was done.
var (
	ErrConflict    = errors.New("changed meanwhile")
	ErrExists      = errors.New("exists already")
	ErrNoRegistry  = errors.New("no registry there")
	ErrUnavailable = errors.New("registry unavailable")
)

// A Position is where a commit stands in the history of a registry.
type Position struct {
	Seq   uint64 // the commit's number, counted from 1
	Entry string // id of its entry in the change stream
}
