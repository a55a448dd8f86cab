package registrar

import (
	"errors"
	"strings"

	"credence/internal/registry"
)

// A Refusal says that something cannot be done as it was asked for, and why.
type Refusal struct {
	Name  string // of the record: client/acme, token/<id>, key/acme/<kid>, registry
	Why   string
	cause error
}

// Causes of a Refusal, besides registry.ErrExists, registry.ErrInvalid and
// credential.ErrPepperMissing.
var (
	ErrNotFound        = errors.New("no such record")
	ErrDeleted         = errors.New("deleted")
	ErrAnotherRegistry = errors.New("another registry")
)

// ErrUncertain says that a commit got no answer, so that nobody knows whether
// it was done. It comes with registry.ErrUnavailable.
var ErrUncertain = errors.New("it is not known whether it was done")

// Error gives client/acme: exists already.
func (r *Refusal) Error() string { return r.Name + ": " + r.Why }

// Unwrap gives the cause, nil where the sentence says all.
func (r *Refusal) Unwrap() error { return r.cause }

// Name gives the name that people know a record by: client/acme, key/acme/k1. A
// token is better called by its id, which its ref does not hold.
func Name(ref registry.Ref) string {
	switch ref.Kind {
	case registry.RootKind, registry.RevokedKind:
		return string(ref.Kind)
	case registry.KeyKind:
		return keyName(ref.OfKey())
	}
	return string(ref.Kind) + "/" + ref.ID
}

// nameOf gives the name that people know a record by.
func nameOf(record registry.Record) string {
	if token, ok := record.(*registry.Token); ok {
		return tokenName(token.ID)
	}
	return Name(record.Ref())
}

// noSuch refuses what needs a record that is not there.
func noSuch(name string) error {
	kind, _, _ := strings.Cut(name, "/")
	return &Refusal{name, "no such " + kind, ErrNotFound}
}
