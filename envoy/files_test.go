package envoy

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// differing says of each file all that it has otherwise than envoy.yaml: + is only there, - only in envoy.yaml, ~ is in
// both and not the same. So whatever TestSafetyRelevantLines holds in envoy.yaml is held in every file.
var differing = map[string][]string{
	Standard: nil,
	"cors.yaml": {
		"+http.http_filters[envoy.filters.http.cors]",
		"~host.routes",
	},
	"grpc.yaml": {
		"+clusters[upstream].typed_extension_protocol_options",
		"~host.routes",
	},
	"local-ratelimit.yaml": {
		"+http.http_filters[envoy.filters.http.local_ratelimit]",
	},
	"mtls.yaml": {
		"+.node",
		"+clusters[credence].transport_socket",
	},
	"proxy-protocol.yaml": {
		"+listener.filter_chains[0].filter_chain_match",
		"+listener.listener_filters",
	},
	"ratelimit.yaml": {
		"+clusters[ratelimit]",
		"+http.http_filters[envoy.filters.http.ratelimit]",
		"+host.rate_limits",
	},
	"routes.yaml": {
		"~host.routes",
		"+host.typed_per_filter_config",
	},
	"trusted-proxies.yaml": {
		"+http.skip_xff_append",
		"+http.xff_num_trusted_hops",
		"+listener.filter_chains[0].filter_chain_match",
	},
	"unix-socket.yaml": {
		"+clusters[credence].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.pipe",
		"-clusters[credence].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address",
	},
}

func TestFilesDifferInWhatTheyAreFor(t *testing.T) {
	for _, name := range Files() {
		t.Run(name, func(t *testing.T) {
			want, known := differing[name]
			if !known {
				t.Fatalf("nothing says what %s has otherwise than %s", name, Standard)
			}
			got := differences("", read(t, Standard).Root, read(t, name).Root)
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("what %s has otherwise than %s, -want +got:\n%s", name, Standard, diff)
			}
		})
	}
}

// TestFilesCheckEveryRequest looks at what the differences do not: routes, and in which order filters stand.
func TestFilesCheckEveryRequest(t *testing.T) {
	for _, name := range Files() {
		t.Run(name, func(t *testing.T) {
			tree := read(t, name)
			routes, _ := tree.VirtualHost["routes"].([]any)
			if len(routes) == 0 {
				t.Fatal("no routes")
			}
			if diff := cmp.Diff(Object{"prefix": "/"}, routes[len(routes)-1].(Object)["match"]); diff != "" {
				t.Errorf("the last route does not take all, -want +got:\n%s", diff)
			}
			for _, route := range routes {
				demands, _ := route.(Object)["typed_per_filter_config"].(Object)
				for filter, options := range demands {
					if _, disabled := options.(Object)["disabled"]; disabled {
						t.Errorf("route %v disables %s", route.(Object)["match"], filter)
					}
				}
			}
			var order []string
			for _, filter := range tree.HTTP["http_filters"].([]any) {
				order = append(order, strings.TrimPrefix(filter.(Object)["name"].(string), "envoy.filters.http."))
			}
			known := []string{"cors", "ext_authz", "local_ratelimit", "ratelimit", "router"}
			if want := slices.DeleteFunc(known, func(filter string) bool { return !slices.Contains(order, filter) }); !slices.Equal(order, want) {
				t.Errorf("filters stand as %v, want %v", order, want)
			}
		})
	}
}

// TestFilesSayWhatTheyAre wants each to begin with words, and to say what credence must be told.
func TestFilesSayWhatTheyAre(t *testing.T) {
	for _, name := range Files() {
		text, err := File(name)
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(text, "\n\n")
		if !strings.HasPrefix(head, "# ") || !strings.Contains(head, "\n# credence.yaml beside it") {
			t.Errorf("%s does not begin with what it is and what stands in credence.yaml:\n%s", name, head)
		}
		if marked := strings.Contains(text, "# Here:"); marked != (name != Standard) {
			t.Errorf("%s marks what is its own: %t", name, marked)
		}
	}
}

func TestFilesThatAreNotThere(t *testing.T) {
	if _, err := File("nginx.yaml"); err == nil {
		t.Error("File(nginx.yaml): no error")
	}
	if _, err := BootstrapFile("nginx.yaml", Addresses{}); err == nil {
		t.Error("BootstrapFile(nginx.yaml): no error")
	}
}

// read parses one of the files.
func read(t *testing.T, name string) *Tree {
	t.Helper()
	text, err := File(name)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := parse(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return tree
}

// short are the names of places that many things are in.
var short = strings.NewReplacer(
	".static_resources.listeners[api].filter_chains[0].filters[envoy.filters.network.http_connection_manager].typed_config.route_config.virtual_hosts[api]", "host",
	".static_resources.listeners[api].filter_chains[0].filters[envoy.filters.network.http_connection_manager].typed_config", "http",
	".static_resources.listeners[api]", "listener",
	".static_resources.clusters", "clusters",
)

// differences tells by what two nodes of a tree differ. Things in a list are the same if they have one name, or if each list
// holds but one.
func differences(path string, a, b any) []string {
	if list, ok := a.([]any); ok {
		if other, ok := b.([]any); ok {
			if x, y := byName(list), byName(other); x != nil && y != nil {
				return differ(path, x, y, func(key string) string { return "[" + key + "]" })
			}
		}
	}
	x, xok := a.(Object)
	y, yok := b.(Object)
	switch {
	case xok && yok:
		return differ(path, x, y, func(key string) string { return "." + key })
	case reflect.DeepEqual(a, b):
		return nil
	}
	return []string{"~" + short.Replace(path)}
}

func differ(path string, a, b Object, step func(string) string) (all []string) {
	for key, value := range a {
		if other, both := b[key]; both {
			all = append(all, differences(path+step(key), value, other)...)
		} else {
			all = append(all, "-"+short.Replace(path+step(key)))
		}
	}
	for key := range b {
		if _, both := a[key]; !both {
			all = append(all, "+"+short.Replace(path+step(key)))
		}
	}
	return all
}

// byName gives the things of a list by their names, a single one without a name as 0; nil: they have none.
func byName(list []any) Object {
	named := Object{}
	for _, item := range list {
		object, ok := item.(Object)
		if !ok {
			return nil
		}
		name, ok := object["name"].(string)
		if !ok && len(list) == 1 {
			name, ok = "0", true
		}
		if !ok {
			return nil
		}
		named[name] = object
	}
	return named
}
