// Package record keeps what the real Envoy asks, so that the decoder of its messages is tested with messages that
// Envoy sent: those made by hand carry header names and shapes that it never sends, and prove little.
//
// There is nothing here but a test. It starts the pinned Envoy with the bootstrap of package envoy and its edits, sends
// each request of a table as the bytes that a client would, and takes the CheckRequest that arrives at the other side.
// As `make record-checks` runs it, it writes each to testdata/checks/NAME.json, in the JSON form of protocol buffers
// (bytes, such as raw header values, are base64), and the list of them with a sentence each to README.md there. As
// `make test` runs it, it compares: a recording is what Envoy sends today.
//
// What differs from run to run is set to fixed values, named in settle; nothing else is touched.
package record
