package config

import (
	"testing"
	"time"
)

// TestJWT sets each key of jwt to a value that is not its default.
func TestJWT(t *testing.T) {
	want := Default()
	want.JWT = JWT{Audiences: []string{"api"}, MaxLifetime: 48 * time.Hour, ClockSkew: time.Minute, Issuers: []Issuer{
		{Issuer: "https://i.example", JWKSURL: "https://i.example/keys", Algorithms: []string{"ES256", "EdDSA"}, SubjectClaim: "client_id"},
		{Issuer: "http://127.0.0.1:8080", JWKSFile: "keys.json"},
		{Issuer: "https://j.example", JWKSURL: "https://j.example/keys", CAFile: "/etc/ca.pem"},
	}}
	checkParse(t, unbuilt, `
jwt:
  audiences: [api]
  max_lifetime: 2d
  clock_skew: 1m
  issuers:
    - {issuer: https://i.example, jwks_url: https://i.example/keys, algorithms: [ES256, EdDSA], subject_claim: client_id}
    - {issuer: http://127.0.0.1:8080, jwks_file: keys.json}
    - {issuer: https://j.example, jwks_url: https://j.example/keys, ca_file: /etc/ca.pem}
`, want)
}

// TestJWTMistakes tries what is refused of jwt.
func TestJWTMistakes(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"durations", "jwt: {max_lifetime: 366d, clock_skew: 301s}\n",
			"1: jwt.max_lifetime: want a duration from 1s to 365d, have \"366d\"\n1: jwt.clock_skew: want a duration from 0s to 5m, have \"301s\""},
		{"no issuer", "jwt: {issuers: [{jwks_file: f}]}\n", "1: jwt.issuers[0]: names no issuer"},
		{"no keys", "jwt: {issuers: [{issuer: https://i.example}]}\n", "1: jwt.issuers[0]: want either jwks_url or jwks_file"},
		{"keys in two places", "jwt: {issuers: [{issuer: https://i.example, jwks_file: f, jwks_url: https://i.example}]}\n", "1: jwt.issuers[0]: want either jwks_url or jwks_file"},
		{"issuer is no URL", "jwt: {issuers: [{issuer: acme, jwks_file: f}]}\n", "1: jwt.issuers[0].issuer: want the URL that its JWTs hold in iss, have \"acme\""},
		{"plain HTTP", "jwt: {issuers: [{issuer: https://i.example, jwks_url: http://i.example}]}\n", "1: jwt.issuers[0].jwks_url: want an https URL, have \"http://i.example\""},
		{"authorities of a file", "jwt: {issuers: [{issuer: https://i.example, jwks_file: f, ca_file: ca}]}\n", "1: jwt.issuers[0]: ca_file is for a jwks_url that is https"},
		{"authorities of plain HTTP", "jwt: {issuers: [{issuer: https://i.example, jwks_url: http://localhost/k, ca_file: ca}]}\n", "1: jwt.issuers[0]: ca_file is for a jwks_url that is https"},
		{"no authorities", "jwt: {issuers: [{issuer: https://i.example, jwks_url: https://i.example, ca_file: \"\"}]}\n", "1: jwt.issuers[0].ca_file: want a path, have \"\""},
		{"issuer twice", "jwt:\n  issuers:\n    - {issuer: https://i.example, jwks_file: f}\n    - {issuer: https://j.example, jwks_file: f}\n    - {issuer: https://i.example, jwks_file: g}\n",
			"5: jwt.issuers[2]: https://i.example stands there twice, first as [0]"},
		{"shared secrets", "jwt: {issuers: [{issuer: https://i.example, jwks_file: f, algorithms: [HS256]}]}\n",
			"1: jwt.issuers[0].algorithms[0]: want RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA, have \"HS256\""},
	} {
		t.Run(test.name, func(t *testing.T) { checkMistake(t, unbuilt, test.text, test.want) })
	}
}
