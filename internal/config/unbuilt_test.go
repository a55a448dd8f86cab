package config

import "testing"

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
	checkParse(t, nil, `
listen: {grpc: 0.0.0.0:9001, tls: {cert_file: c, key_file: k, client_ca_file: ca, allowed_clients: [envoy]}}
redis: {sentinel: {username: u, password_file: f}}
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
	} {
		t.Run(test.name, func(t *testing.T) { checkMistake(t, []string{}, test.text, test.want) })
	}
}
