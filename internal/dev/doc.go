// Package dev is `credence dev`: everything on one machine, for trying out.
//
// It starts an embedded Redis, fills it with a sample registry through the
// same operations that the commands use, starts an upstream that echoes what it
// got, the real server, and the real Envoy in front, all on loopback. Then it
// prints what to paste and what each line should answer (greeting.go). A signal
// stops the Redis and starts it again (redis.go), to see what an outage costs.
//
// Nothing of it outlives the command, and nothing of it is for production.
package dev
