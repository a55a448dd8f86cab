package envoy

import "fmt"

// filterName is the ext_authz filter's name in envoy.yaml. Per-route configuration must use it letter by letter: Envoy
// ignores an override for a name that it does not know.
const filterName = "envoy.filters.http.ext_authz"

// Edit changes a parsed bootstrap before it is written. What the edits of this package do not offer, a test writes as a
// function of its own.
type Edit func(*Tree) error

// Route puts a route for paths that begin with prefix before those that are there, and has Envoy tell credence the
// context extensions with each request to it.
func Route(prefix string, extensions map[string]string) Edit {
	return func(t *Tree) error {
		told := Object{}
		for key, value := range extensions {
			told[key] = value
		}
		return t.PrependRoute(Object{
			"match": Object{"prefix": prefix},
			"route": Object{"cluster": "upstream"},
			"typed_per_filter_config": Object{filterName: Object{
				"@type":          "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
				"check_settings": Object{"context_extensions": told},
			}},
		})
	}
}

// PrependRoute puts a route before those of the virtual host.
func (t *Tree) PrependRoute(route Object) error {
	routes, ok := t.VirtualHost["routes"].([]any)
	if !ok {
		return fmt.Errorf("virtual host %v has no routes", t.VirtualHost["name"])
	}
	t.VirtualHost["routes"] = append([]any{route}, routes...)
	return nil
}

// ClusterAt says where a cluster is that only some files have, as Addresses does for those that all of them have.
func ClusterAt(name, address string) Edit {
	return func(t *Tree) error {
		at := cursor{t.Root, new(error)}
		endpoint := at.object("static_resources").named("clusters", name).endpoint()
		if *at.err != nil {
			return *at.err
		}
		parsed, err := parseAddress(address)
		if err != nil {
			return err
		}
		endpoint.value["address"] = parsed
		return nil
	}
}

// Underscores says what Envoy does with a header that has an underscore in its name: ALLOW, DROP_HEADER or
// REJECT_REQUEST (envoy.yaml's choice).
func Underscores(action string) Edit {
	return func(t *Tree) error {
		options, ok := t.HTTP["common_http_protocol_options"].(Object)
		if !ok {
			return fmt.Errorf("no common_http_protocol_options")
		}
		options["headers_with_underscores_action"] = action
		return nil
	}
}

// JoinedHeaders has Envoy send headers as it does by default: one text for each name, lines joined by a comma, bytes
// that are no UTF-8 replaced by "!".
func JoinedHeaders() Edit {
	return func(t *Tree) error {
		t.ExtAuthz["encode_raw_headers"] = false
		return nil
	}
}

// AllowedHeaders has Envoy send the named headers only; pseudo headers are not among them.
func AllowedHeaders(names ...string) Edit {
	return func(t *Tree) error {
		patterns := make([]any, len(names))
		for i, name := range names {
			patterns[i] = Object{"exact": name}
		}
		t.ExtAuthz["allowed_headers"] = Object{"patterns": patterns}
		return nil
	}
}

// ProxyProtocol has the listener demand the PROXY protocol (version 1 or 2) and take the peer from it.
func ProxyProtocol() Edit {
	return func(t *Tree) error {
		t.Listener["listener_filters"] = []any{Object{
			"name": "envoy.filters.listener.proxy_protocol",
			"typed_config": Object{
				"@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
			},
		}}
		return nil
	}
}

// UpstreamAsDownstream has Envoy speak to the upstream what the client speaks to Envoy: HTTP/2, and so gRPC, for an
// HTTP/2 client. envoy.yaml speaks HTTP/1.1 to the upstream.
func UpstreamAsDownstream() Edit {
	return func(t *Tree) error {
		const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
		t.Upstream["typed_extension_protocol_options"] = Object{options: Object{
			"@type": "type.googleapis.com/" + options,
			"use_downstream_protocol_config": Object{
				"http_protocol_options":  Object{},
				"http2_protocol_options": Object{},
			},
		}}
		return nil
	}
}

// ClientTLS has the listener speak TLS with the certificate and key in the named PEM files, take HTTP/2 and HTTP/1.1,
// and, where authority names a file, demand a client certificate that an authority in it has signed.
func ClientTLS(certificate, key, authority string) Edit {
	return func(t *Tree) error {
		common := Object{
			"alpn_protocols": []any{"h2", "http/1.1"},
			"tls_certificates": []any{Object{
				"certificate_chain": Object{"filename": certificate},
				"private_key":       Object{"filename": key},
			}},
		}
		context := Object{
			"@type":              "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
			"common_tls_context": common,
		}
		if authority != "" {
			common["validation_context"] = Object{"trusted_ca": Object{"filename": authority}}
			context["require_client_certificate"] = true
		}
		t.FilterChain["transport_socket"] = Object{"name": "envoy.transport_sockets.tls", "typed_config": context}
		return nil
	}
}
