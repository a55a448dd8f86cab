// Package registrar does what people do to a registry: make a client, issue a
// token, register a key, bind a subject, switch something off. Each operation reads the records that it needs,
// decides whether it may be done, and ends in one commit or in none; what is
// already so is no error, and nothing is written.
//
// Two people may work at once. A commit that comes too late is not done, and
// the operation begins anew from what it finds then.
//
// It also tells what others did: a Journal reads the change feed for people, and
// an Audit looks through all of a registry for what is not as it should be.
//
// A Registrar works over the registry's Store port and does no I/O of its own.
// Its errors are read by the person who typed the command: they begin with the
// name of the record (client/acme: …), not with that of the package.
package registrar
