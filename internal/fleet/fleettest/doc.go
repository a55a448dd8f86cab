// Package fleettest states once how the list of servers is kept, and holds every
// store to it: the one in memory, a real Redis, the embedded one.
//
// A store is given as a Fixture: the store itself, and the hands of others that
// write past it. Run makes a fresh one for each test.
package fleettest
