// Package cache is the bounded copy of facts in memory, and its freshness. It
// implements authz.Directory.
//
// A Cache keeps what was read from the registry until the registry changes.
// That is told by the change feed and by client tracking; both end in the same
// invalidation. A read that was under way then is a ticket: whatever touches
// its fact keeps it from being kept, so that nothing old comes back. A check
// holds its facts only while nothing touched them; else it gathers again.
//
// Contact is the age of the older of the last complete round of the feed and
// the last accepted heartbeat. Known facts serve until it is older than
// stale_for, and nothing is looked up between a round that failed and the next
// that is complete.
//
// Every change of a Cache's state is a method that is done when it returns and
// waits for nobody; a Follower calls them as the registry tells.
//
// Signatures are another fact, which no registry changes: that a JWT was verified
// with a key. They implement authz.Verifier, and verify what is new in lanes of
// their own (lanes.go), so that whoever floods them does not slow those who are
// known. Lookups and lanes give each source its share (shares.go).
package cache
