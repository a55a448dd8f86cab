package extauthz

import (
	"encoding/pem"
	"net/url"

	"credence/internal/jwt"
)

// certificate gives the thumbprint of the client's certificate as Envoy reports
// it (include_peer_certificate): in PEM, with percent-encoding. What is not one
// certificate alone counts as none: nothing is bound to it.
func certificate(encoded string) jwt.Thumbprint {
	if encoded == "" {
		return jwt.Thumbprint{}
	}
	text, err := url.PathUnescape(encoded) // a plus is one: base64 has them
	if err != nil {
		return jwt.Thumbprint{}
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || len(block.Bytes) == 0 || len(rest) > 0 {
		return jwt.Thumbprint{}
	}
	return jwt.ThumbprintOf(block.Bytes)
}
