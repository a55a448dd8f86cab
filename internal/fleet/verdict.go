package fleet

import (
	"time"

	"credence/internal/registry"
)

// A Verdict is what is known of a change and the servers: proven, or who is
// missing. A server stands in one of its lists.
type Verdict struct {
	Change  registry.Position
	Applied []Standing
	Left    []Standing
	// Silent are those that were not heard of for longer than they may answer
	// from memory.
	Silent []Standing
	// Missing are those that may still answer by what was before the change.
	Missing []Standing
	// Took is how long it was until the last of Applied had, as far as was seen.
	Took time.Duration
	// Lost says that the change is not in the change stream any more: somebody
	// emptied or restored it, or another Redis took over that never had it.
	Lost bool
	// Unasked is why the store could not be asked; nil: it could, when it was
	// asked last. Then nobody knows who has applied the change by now.
	Unasked error
}

// Proven tells whether no server that is listed goes by what was before.
func (v Verdict) Proven() bool { return v.Unasked == nil && !v.Lost && len(v.Missing) == 0 }

// A Standing is a server, and how it stands to a change.
type Standing struct {
	Server        // as it was seen last
	Why    Reason // of those that are missing
	// Until is when it has surely stopped to answer by what was before, if it is
	// never heard of again, by the clock of the store. Of servers that have
	// applied the change or have left it says nothing.
	Until time.Time
}

// A Reason says why a server is missing.
type Reason uint8

// The reasons.
const (
	NoReason   Reason = iota
	Behind            // it is heard of, and has not applied the change
	NotHeardOf        // it was not heard of for a moment at least
	TakenOff          // somebody has taken it off the list, but not it itself
	Unreadable        // what it says of itself cannot be read
	Elsewhere         // what it says that it applied is in no stream that is there
)
