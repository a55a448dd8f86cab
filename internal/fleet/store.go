package fleet

import (
	"context"
	"errors"
	"time"
)

// A Store keeps the list of servers. Times are by its own clock. Errors are
// registry.ErrUnavailable where it cannot be asked now, and others where it is of
// no use to try again.
type Store interface {
	Lookout
	// Join lists a server, heard of now, with what it says of itself. Whatever
	// stood there of the name is gone.
	Join(ctx context.Context, server Server) error
	// Beat says that a server is there, and what it has applied and withholds.
	// It fails with registry.ErrNotListed, and writes nothing, where the server
	// is not listed, or nothing is said of it.
	Beat(ctx context.Context, name, applied string, withheld []string) error
	// Leave takes a server off the list, with all that is said of it.
	Leave(ctx context.Context, name string) error
	// List gives the servers by name, and what the time is.
	List(ctx context.Context) (now time.Time, servers []Server, err error)
	// Forget is Leave for somebody else: it fails with ErrHeardOf where the last
	// heartbeat is not the one that was seen any more. The zero time stands for
	// any. What is not there is forgotten already.
	Forget(ctx context.Context, name string, seen time.Time) error
}

// A Lookout is what can be seen of a fleet while it is waited for.
type Lookout interface {
	// Look tells of the servers, of a change by its entry in the change stream,
	// and of servers by name that may be listed no longer.
	Look(ctx context.Context, entry string, names []string) (Sight, error)
}

// A Sight is what one look at a fleet gives.
type Sight struct {
	Now     time.Time // by the clock of the store
	Servers []Server  // that are listed, by name
	// Remains are those of the names that are not listed, but of which
	// something is said: they have not left, somebody took them off the list.
	Remains []string
	// Newest is the newest entry that the change stream ever had, read last;
	// empty: it had none.
	Newest string
	Kept   bool // the change is there
}

// ErrHeardOf says that a server that was to be forgotten is there.
var ErrHeardOf = errors.New("the server was heard of meanwhile")
