package config

import (
	"strings"
	"testing"
)

const tlsFiles = "cert_file: c, key_file: k, client_ca_file: ca"

// TestListenTLS: all of it is set, and names are as certificates hold them.
func TestListenTLS(t *testing.T) {
	want := Default()
	want.Listen.GRPC = "0.0.0.0:9001"
	want.Listen.TLS = ListenTLS{CertFile: "c", KeyFile: "k", ClientCAFile: "ca", AllowedClients: []string{
		"envoy", "edge.example.com", "_x.a-b.example", "spiffe://example.com/ns/edge/sa/envoy", "https://a.example:8443/x?y=%20", "urn:envoy:edge",
	}}
	checkParse(t, unbuilt, `
listen:
  grpc: 0.0.0.0:9001
  tls:
    cert_file: c
    key_file: k
    client_ca_file: ca
    allowed_clients: [envoy, Edge.EXAMPLE.com, _x.a-b.example, spiffe://example.com/ns/edge/sa/envoy, "https://a.example:8443/x?y=%20", "urn:envoy:edge"]
`, want)
}

func TestListenTLSMistakes(t *testing.T) {
	for _, test := range []struct{ name, tls, want string }{
		{"certificate without key", "cert_file: c", "cert_file: needs listen.tls.key_file"},
		{"key without certificate", "key_file: k", "key_file: needs listen.tls.cert_file"},
		{"no authority", "cert_file: c, key_file: k", "cert_file: needs listen.tls.client_ca_file and listen.tls.allowed_clients: else whoever reaches the port may ask"},
		{"authority without clients", tlsFiles, "client_ca_file: needs listen.tls.allowed_clients: else every certificate of that authority may ask"},
		{"clients without authority", "cert_file: c, key_file: k, allowed_clients: [envoy]",
			"allowed_clients: needs listen.tls.client_ca_file, which certificates are verified with"},
		{"authority without certificate", "client_ca_file: ca, allowed_clients: [envoy]", "client_ca_file: needs listen.tls.cert_file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkMistake(t, unbuilt, "listen: {tls: {"+test.tls+"}}\n", "1: listen.tls."+test.want)
		})
	}
	checkMistake(t, unbuilt, "listen:\n  grpc: unix:/run/a.sock\n  tls: {"+tlsFiles+", allowed_clients: [envoy]}\n",
		"3: listen.tls.cert_file: is for TCP: a Unix socket is guarded by its mode, listen.socket_mode")
}

func TestAllowedClientsMistakes(t *testing.T) {
	const want = "want a URI or DNS name, like spiffe://example.com/envoy, have "
	for name, told := range map[string]string{
		`""`:                          want + `""`,
		`"*"`:                         `"*": a client is named exactly, without wildcards`,
		`"*.example.com"`:             `"*.example.com": a client is named exactly, without wildcards`,
		`"spiffe://example.com/*"`:    `"spiffe://example.com/*": a client is named exactly, without wildcards`,
		`10.0.0.1`:                    `"10.0.0.1" is an address: clients are known by a URI or a DNS name`,
		`"::1"`:                       want + `"::1"`,
		`example.com.`:                want + `"example.com."`,
		`.example.com`:                want + `".example.com"`,
		`a..b`:                        want + `"a..b"`,
		`-a.b`:                        want + `"-a.b"`,
		`"a b"`:                       want + `"a b"`,
		`ü.example`:                   want + `"ü.example"`,
		`CN=envoy`:                    want + `"CN=envoy"`,
		`"spiffe:///x"`:               want + `"spiffe:///x"`,
		`"spiffe://u:p@example.com/"`: `a URI with user name or password names no client`,
		`"SPIFFE://example.com/x"`:    `"SPIFFE://example.com/x" is written as "spiffe://example.com/x" in a certificate`,
		`"spiffe://example.com/a b"`:  `"spiffe://example.com/a b" is written as "spiffe://example.com/a%20b" in a certificate`,
		strings.Repeat("a", 64):       want + `"` + strings.Repeat("a", 60) + `"…`,
	} {
		checkMistake(t, unbuilt, "listen: {tls: {"+tlsFiles+", allowed_clients: ["+name+"]}}\n", "1: listen.tls.allowed_clients[0]: "+told)
	}
	checkMistake(t, unbuilt, "listen: {tls: {"+tlsFiles+", allowed_clients: [envoy, b, Envoy]}}\n", "1: listen.tls.allowed_clients[2]: envoy stands there twice, first as [0]")
}
