package extauthz

import (
	"context"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"credence/internal/answer"
	"credence/internal/authz"
	"credence/internal/authz/authztest"
	"credence/internal/cache"
	"credence/internal/cache/cachetest"
	"credence/internal/registry"
)

// TestEveryCaseOverTheWire sends the request of every case of testdata/decisions
// through the decoder, and its decision through the encoder: each is held to the
// reference (wire_test.go). Which decision it is, others hold; issuers are not
// there.
func TestEveryCaseOverTheWire(t *testing.T) {
	reasons := make(map[authz.Reason]bool)
	for _, c := range authztest.Load(t) {
		t.Run(c.Name, func(t *testing.T) {
			request := c.Request(clock())
			memory := registry.NewMemory(clock)
			for ref, fields := range c.Records(clock()) {
				memory.Put(ref, fields)
			}
			for _, ref := range c.OtherTypes() {
				memory.PutOtherType(ref.Key())
			}
			for _, jti := range c.Revoked() {
				memory.PutRevoked(jti, clock().Add(time.Hour).Unix())
			}
			lookup := c.Lookup(t)
			c.Config.JWT.Issuers = nil
			checker := authz.NewChecker(c.Config.Policy(), authz.Sources{Directory: cachetest.Open(t, memory, cache.Options{
				Peppers: lookup.Peppers, Digests: lookup.Digests, RegistryID: lookup.RegistryID,
			})})
			decision := whole(checker.Check(context.Background(), clock(), request))
			reasons[decision.Reason] = true
			for _, seenOnly := range []bool{false, true} {
				said := standardIdentity
				said.StripSeenOnly = seenOnly
				e := encoder{newIdentity(said), answer.New(c.Config.Answers.Realm, nil)}
				e.encode(messageOf(request), request, decision)
			}
		})
	}
	if len(reasons) < 30 {
		t.Errorf("%d reasons were encoded, want 30 at least", len(reasons))
	}
}

// messageOf is a request as Envoy would have asked about it, but for the
// client's certificate.
func messageOf(request authz.Request) *authv3.CheckRequest {
	if !request.HTTP {
		return &authv3.CheckRequest{}
	}
	http := &authv3.AttributeContext_HttpRequest{Method: request.Method, Scheme: request.Scheme, Path: request.Target, HeaderMap: &corev3.HeaderMap{}}
	for _, header := range request.Headers {
		http.HeaderMap.Headers = append(http.HeaderMap.Headers, &corev3.HeaderValue{Key: header.Name, RawValue: []byte(header.Value)})
	}
	check := checkOf(http)
	for _, said := range request.Extensions { // over the wire none is nil
		if check.Attributes.ContextExtensions == nil {
			check.Attributes.ContextExtensions = make(map[string]string)
		}
		check.Attributes.ContextExtensions[said.Key] = said.Value
	}
	check.Attributes.Source.Address.GetSocketAddress().Address = request.Source
	return check
}
