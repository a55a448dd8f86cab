// Package telemetry says what a server does: metrics for machines, a log for
// people, and the pages of the operations port.
//
// Metrics belong to an instance (metrics.go), so that two servers in one
// process, or in one test, do not share any. No label grows with the number of
// clients; the names of APIs, which operators write, are bounded (names.go).
// What has a state of its own, like the keys of issuers, is asked when the
// metrics are (signatures.go). One hook, Observe, is told of every answered check by metrics and log alike.
//
// The log has one line a denial at most (decisions.go). Under a flood it has
// ten a second for each reason, and one more that counts the rest: a log that
// an attacker can fill hides him. No line holds a token, a path or a query.
//
// The operations port (ops.go) serves /livez, /readyz and /metrics.
package telemetry
