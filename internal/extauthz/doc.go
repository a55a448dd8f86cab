// Package extauthz speaks Envoy's external authorization (ext_authz v3 over
// gRPC). It is the one room that knows Envoy's types, and it only translates:
//
//	CheckRequest ──decode──> authz.Request ──Checker──> authz.Decision ──encode──> CheckResponse
//
// Both messages are read and written as bytes (wire.go), a good part of what a
// check would cost otherwise: decode.go reads what Envoy sends with every check
// and leaves what is unusual to protobuf's own decoder (standard.go), encode.go
// and metadata.go write, and codec.go puts them into gRPC.
//
// What must never leave this room is a response that Envoy reads as "allow"
// without a decision that says so. An empty CheckResponse is one, and so may
// be an RPC error: Envoy can be set to let those pass. Responses are therefore
// made by two constructors, allow and deny (encode.go); every decision is a
// response, whatever happens (server.go); and an interceptor reads the bytes
// that leave, and replaces what is neither (guard.go).
//
// Where it listens on a network it speaks mutual TLS (tls.go): who may ask is
// known by a certificate (tlsadmission.go), and the files of both sides are read
// again when they change (tlsfiles.go).
//
// On allow the upstream gets the client's identity as headers, and no client
// can smuggle such a header in by any spelling (identity.go).
package extauthz
