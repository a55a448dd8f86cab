package envoy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEdits(t *testing.T) {
	perRoute := func(extensions Object) Object {
		return Object{"envoy.filters.http.ext_authz": Object{
			"@type":          "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
			"check_settings": Object{"context_extensions": extensions},
		}}
	}
	toUpstream := Object{"cluster": "upstream"}
	for _, test := range []struct {
		name  string
		edits []Edit
		got   func(*Tree) any
		want  any
	}{
		{"routes, the last one given first",
			[]Edit{Route("/a", map[string]string{"api": "a"}), Route("/a/b", map[string]string{"scopes": "x y"})},
			func(t *Tree) any { return t.VirtualHost["routes"] },
			[]any{
				Object{"match": Object{"prefix": "/a/b"}, "route": toUpstream, "typed_per_filter_config": perRoute(Object{"scopes": "x y"})},
				Object{"match": Object{"prefix": "/a"}, "route": toUpstream, "typed_per_filter_config": perRoute(Object{"api": "a"})},
				Object{"match": Object{"prefix": "/"}, "route": toUpstream},
			}},
		{"a cluster's address", []Edit{ClusterAt("credence", "unix:/c.sock")},
			func(t *Tree) any { return t.credenceEndpoint["address"] }, Object{"pipe": Object{"path": "/c.sock"}}},
		{"underscores", []Edit{Underscores("ALLOW")},
			func(t *Tree) any {
				return t.HTTP["common_http_protocol_options"].(Object)["headers_with_underscores_action"]
			}, "ALLOW"},
		{"joined headers", []Edit{JoinedHeaders()}, func(t *Tree) any { return t.ExtAuthz["encode_raw_headers"] }, false},
		{"allowed headers", []Edit{AllowedHeaders("authorization", "x-api-key")},
			func(t *Tree) any { return t.ExtAuthz["allowed_headers"] },
			Object{"patterns": []any{Object{"exact": "authorization"}, Object{"exact": "x-api-key"}}}},
		{"proxy protocol", []Edit{ProxyProtocol()},
			func(t *Tree) any { return t.Listener["listener_filters"].([]any)[0].(Object)["name"] },
			"envoy.filters.listener.proxy_protocol"},
		{"upstream as downstream", []Edit{UpstreamAsDownstream()},
			func(t *Tree) any { return t.Upstream["typed_extension_protocol_options"] },
			Object{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": Object{
				"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
				"use_downstream_protocol_config": Object{
					"http_protocol_options": Object{}, "http2_protocol_options": Object{},
				},
			}}},
		{"TLS without client certificates", []Edit{ClientTLS("c.pem", "k.pem", "")}, clientCertificates, []any{nil, nil}},
		{"TLS with client certificates", []Edit{ClientTLS("c.pem", "k.pem", "ca.pem")}, clientCertificates,
			[]any{true, Object{"trusted_ca": Object{"filename": "ca.pem"}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.got(build(t, Addresses{}, test.edits...))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// clientCertificates returns what a tree says of them: demanded, and by which authority.
func clientCertificates(t *Tree) any {
	context := t.FilterChain["transport_socket"].(Object)["typed_config"].(Object)
	return []any{context["require_client_certificate"], context["common_tls_context"].(Object)["validation_context"]}
}

func TestEditsFailOnATreeWithoutTheirPlace(t *testing.T) {
	for name, edit := range map[string]Edit{
		"route": Route("/", nil), "underscores": Underscores("ALLOW"), "cluster": ClusterAt("credence", "127.0.0.1:1"),
	} {
		if err := edit(&Tree{VirtualHost: Object{}, HTTP: Object{}}); err == nil {
			t.Errorf("%s on an empty tree: no error", name)
		}
	}
}

func TestFilter(t *testing.T) {
	tree := build(t, Addresses{})
	filter, err := tree.Filter("envoy.filters.http.ext_authz")
	if err != nil || filter["encode_raw_headers"] != true {
		t.Errorf("Filter(ext_authz) = %v, %v, want its configuration", filter, err)
	}
	if _, err := tree.Filter("lua"); err == nil {
		t.Error("Filter(lua): no error")
	}
}
