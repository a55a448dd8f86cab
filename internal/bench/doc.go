// Command bench measures what a check costs credence, and what becomes of the
// checks of known clients while the registry changes, strangers or forgers flood
// it, or it is large.
//
// Each part of it starts a redis-server, fills a registry, and starts
// `credence serve` and whatever it is compared with, each a process of its own
// on loopback: peers that answer as many bytes, or a real Envoy with filters of
// its own. What is compared is measured in turns, round after round, and the
// medians are printed, beside the goals: a machine that others use too is never
// the same twice, so only figures of one run say something about each other.
//
// The kernel is asked for the CPU of a server, so it runs on Linux. It is a module
// of its own, so that what it needs is never needed by the program.
package main
