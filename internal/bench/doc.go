// Command bench measures what a check costs credence, beside the least that a
// gRPC server in Go can do: answer every check with the same bytes.
//
// It starts a redis-server, fills a registry, and starts `credence serve` and
// the no-op peer, each a process of its own on loopback. Then it asks both in
// turns, round after round, with what Envoy would ask, and prints the medians.
// Servers are compared within one run only: a machine that others use too is
// never the same twice.
//
// The CPU of a server is read from /proc, so it runs on Linux. It is a module
// of its own, so that what it needs is never needed by the program.
package main
