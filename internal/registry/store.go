package registry

import (
	"context"
	"errors"
	"iter"
	"time"

	"credence/internal/credential"
)

// A Reader reads records. One call is one round trip.
type Reader interface {
	// Read gives one entry per ref, in their order. Each is at least as new
	// as those before it. An error means "cannot know", never "absent".
	Read(ctx context.Context, refs ...Ref) ([]Entry, error)
}

// A Witness reads records and tells how new they can be.
type Witness interface {
	// ReadThrough is Read, and gives besides the id of the newest entry of the
	// change stream once all was read; empty: there is none. What was read tells
	// of no change in the stream that stands behind that entry.
	ReadThrough(ctx context.Context, refs ...Ref) (entries []Entry, through string, err error)
}

// A Lister finds records without knowing their refs.
type Lister interface {
	// Clients and Profiles give all ids, deleted ones too, sorted.
	Clients(ctx context.Context) ([]ClientID, error)
	Profiles(ctx context.Context) ([]ProfileID, error)
	// TokensOf gives the ids of a client's tokens, sorted.
	TokensOf(ctx context.Context, client ClientID) ([]credential.TokenID, error)
	// KeysOf gives the kids of a client's keys, sorted.
	KeysOf(ctx context.Context, client ClientID) ([]KeyID, error)
	// BindingsOf gives the ids of the bindings to a client, sorted.
	BindingsOf(ctx context.Context, client ClientID) ([]BindingID, error)
	// RevokedUntil gives when each revoked JWT may be forgotten; the zero time for
	// one that is not revoked.
	RevokedUntil(ctx context.Context, jtis ...JTI) ([]time.Time, error)
	// Digests gives the digest of each token id, empty where there is none.
	Digests(ctx context.Context, ids ...credential.TokenID) ([]credential.Digest, error)
}

// A History reads back what the change feed has told, as far as it is kept.
type History interface {
	// ChangesAfter gives the oldest changes behind an entry, n at most, oldest
	// first. The entry need not be there; an empty one stands before all.
	ChangesAfter(ctx context.Context, entry string, n int) ([]Change, error)
	// ChangesBefore gives the newest changes before an entry, n at most,
	// newest first; an empty one stands behind all.
	ChangesBefore(ctx context.Context, entry string, n int) ([]Change, error)
	// Extent tells from where to where the change stream reaches.
	Extent(ctx context.Context) (Extent, error)
}

// An Extent says what a change stream holds, by the ids of entries.
type Extent struct {
	There       bool   // there is a stream; it may be empty
	First, Last string // of those that are there; empty: none is
	Newest      string // of all that ever were, where that is known; else as Last
}

// A Feed tells of changes as they are made.
type Feed interface {
	// Next gives the changes behind a position, oldest first, as soon as there
	// is one. Where a whole round passes without, it gives none, and no error:
	// then nothing has changed. The root was read behind them, on the same
	// connection. ErrGap means that the entry at the position is
	// not there any more, so that changes may have been lost: forget
	// everything. At the zero Position there is nothing that could be lost.
	// When ctx ends, Next ends at once with ErrUnavailable.
	Next(ctx context.Context, after Position) (Round, error)
}

// A Round is what one Next of a Feed gives.
type Round struct {
	Changes []Change
	Root    Entry // the root record once these had been told
}

// A Tracker tells that records were written, by whoever and in whatever way,
// as soon as they are.
type Tracker interface {
	// Track begins to watch and calls on, once; from then on nothing is missed.
	// It calls written with what was written: none means that all may have
	// been. It blocks until ctx ends or nothing can be seen any more, and gives
	// ErrNotTracked where the store cannot tell at all. The calls come one
	// after another.
	Track(ctx context.Context, on func(), written func(refs []Ref)) error
}

// An Inventory looks at all that is there, listed or not, readable or not. It
// is for finding faults: what changes meanwhile is told as it was at some time
// between.
type Inventory interface {
	// Keys gives every key of the registry once, page by page, and ends with
	// the first error.
	Keys(ctx context.Context) iter.Seq2[[]StoredKey, error]
	// Members gives the members of a set page by page, as they stand there;
	// one may come twice. It ends with the first error.
	Members(ctx context.Context, set string) iter.Seq2[[]string, error]
	// Values gives what strings hold, by their keys; empty where there is no
	// string.
	Values(ctx context.Context, names ...string) ([]string, error)
	// Listed tells of each index whether its set has the member. Whether its
	// string leads to the value is what Values tells.
	Listed(ctx context.Context, indexes ...Index) ([]bool, error)
}

// A StoredKey is one of the keys that a registry consists of, whatever it holds.
type StoredKey struct {
	Name    string // without the registry's prefix
	Type    string // hash, set, string, stream, or as Redis calls it
	Expires bool   // Redis will remove it one day
}

// A Store keeps a registry.
type Store interface {
	Reader
	Witness
	Lister
	History
	Inventory
	// Init makes a registry where there is none. Where there is one it changes
	// nothing and gives created false.
	Init(ctx context.Context, root *Root) (created bool, err error)
	// Commit does all edits and revocations, or none. It fails with ErrConflict
	// when a record is not what its edit was made from, ErrExists when one to be
	// created is there, ErrTooMany where more JWTs would be revoked than there may
	// be, ErrNoRegistry where there is no registry, and ErrInvalid when an edit
	// would write what Parse would not read.
	Commit(ctx context.Context, commit Commit) (Position, error)
}

// Errors of a Store and a Feed. ErrUnavailable means that nobody knows: of a
// Read, what stands there; of a Commit, whether it was done. ErrOverloaded means
// that nobody came to ask: too many do at a time.
var (
	ErrConflict    = errors.New("changed meanwhile")
	ErrExists      = errors.New("exists already")
	ErrNoRegistry  = errors.New("no registry there")
	ErrTooMany     = errors.New("100000 JWTs are revoked already, and not expired: no more are taken")
	ErrUnavailable = errors.New("registry unavailable")
	ErrOverloaded  = errors.New("too many lookups at a time")
	ErrGap         = errors.New("changes were lost")
	ErrNotListed   = errors.New("the fleet does not list this server")
	ErrNotTracked  = errors.New("writes are not tracked there")
)

// A Position is where a commit stands in the history of a registry.
type Position struct {
	Seq   uint64 // the commit's number, counted from 1; zero: another program's change
	Entry string // id of its entry in the change stream
}
