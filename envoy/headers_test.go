package envoy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryHeaderIsSent holds what `identity.strip: seen` rests on, which goes with this file: credence sees every header
// that would reach the upstream, nothing adds one after the check, and Envoy removes what it is told to.
func TestEveryHeaderIsSent(t *testing.T) {
	for _, test := range []struct {
		name string
		edit Edit
		want []string
	}{
		{"the file", func(*Tree) error { return nil }, nil},
		{"routes with extensions", Route("/a", map[string]string{"api": "a"}), nil},
		{"joined headers", JoinedHeaders(), []string{"encode_raw_headers is off"}},
		{"hidden headers", AllowedHeaders("authorization"), []string{"ext_authz has allowed_headers"}},
		{"hidden headers, by what is not sent", authz("disallowed_headers", Object{}), []string{"ext_authz has disallowed_headers"}},
		{"bounds on what it may remove", authz("decoder_header_mutation_rules", Object{}), []string{"ext_authz has decoder_header_mutation_rules"}},
		{"not always asked", authz("filter_enabled", Object{}), []string{"ext_authz has filter_enabled"}},
		{"one more filter", func(t *Tree) error {
			t.HTTP["http_filters"] = append(t.HTTP["http_filters"].([]any), Object{"name": "lua"})
			return nil
		}, []string{"3 http_filters"}},
		{"a route that adds a header", func(t *Tree) error {
			return t.PrependRoute(Object{"match": Object{"prefix": "/a"}, "request_headers_to_add": []any{}})
		}, []string{"request_headers_to_add after the check"}},
		{"a host that adds a header", func(t *Tree) error {
			t.VirtualHost["request_headers_to_add"] = []any{}
			return nil
		}, []string{"request_headers_to_add after the check"}},
		{"a filter of the cluster's own", func(t *Tree) error {
			t.Upstream["typed_extension_protocol_options"] = Object{"options": Object{"http_filters": []any{Object{"name": "lua"}}}}
			return nil
		}, []string{"1 http_filters"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, hidden(build(t, Addresses{}, test.edit))); diff != "" {
				t.Errorf("what keeps a header from credence, -want +got:\n%s", diff)
			}
		})
	}
}

// authz gives the ext_authz filter one more option.
func authz(option string, value any) Edit {
	return func(t *Tree) error {
		t.ExtAuthz[option] = value
		return nil
	}
}

// hidden tells by what a header could reach the upstream that credence did not see, or said to remove.
func hidden(tree *Tree) (faults []string) {
	if tree.ExtAuthz["encode_raw_headers"] != true {
		faults = append(faults, "encode_raw_headers is off")
	}
	for _, option := range []string{
		"allowed_headers", "disallowed_headers", "decoder_header_mutation_rules", "filter_enabled", "filter_enabled_metadata", "shadow_mode",
	} {
		if _, there := tree.ExtAuthz[option]; there {
			faults = append(faults, "ext_authz has "+option)
		}
	}
	return append(faults, adders(tree.Root)...)
}

// adders walks through a tree and tells what adds a header to a request after the check, wherever it stands: options of
// routes, hosts and clusters, and any filter but ext_authz and the router.
func adders(node any) (faults []string) {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			faults = append(faults, adders(item)...)
		}
	case Object:
		for key, value := range node {
			filters, _ := value.([]any)
			switch {
			case key == "request_headers_to_add":
				faults = append(faults, key+" after the check")
			case key == "http_filters" && !checksThenRoutes(filters):
				faults = append(faults, fmt.Sprintf("%d %s", len(filters), key))
			}
			faults = append(faults, adders(value)...)
		}
	}
	return faults
}

// checksThenRoutes tells whether a chain is ext_authz and the router.
func checksThenRoutes(filters []any) bool {
	names := make([]any, 0, len(filters))
	for _, filter := range filters {
		names = append(names, filter.(Object)["name"])
	}
	return slices.Equal(names, []any{filterName, "envoy.filters.http.router"})
}
