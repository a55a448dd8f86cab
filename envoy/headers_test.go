package envoy

import (
	"fmt"
	"slices"
	"strings"
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
		{"filters that add nothing", func(t *Tree) error {
			t.HTTP["http_filters"] = append([]any{Object{"name": "envoy.filters.http.cors"}}, t.HTTP["http_filters"].([]any)...)
			return nil
		}, nil},
		{"one more filter", func(t *Tree) error {
			t.HTTP["http_filters"] = append(t.HTTP["http_filters"].([]any), Object{"name": "lua"})
			return nil
		}, []string{"http_filters: [envoy.filters.http.ext_authz envoy.filters.http.router lua]"}},
		{"a rate limit that adds a header", func(t *Tree) error {
			t.HTTP["http_filters"] = append(t.HTTP["http_filters"].([]any), Object{
				"name": "envoy.filters.http.local_ratelimit", "typed_config": Object{"request_headers_to_add_when_not_enforced": []any{}},
			})
			return nil
		}, []string{"request_headers_to_add_when_not_enforced after the check"}},
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
		}, []string{"http_filters: [lua]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, hidden(build(t, Addresses{}, test.edit))); diff != "" {
				t.Errorf("what keeps a header from credence, -want +got:\n%s", diff)
			}
		})
	}
}

// TestEveryHeaderIsSentByEveryFile holds the same of the other files, all of which say `identity: {strip: seen}`.
func TestEveryHeaderIsSentByEveryFile(t *testing.T) {
	for _, name := range Files() {
		if faults := hidden(read(t, name)); len(faults) != 0 {
			t.Errorf("%s keeps headers from credence: %v", name, faults)
		}
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
// routes, hosts, clusters and filters, and filters that could.
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
			case strings.HasPrefix(key, "request_headers_to_add"):
				faults = append(faults, key+" after the check")
			case key == "http_filters" && !checksThenRoutes(filters):
				faults = append(faults, fmt.Sprintf("%s: %v", key, filterNames(filters)))
			}
			faults = append(faults, adders(value)...)
		}
	}
	return faults
}

// addNothing are filters that add no header to a request unless an option says so.
var addNothing = []string{"envoy.filters.http.cors", "envoy.filters.http.local_ratelimit", "envoy.filters.http.ratelimit"}

// checksThenRoutes tells whether a chain is ext_authz and the router, with nothing besides that could add a header.
func checksThenRoutes(filters []any) bool {
	names := slices.DeleteFunc(filterNames(filters), func(name string) bool { return slices.Contains(addNothing, name) })
	return slices.Equal(names, []string{filterName, "envoy.filters.http.router"})
}

func filterNames(filters []any) []string {
	var names []string
	for _, filter := range filters {
		names = append(names, fmt.Sprint(filter.(Object)["name"]))
	}
	return names
}
