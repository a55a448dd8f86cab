// Package redisstore keeps a registry in Redis. It alone knows go-redis.
//
// Records are hashes under keys that begin with one prefix, as docs/registry.md
// describes them for everyone who writes there. A Read is one round trip: a
// pipeline of HGETALL (of ZRANGE for the JWTs that are revoked, a sorted set),
// parsed strictly; a ReadThrough ends with the newest entry of the change stream
// besides. A Commit is one Lua script (commit.lua) that checks what every edit
// was made from, counts the commit, tells the change stream, and only then writes, so that no change is ever silent. A Feed
// waits for the entries of that stream, on a connection of its own. A Tracker
// tells of writes by whoever does not tell the stream, where Redis has client
// tracking; its connection is watched (watch.go), and never replaced. An
// Inspection is what Redis says of itself.
//
// A Store answers in time or not at all: every call is bounded by its timeout
// (registry.LongRead where the revoked JWTs are read, which may be megabytes),
// nothing is tried again that may have been done, and whatever is not an answer
// is registry.ErrUnavailable. Secrets (URL, password) are in no error.
package redisstore
