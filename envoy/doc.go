// Package envoy holds the Envoy configurations of this repository: files for people to copy, and the code that starts
// what was copied.
//
// envoy.yaml is a whole, commented bootstrap for a plain Envoy in front of one API. It is embedded here, so that the
// sample that `credence dev` runs, the one that the end-to-end tests run and the one that people copy are the same
// file. A program that runs it says where things listen (Addresses) and, where a test needs another behaviour, what to
// change (Edit); Bootstrap answers with YAML for `envoy -c`.
//
// The other files are whole too, each for a place that envoy.yaml does not fit as it stands: another way to credence, a
// load balancer in front, browsers, gRPC, rate limits. A test holds each to differ from envoy.yaml in nothing but that.
//
// Comments do not survive that way: Bootstrap's answer is for Envoy, the file is for people.
package envoy
