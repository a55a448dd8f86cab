package config

import (
	"testing"
	"time"
)

// TestUnbuilt: a key whose feature is not built may be written out, but only
// with its default.
func TestUnbuilt(t *testing.T) {
	for _, test := range []struct{ key, value, byDefault string }{
		{"listen.tls.cert_file", "cert.pem", `""`},
		{"listen.tls.key_file", "key.pem", `""`},
		{"listen.tls.client_ca_file", "ca.pem", `""`},
		{"listen.tls.allowed_clients", "[envoy]", "[]"},
		{"redis.sentinel.username", "u", `""`},
		{"redis.sentinel.password_file", "f", `""`},
	} {
		t.Run(test.key, func(t *testing.T) {
			text := setting(test.key, test.value)
			checkMistake(t, unbuilt, text, "1: "+test.key+": not supported yet: it may only hold its default, "+test.byDefault)
			checkParse(t, unbuilt, setting(test.key, test.byDefault), Default())
		})
	}
}

// TestBuiltLater reads what unbuilt keys will take once their rows are gone.
func TestBuiltLater(t *testing.T) {
	want := Default()
	want.Listen.GRPC = "0.0.0.0:9001"
	want.Listen.TLS = ListenTLS{CertFile: "c", KeyFile: "k", ClientCAFile: "ca", AllowedClients: []string{"envoy"}}
	want.Redis.Sentinel = Sentinel{Username: "u", PasswordFile: "f"}
	want.Redis.Replicas = 2
	want.Cache = Cache{MaxEntries: 1, TTL: time.Second, NegativeTTL: 0, StaleFor: 24 * time.Hour}
	want.JWT = JWT{Audiences: []string{"api"}, MaxLifetime: 48 * time.Hour, ClockSkew: time.Minute, Issuers: []Issuer{
		{Issuer: "https://i.example", JWKSURL: "https://i.example/keys", Algorithms: []string{"ES256", "EdDSA"}, SubjectClaim: "client_id"},
		{Issuer: "http://127.0.0.1:8080", JWKSFile: "keys.json"},
		{Issuer: "https://j.example", JWKSURL: "https://j.example/keys", CAFile: "/etc/ca.pem"},
	}}
	checkParse(t, nil, `
listen: {grpc: 0.0.0.0:9001, tls: {cert_file: c, key_file: k, client_ca_file: ca, allowed_clients: [envoy]}}
redis: {sentinel: {username: u, password_file: f}, replicas: 2}
cache: {max_entries: 1, ttl: 1s, negative_ttl: 0s, stale_for: 1d}
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

// TestBuiltLaterMistakes tries what they will refuse.
func TestBuiltLaterMistakes(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"certificate without key", "listen: {tls: {cert_file: c}}\n", "1: listen.tls.cert_file: needs listen.tls.key_file"},
		{"key without certificate", "listen: {tls: {key_file: k}}\n", "1: listen.tls.key_file: needs listen.tls.cert_file"},
		{"authority without clients", "listen: {tls: {cert_file: c, key_file: k, client_ca_file: ca}}\n",
			"1: listen.tls.client_ca_file: needs listen.tls.allowed_clients: else every certificate of that authority may ask"},
		{"clients without authority", "listen: {tls: {cert_file: c, key_file: k, allowed_clients: [envoy]}}\n",
			"1: listen.tls.allowed_clients: needs listen.tls.client_ca_file, which certificates are verified with"},
		{"authority without certificate", "listen: {tls: {client_ca_file: ca, allowed_clients: [envoy]}}\n", "1: listen.tls.client_ca_file: needs listen.tls.cert_file"},
		{"names", "listen: {tls: {allowed_clients: [\"\"]}}\n", "1: listen.tls.allowed_clients[0]: want a name, have \"\""},
		{"numbers", "redis: {replicas: 17}\ncache: {max_entries: 0}\n",
			"1: redis.replicas: want a whole number from 0 to 16, have 17\n2: cache.max_entries: want a whole number from 1 to 10000000, have 0"},
		{"numbers in other words", "redis: {replicas: 0x1}\ncache: {max_entries: \"5\"}\n",
			"1: redis.replicas: want a whole number from 0 to 16, have 0x1\n2: cache.max_entries: want a whole number from 1 to 10000000, have \"5\""},
		{"durations", "cache: {ttl: 0s, negative_ttl: 2m, stale_for: 25h}\njwt: {max_lifetime: 366d, clock_skew: 301s}\n",
			"1: cache.ttl: want a duration from 1s to 1d, have \"0s\"\n1: cache.negative_ttl: want a duration from 0s to 1m, have \"2m\"\n" +
				"1: cache.stale_for: want a duration from 1s to 1d, have \"25h\"\n2: jwt.max_lifetime: want a duration from 1s to 365d, have \"366d\"\n" +
				"2: jwt.clock_skew: want a duration from 0s to 5m, have \"301s\""},
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
		t.Run(test.name, func(t *testing.T) { checkMistake(t, []string{}, test.text, test.want) })
	}
}
