package record

import (
	"slices"
	"strings"

	"credence/envoy"
)

// A setting is a way to run Envoy, and the requests that are sent to it.
type setting struct {
	name  string // begins the name of each recording
	why   string
	edits []envoy.Edit
	cases []recording

	listener string // the listener's address, where not one on 127.0.0.1
	tls      bool   // the listener speaks TLS
	client   bool   // and demands a certificate of the client, who has one
}

// A recording is a request whose check is kept.
type recording struct {
	name string // of the file, behind the setting's name
	why  string // a sentence for the README: what was sent, or what is special
	send request
}

const (
	host    = "Host: api.example.test"
	token   = "crd_0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef28YxLN" // of our shape, with its right checksum
	foreign = "a-token-of-another-system"
)

// get is the head of a plain request, with more header lines.
func get(headers ...string) []string {
	return append([]string{"GET /v1/orders HTTP/1.1", host}, headers...)
}

// spellings are the ways to write each identity header that some upstream takes for the header itself.
func spellings() []string {
	var names []string
	for _, name := range []string{"x-client-id", "x-client-name", "x-client-profile"} {
		for _, between := range []string{"-", "_", ".", "~"} {
			names = append(names, strings.ReplaceAll(name, "-", between))
		}
	}
	return append(names, "x-client_credential.id", "x-client-other")
}

// smuggled returns header lines that claim an identity in each spelling, the first in capitals.
func smuggled() []string {
	var lines []string
	for i, name := range spellings() {
		if i == 0 {
			lines = append(lines, strings.ToUpper(name)+": smuggled-in-capitals")
		}
		lines = append(lines, name+": smuggled")
	}
	return lines
}

// smuggledPairs is the same for HTTP/2, where names are in lower case.
func smuggledPairs() []string {
	var pairs []string
	for _, name := range spellings() {
		pairs = append(pairs, name, "smuggled")
	}
	return pairs
}

func settings() []setting {
	underscores := envoy.Underscores("ALLOW") // to see what is sent of them; envoy.yaml rejects such requests
	return []setting{
		{
			name: "raw", why: "the bootstrap as it is (headers in `header_map`), but underscores in names allowed",
			edits: []envoy.Edit{underscores, envoy.UpstreamAsDownstream(),
				envoy.Route("/orders", map[string]string{"api": "orders", "scopes": "orders:read orders:write"})},
			cases: slices.Concat(credentials(), headers(), requests(), overHTTP2()),
		},
		{
			name: "joined", why: "`encode_raw_headers: false`, Envoy's default: headers in `headers`, one text a name",
			edits: []envoy.Edit{underscores, envoy.UpstreamAsDownstream(), envoy.JoinedHeaders()},
			cases: slices.Concat(credentials(), headers(), overHTTP2()),
		},
		{
			name: "allowed-raw", why: "`allowed_headers` of `authorization` and `x-api-key`, raw: no pseudo headers either",
			edits: []envoy.Edit{underscores, envoy.AllowedHeaders("authorization", "x-api-key")},
			cases: hidden(),
		},
		{
			name: "allowed-joined", why: "`allowed_headers` of `authorization` and `x-api-key`, joined",
			edits: []envoy.Edit{underscores, envoy.AllowedHeaders("authorization", "x-api-key"), envoy.JoinedHeaders()},
			cases: hidden(),
		},
		{
			name: "tunnel", why: "CONNECT and upgrades allowed",
			edits: []envoy.Edit{tunnels, envoy.UpstreamAsDownstream()},
			cases: tunnelled(),
		},
		{
			name: "proxy", why: "behind the PROXY protocol: the source is who the proxy says",
			edits: []envoy.Edit{envoy.ProxyProtocol()},
			cases: proxied(),
		},
		{
			name: "ipv6", why: "a listener on `::1`", listener: "[::1]:0",
			cases: []recording{{"http1", "the peer is `::1`", http1(get("X-Api-Key: " + foreign)...)}},
		},
		{
			name: "socket", why: "a listener on a Unix socket: the peer is a `pipe`, not an IP address", listener: "unix:",
			cases: []recording{{"http1", "the peer is a pipe with the listener's own path, whoever it is", http1(get("X-Api-Key: " + foreign)...)}},
		},
		{
			name: "tls", why: "TLS, and no client certificate demanded", tls: true,
			cases: []recording{{"http1", "the scheme is https, and there is no certificate", http1(get("X-Api-Key: " + foreign)...)}},
		},
		{
			name: "mtls", why: "TLS with a client certificate, which is sent as URL-encoded PEM", tls: true, client: true,
			edits: []envoy.Edit{envoy.UpstreamAsDownstream()},
			cases: []recording{
				{"http1", "with principal and certificate", http1(get("X-Api-Key: " + foreign)...)},
				{"http2", "the same over HTTP/2", http2("GET", "/v1/orders", "x-api-key", foreign)},
			},
		},
	}
}

// credentials are the places of a credential, and what goes wrong in them.
func credentials() []recording {
	return []recording{
		{"no-credential", "the least that a client sends", http1(get()...)},
		{"bearer", "`Authorization: Bearer`", http1(get("Authorization: Bearer " + token)...)},
		{"bearer-spelling", "`bEaReR`, three spaces, spaces at the end", http1(get("AUTHORIZATION: bEaReR   " + token + "  ")...)},
		{"bearer-tab", "a tab behind the scheme", http1(get("Authorization: Bearer\t" + token)...)},
		{"bearer-alone", "a scheme without a token", http1(get("Authorization: Bearer")...)},
		{"single-word", "a token whose scheme was forgotten", http1(get("Authorization: " + token)...)},
		{"basic", "another scheme", http1(get("Authorization: Basic dXNlcjpwYXNz")...)},
		{"basic-joined-bearer", "two schemes in one value", http1(get("Authorization: Basic dXNlcjpwYXNz, Bearer " + token)...)},
		{"authorization-twice", "two lines of one header, which Envoy joins itself even where it sends raw headers",
			http1(get("Authorization: Bearer "+token, "Authorization: Bearer "+foreign)...)},
		{"api-token", "`api-token`", http1(get("Api-Token: " + token)...)},
		{"x-api-key", "`x-api-key` with a token of another system", http1(get("X-API-Key: " + foreign)...)},
		{"x-api-key-twice", "two lines of one header", http1(get("X-API-Key: "+foreign, "X-API-Key: "+token)...)},
		{"x-api-key-comma", "one line that looks like two that were joined", http1(get("X-API-Key: " + foreign + "," + token)...)},
		{"two-places", "a credential in each of two places", http1(get("Authorization: Bearer "+token, "X-API-Key: "+foreign)...)},
		{"empty", "headers that are there and empty", http1(get("Authorization:", "X-API-Key: ", "Api-Token:\t")...)},
		{"non-utf8", "bytes that are no UTF-8, and some that are",
			http1(get("X-API-Key: a-token-of-\xff\xfe-another", "X-Client-Name: caf\xe9", "X-Label: caf\xc3\xa9")...)},
		{"long", "a credential of 8 KiB", http1(get("Authorization: Bearer " + strings.Repeat("a", 8<<10))...)},
	}
}

// headers are those that an identity or an address is told by.
func headers() []recording {
	return []recording{
		{"identity-spellings", "identity headers that a client sends, in every spelling", http1(get(smuggled()...)...)},
		{"forwarded", "headers of proxies, from a client: Envoy adds the peer to the last line of `x-forwarded-for` and sets the rest itself",
			http1(get("X-Forwarded-For: 198.51.100.1, 198.51.100.2", "X-Forwarded-For: 198.51.100.3", "X-Forwarded-Proto: https",
				"X-Request-Id: chosen-by-the-client", "X-Envoy-External-Address: 198.51.100.4", "X-Envoy-Internal: true",
				"X-Envoy-Downstream-Service-Cluster: other", "X-Envoy-Original-Path: /other", "X-Real-Ip: 198.51.100.5")...)},
		{"cookies", "cookies in two lines, and header lines that a list may be split over",
			http1(get("Cookie: a=1", "Cookie: b=2", "Accept: text/html", "Accept: */*")...)},
	}
}

// requests are forms of the request itself.
func requests() []recording {
	return []recording{
		{"query", "a query with escapes, a plus and a repeated name",
			http1("GET /v1/orders?api_key=old+key%20one&b=&api_key=two&%61pi_key=three HTTP/1.1", host)},
		{"path-normalized", "a path that Envoy normalizes", http1("GET /v1/a/../b//c/./%7Euser/caf%C3%A9;v=1/?x=%2F..%2F HTTP/1.1", host)},
		{"token-in-path", "a token of our shape in the path", http1("GET /v1/"+token+"/orders HTTP/1.1", host)},
		{"absolute-form", "a request-target with scheme and host", http1("GET http://other.example.test/v1/orders HTTP/1.1", host)},
		{"host-with-port", "a host in capitals, with a port", http1("GET / HTTP/1.1", "Host: API.Example.Test:8443")},
		{"preflight", "a CORS preflight", http1("OPTIONS /v1/orders HTTP/1.1", host, "Origin: https://app.example.test",
			"Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization")},
		{"post", "a body, which is not sent to us", http1("POST /v1/orders HTTP/1.1", host, "Content-Type: application/json",
			"Content-Length: 2", "Authorization: Bearer "+token, "", "{}")},
		{"method", "a method of nobody's", http1("PURGE /v1/orders HTTP/1.1", host)},
		{"extensions", "a route that says what it demands", http1("GET /orders/7 HTTP/1.1", host, "Authorization: Bearer "+token)},
	}
}

// overHTTP2 are requests over HTTP/2, gRPC calls among them.
func overHTTP2() []recording {
	return []recording{
		{"http2-bearer", "`Authorization: Bearer` over HTTP/2", http2("GET", "/v1/orders?b=1", "authorization", "Bearer "+token)},
		{"http2-authorization-twice", "two fields of one name over HTTP/2",
			http2("GET", "/v1/orders", "authorization", "Bearer "+token, "authorization", "Bearer "+foreign)},
		{"http2-x-api-key-twice", "two fields of one name over HTTP/2",
			http2("GET", "/v1/orders", "x-api-key", foreign, "x-api-key", token)},
		{"http2-identity-spellings", "identity headers that a client sends, over HTTP/2", http2("GET", "/v1/orders", smuggledPairs()...)},
		{"http2-non-utf8", "bytes that are no UTF-8, over HTTP/2", http2("GET", "/v1/orders", "x-api-key", "a-token-of-\xff\xfe-another")},
		{"http2-preflight", "a CORS preflight over HTTP/2",
			http2("OPTIONS", "/v1/orders", "origin", "https://app.example.test", "access-control-request-method", "PUT")},
		{"grpc", "a gRPC call", grpcCall("/orders.v1.Orders/List", "authorization", "Bearer "+token)},
		{"grpc-no-credential", "a gRPC call without a credential", grpcCall("/orders.v1.Orders/List")},
	}
}

// hidden are requests of which Envoy tells us two headers.
func hidden() []recording {
	return []recording{
		{"bearer", "the credential is seen", http1(get("Authorization: Bearer "+token, "X-Request-Id: chosen-by-the-client")...)},
		{"api-token", "the credential is not seen", http1(get("Api-Token: " + token)...)},
		{"two-places", "a credential in each of two places that are seen", http1(get("Authorization: Bearer "+token, "X-API-Key: "+foreign)...)},
		{"identity-spellings", "identity headers are not seen, and go on to the upstream all the same", http1(get(smuggled()...)...)},
	}
}

// tunnelled are CONNECT and upgrades, of which the first request alone is checked.
func tunnelled() []recording {
	return []recording{
		{"connect", "CONNECT over HTTP/1.1: a host with a port and no path",
			http1("CONNECT db.example.test:5432 HTTP/1.1", "Host: db.example.test:5432", "X-Api-Key: "+foreign)},
		{"http2-connect", "CONNECT over HTTP/2: no path, and no scheme from the client", http2("CONNECT", "", "x-api-key", foreign)},
		{"websocket", "an upgrade to WebSocket", http1(get("Connection: Upgrade", "Upgrade: websocket",
			"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "X-Api-Key: "+foreign)...)},
	}
}

// proxied are connections that a load balancer describes with the PROXY protocol.
func proxied() []recording {
	request := get("X-Api-Key: " + foreign)
	return []recording{
		{"v2-ipv4", "version 2, from 203.0.113.7", behind(proxyV2("203.0.113.7:5000", "192.0.2.1:443"), request...)},
		{"v2-ipv6", "version 2, from 2001:db8::7", behind(proxyV2("[2001:db8::7]:5000", "[2001:db8::1]:443"), request...)},
		{"v2-mapped", "version 2, from an IPv4 address written as IPv6", behind(proxyV2("[::ffff:203.0.113.7]:5000", "[::ffff:192.0.2.1]:443"), request...)},
		{"v2-local", "version 2, a connection of the load balancer's own", behind(proxyV2("", ""), request...)},
		{"v1", "version 1, from 203.0.113.7", behind(proxyV1("203.0.113.7:5000", "192.0.2.1:443"), request...)},
	}
}

// tunnels lets CONNECT and upgrades through, CONNECT as a request to the upstream.
func tunnels(t *envoy.Tree) error {
	t.HTTP["upgrade_configs"] = []any{envoy.Object{"upgrade_type": "CONNECT"}, envoy.Object{"upgrade_type": "websocket"}}
	return t.PrependRoute(envoy.Object{
		"match": envoy.Object{"connect_matcher": envoy.Object{}},
		"route": envoy.Object{"cluster": "upstream"},
	})
}
