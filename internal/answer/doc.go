// Package answer turns a denial into what the caller is told.
//
// One table (table.go) says for every reason the HTTP status, the gRPC code,
// the public code and sentence, and the challenge; docs/decisions.md shows the
// same table to people, and a test compares. A caller that has not proven
// possession of a credential is told the same whatever was wrong with it: the
// precise reason is for logs, metrics and Envoy's metadata.
//
// Answers.Deny makes the whole answer of it (denial.go): a problem document
// (RFC 9457) or, for a gRPC call, a plain sentence; the challenge (RFC 6750
// §3); when to try again. The package knows HTTP, but nothing of Envoy.
package answer
