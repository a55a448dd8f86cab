package e2e

import (
	"maps"
	"testing"
	"time"

	"credence/internal/jwt"
	"credence/internal/jwt/jwttest"
)

// A pair is a key to sign JWTs with.
type pair struct{ jwttest.Pair }

// newPair makes a key for an algorithm.
func newPair(t testing.TB, a jwt.Algorithm) pair { return pair{jwttest.New(t, a)} }

// jwk gives the public half under a key id.
func (p pair) jwk(kid string) string { return p.Key().JWK(kid) }

// A claim is what a JWT says otherwise than a good one would; nil leaves it out.
type claim map[string]any

// sign makes a JWT of iss acme, meant for https://api.example.com and good for
// five minutes, but for some claims.
func (p pair) sign(t testing.TB, kid string, otherwise claim) string {
	t.Helper()
	now := time.Now()
	claims := claim{"iss": "acme", "aud": "https://api.example.com", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	maps.Copy(claims, otherwise)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	signed, err := p.Sign(p.Algorithm, kid, claims)
	if err != nil {
		t.Fatal(err)
	}
	return signed.Expose()
}

// key registers the public half as a key of acme's, with the profile signed.
func (s *stack) key(kid string, p pair, more ...string) {
	s.t.Helper()
	s.set("key:acme:"+kid, append([]string{
		"id", kid, "client", "acme", "alg", p.Algorithm.String(), "jwk", p.jwk(kid), "profile", "signed", "state", "active", "created_at", ago(time.Hour),
	}, more...)...)
}

// signed writes a client acme and a profile signed that accepts JWTs.
func (s *stack) signed() {
	s.t.Helper()
	s.client("acme", "name", "Acme Ltd")
	s.set("profile:signed", "id", "signed", "state", "active", "accepts", "jwt", "scopes", "orders:read orders:write", "created_at", ago(time.Hour))
}

const audience = "jwt: {audiences: [https://api.example.com]}\n"
