// Package cli is the credence command: it reads arguments, asks the packages
// that do the work, and tells people and programs what came of it.
//
// Data goes to standard output and all else to standard error, so that $(…) and
// pipes get what they came for. A table is for people; -o json and -o yaml hold
// the same for programs, with the names and the texts of the fields in Redis.
//
// An argument becomes a value at the edge, once: what is wrong with it is wrong
// usage (status 2), told before anything is asked of Redis. All other errors
// travel up as they are and become one line in one place (failure.go), which
// says what is wrong, where, and what to do.
//
// A token is printed once, by the command that issues it, and a JWT by the one
// that signs it; a private key never. None is taken from an argument, where a
// shell would keep it in its history.
package cli
