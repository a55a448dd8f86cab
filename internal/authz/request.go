package authz

import (
	"credence/internal/credential"
	"credence/internal/jwt"
)

// A Request is what is asked: may this HTTP request pass?
type Request struct {
	HTTP    bool // false: an L4 check, or no attributes at all
	Method  string
	Scheme  string // http or https, as the connection to Envoy was
	Target  string // path and query, as Envoy gives them
	Headers credential.Headers
	Source  string // IP address that Envoy saw; empty where it was not an IP address
	// Certificate is that of the client's connection to Envoy; zero: none, or
	// Envoy does not tell.
	Certificate jwt.Thumbprint
	// Extensions are what the route says (context_extensions in Envoy).
	Extensions Extensions
}

// secure tells whether the request came over TLS, by Envoy's word and by the
// header that a proxy before it would have set.
func (r Request) secure() bool {
	proto, single := r.Headers.Single("x-forwarded-proto")
	return single && credential.EqualFold(r.Scheme, "https") && credential.EqualFold(proto, "https")
}

// preflight tells whether the request is a CORS preflight (Fetch §4.8).
func (r Request) preflight() bool {
	return r.Method == "OPTIONS" && r.Headers.Has("origin") && r.Headers.Has("access-control-request-method")
}
