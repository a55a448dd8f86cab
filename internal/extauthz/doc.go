// Package extauthz speaks Envoy's external authorization (ext_authz v3 over
// gRPC). It is the one room that knows Envoy's types, and it only translates:
//
//	CheckRequest ──decode──> authz.Request ──Checker──> authz.Decision ──encode──> CheckResponse
//
// What must never leave this room is a response that Envoy reads as "allow"
// without a decision that says so. An empty CheckResponse is one, and so may
// be an RPC error: Envoy can be set to let those pass. Responses are therefore
// made by two constructors, allow and deny (encode.go); every decision is a
// response, whatever happens (server.go); and an interceptor replaces what is
// neither (guard.go).
//
// On allow the upstream gets the client's identity as headers, and no client
// can smuggle such a header in by any spelling (identity.go).
package extauthz
