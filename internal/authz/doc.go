// Package authz decides whether a request may pass.
//
// A Checker takes a Request in credence's own words, gathers the facts that it
// needs from a Directory (the credential first, then its client and profile
// together) and evaluates one table of rules in order: the first rule that
// does not hold gives the reason (rules.go). What a route may soften, observe
// and optional, is one last step and not woven into the rules (settle.go).
//
// A JWT is judged while its facts are gathered (judged.go), since what to look up
// next depends on it: the key, the signature, an issuer's binding, the claims. It
// stops at the first fault, and the rules read what it left (jwtrules.go). The
// keys of issuers and the verifying are ports beside the Directory.
//
// The zero Decision denies, and nothing starts from "allowed". The package does
// no I/O of its own, takes the time as an argument, and knows neither Envoy's
// types nor Redis nor how a denial looks on the wire.
package authz
