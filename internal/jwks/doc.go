// Package jwks keeps the keys of the issuers that are trusted by configuration:
// fetched, kept, refreshed.
//
// Each issuer has one goroutine that asks for its JWKS, one fetch at a time, and
// a last good set that checks read without waiting. Until there is one it is
// asked each second; then as often as Cache-Control says, within bounds; after a
// failure sooner. A kid that the set does not hold has the issuer asked at once,
// but once in 30 s whatever is sent: all checks that come meanwhile wait for that
// same fetch, each for as long as it can.
//
// No outage reads as "your key is wrong": that there is no such key is said only
// where the last fetch succeeded. The last good set serves for 24 h through
// failures; that of a file serves on, since it is the operator's own, and only
// what was read of it at the start must be good. A JWKS without a key that can be
// used is no failure: the issuer has withdrawn what it had, and none of it is used.
//
// What comes from an issuer is bounded in time and size, and no text of it is in
// an error. Redirects are not followed, and cookies not kept. https goes through
// the proxy that HTTPS_PROXY and NO_PROXY name, since that is often the only way
// out, and TLS is with the issuer through it; plain http is for loopback only
// and never goes through one.
package jwks
