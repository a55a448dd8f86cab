package authz

import (
	"net/netip"

	"credence/internal/credential"
)

// A Decision is the answer to a Request. The zero Decision denies.
type Decision struct {
	Reason   Reason
	Observed Reason // what enforcing would have said, where it was not enforced; else Undecided
	Kind     credential.Kind
	Facts    Facts
	Route    Route
	Peer     netip.Addr // the address that was judged; zero where unknown
	// Where the credential was: one of the two names a place, or neither.
	Header string
	Query  string // as it was spelt
	// Cause says more for the log where records could not be had or read, or a
	// JWT is not what it should be.
	Cause error
}

// Allows tells whether the request passes.
func (d Decision) Allows() bool { return d.Reason.Allows() }
