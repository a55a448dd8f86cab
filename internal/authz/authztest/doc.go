// Package authztest reads the cases of testdata/decisions: each file is a
// registry, a request, the decision that is expected, and a sentence why. The
// same files run against authz over a registry in memory and over gRPC against
// a server on Redis.
//
// testdata/decisions/README.md says how a file is written. Times in it are
// relative to the now that a runner gives, and tokens are made from names
// ({token acme}), so that no file holds a secret or grows old.
//
// A runner loads the cases (Load), puts Case.Records where its registry is,
// sends Case.Sent or Case.Request, and hands what came back to Case.Check or
// Case.CheckAnswer, which tell file, sentence, got and want where it differs.
package authztest
