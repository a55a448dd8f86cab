package envoy

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// build returns the parsed form of what Bootstrap writes.
func build(t *testing.T, a Addresses, edits ...Edit) *Tree {
	t.Helper()
	text, err := Bootstrap(a, edits...)
	if err != nil {
		t.Fatalf("Bootstrap(%+v): %v", a, err)
	}
	tree, err := parse(string(text))
	if err != nil {
		t.Fatalf("parse(Bootstrap(%+v)): %v", a, err)
	}
	return tree
}

func socket(host string, port int) Object {
	return Object{"socket_address": Object{"address": host, "port_value": port}}
}

func TestBootstrapAddresses(t *testing.T) {
	type places struct{ Listener, Admin, Credence, Upstream any }
	file := places{
		socket("127.0.0.1", 10000), socket("127.0.0.1", 9901), socket("127.0.0.1", 9001), socket("127.0.0.1", 8080),
	}
	for _, test := range []struct {
		name string
		give Addresses
		want func(*places)
	}{
		{"none given", Addresses{}, func(*places) {}},
		{"listener on a port of the kernel's choice", Addresses{Listener: "127.0.0.1:0"}, func(p *places) {
			p.Listener = socket("127.0.0.1", 0)
		}},
		{"listener on IPv6", Addresses{Listener: "[::1]:10001"}, func(p *places) { p.Listener = socket("::1", 10001) }},
		{"listener on a socket", Addresses{Listener: "unix:/tmp/l.sock"}, func(p *places) {
			p.Listener = Object{"pipe": Object{"path": "/tmp/l.sock"}}
		}},
		{"credence on a socket", Addresses{Credence: "unix:/run/c.sock"}, func(p *places) {
			p.Credence = Object{"pipe": Object{"path": "/run/c.sock"}}
		}},
		{"admin and upstream", Addresses{Admin: "127.0.0.1:1", Upstream: "10.0.0.7:443"}, func(p *places) {
			p.Admin, p.Upstream = socket("127.0.0.1", 1), socket("10.0.0.7", 443)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := build(t, test.give)
			got := places{
				tree.Listener["address"], tree.Admin["address"],
				tree.credenceEndpoint["address"], tree.upstreamEndpoint["address"],
			}
			want := file
			test.want(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Bootstrap(%+v), addresses, -want +got:\n%s", test.give, diff)
			}
		})
	}
}

func TestBootstrapRefusesAddresses(t *testing.T) {
	for _, test := range []struct {
		name string
		give Addresses
		want string
	}{
		{"a name", Addresses{Upstream: "localhost:80"}, `address of upstream: "localhost:80": the host must be an IP address`},
		{"no port", Addresses{Listener: "127.0.0.1"}, `address of listener: "127.0.0.1": neither host:port nor unix:/path`},
		{"port out of range", Addresses{Admin: "127.0.0.1:65536"}, "the port must be a number up to 65535"},
		{"socket without a path", Addresses{Credence: "unix:"}, "unix: without a path"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, err := Bootstrap(test.give)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Bootstrap(%+v) = %d bytes, error %v, want an error with %q", test.give, len(text), err, test.want)
			}
		})
	}
}

func TestBootstrapReportsFailedEdit(t *testing.T) {
	broken := errors.New("broken")
	_, err := Bootstrap(Addresses{}, func(*Tree) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("Bootstrap with an edit that fails: error %v, want one that wraps %v", err, broken)
	}
}

func TestParseNamesWhatIsMissing(t *testing.T) {
	for _, test := range []struct{ name, old, replacement, want string }{
		{"admin", "admin:", "administration:", "no admin"},
		{"listeners", "  listeners:", "  ears:", "no listeners"},
		{"the filter by its name", "name: envoy.filters.http.ext_authz\n", "name: other\n", "no http_filters envoy.filters.http.ext_authz"},
		{"credence", "name: credence\n", "name: other\n", "no clusters credence"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(strings.Replace(source, test.old, test.replacement, 1))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("parse without %q: error %v, want one with %q", test.old, err, test.want)
			}
		})
	}
}

// TestSafetyRelevantLines holds what must not change by accident: each is a line without which a request could pass
// unchecked, or be checked as another than the upstream serves.
func TestSafetyRelevantLines(t *testing.T) {
	tree := build(t, Addresses{})
	common, _ := tree.HTTP["common_http_protocol_options"].(Object)
	grpc, _ := tree.ExtAuthz["grpc_service"].(Object)
	routes, _ := tree.VirtualHost["routes"].([]any)
	for _, test := range []struct {
		name      string
		got, want any
	}{
		{"no answer is no admission", tree.ExtAuthz["failure_mode_allow"], false},
		{"an outage is a 503", tree.ExtAuthz["status_on_error"], Object{"code": "ServiceUnavailable"}},
		{"raw headers", tree.ExtAuthz["encode_raw_headers"], true},
		{"mutations are validated", tree.ExtAuthz["validate_mutations"], true},
		{"peer certificate", tree.ExtAuthz["include_peer_certificate"], true},
		{"the route stays", tree.ExtAuthz["clear_route_cache"], false},
		{"API version", tree.ExtAuthz["transport_api_version"], "V3"},
		{"timeout", grpc["timeout"], "0.2s"},
		{"no switch by runtime", tree.ExtAuthz["filter_enabled"], nil},
		{"headers are not hidden", tree.ExtAuthz["allowed_headers"], nil},
		{"remote address", tree.HTTP["use_remote_address"], true},
		{"no internal addresses", tree.HTTP["internal_address_config"], nil},
		{"request id", tree.HTTP["generate_request_id"], true},
		{"paths are normalized", tree.HTTP["normalize_path"], true},
		{"slashes are merged", tree.HTTP["merge_slashes"], true},
		{"escaped slashes", tree.HTTP["path_with_escaped_slashes_action"], "REJECT_REQUEST"},
		{"underscores", common["headers_with_underscores_action"], "REJECT_REQUEST"},
		{"streams end", common["max_stream_duration"], "900s"},
		{"admin on loopback", tree.Admin["address"], socket("127.0.0.1", 9901)},
		{"every host", tree.VirtualHost["domains"], []any{"*"}},
		{"the last route takes all", routes[len(routes)-1].(Object)["match"], Object{"prefix": "/"}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", test.name, diff)
		}
	}
}

// TestAccessLogLine holds the format to one line without a place where a credential is written.
func TestAccessLogLine(t *testing.T) {
	loggers, _ := build(t, Addresses{}).HTTP["access_log"].([]any)
	if len(loggers) != 1 {
		t.Fatalf("access loggers: got %d, want 1", len(loggers))
	}
	format := loggers[0].(Object)["typed_config"].(Object)["log_format"].(Object)["text_format_source"].(Object)
	line, _ := format["inline_string"].(string)
	if !strings.HasSuffix(line, "\n") || strings.Count(line, "\n") != 1 {
		t.Errorf("the format is not one line: %q", line)
	}
	for _, leak := range []string{"%REQ(:PATH", "%REQ(AUTHORIZATION", "%PATH(", "%QUERY", "REQUEST.PATH", "REQUEST.QUERY", "REQUEST.HEADERS"} {
		if strings.Contains(strings.ToUpper(line), leak) {
			t.Errorf("the format has %s, where a credential can be: %q", leak, line)
		}
	}
}

func TestSourceIsTheFileWithItsComments(t *testing.T) {
	if want := "# A plain Envoy that asks credence"; !strings.HasPrefix(Source(), want) {
		t.Errorf("Source() begins %.40q, want %q", Source(), want)
	}
	var fromFile, fromBootstrap Object
	text, err := Bootstrap(Addresses{})
	if err != nil {
		t.Fatalf("Bootstrap: %v", err)
	}
	if err := errors.Join(yaml.Unmarshal([]byte(Source()), &fromFile), yaml.Unmarshal(text, &fromBootstrap)); err != nil {
		t.Fatalf("reading both: %v", err)
	}
	if diff := cmp.Diff(fromFile, fromBootstrap); diff != "" {
		t.Errorf("Bootstrap without addresses and edits, -file +got:\n%s", diff)
	}
}
