// Package fleet knows which servers use a registry, what each has applied of
// its changes, and how to wait until all have.
//
// A server takes a Seat: it joins before it reads the end of the change stream,
// says with each heartbeat what it has applied, and leaves after its last
// answer. One whose heartbeats are refused as unknown has lost contact: it
// forgets all facts and joins anew.
//
// Wait is the proof that a change has taken effect: every server that is listed
// has applied it, has left, or has been silent for longer than it may answer
// from memory. What one look at the fleet proves is decided by a function of
// what was seen and when, without I/O and without a clock.
//
// All times of others are by the clock of Redis, and are trusted to the
// Tolerance. The Store port is kept by Redis, and in fleettest by memory.
package fleet
