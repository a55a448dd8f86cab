// Package registry holds what credence knows of its clients: the records, how
// they are read from text, and the ports through which they are kept.
//
// A record is a Redis hash of plain fields, so that redis-cli and any language
// can write it. Reading is strict: text becomes a record once, at the edge
// (Parse), and a record that exists is valid. What cannot be read is an error
// that names key and field, and the requests that need it are denied.
//
// One record is no hash: the JWTs that are revoked are a sorted set, read as a
// whole, of which a commit names what is added (revocation.go).
//
// Records are immutable once parsed and shared by pointer. A change is an Edit
// from one record to another; a Commit is a list of edits and of JWTs to revoke
// that happen together or not at all, and becomes a Change in the change feed. Reader, Store and
// Feed are the ports; registrytest holds every store to one behaviour, and the
// memory store is the simplest one that has it.
package registry
