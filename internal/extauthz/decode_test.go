package extauthz

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	gocmp "github.com/google/go-cmp/cmp"

	"credence/internal/authz"
	"credence/internal/credential"
)

func TestDecode(t *testing.T) {
	type http = authv3.AttributeContext_HttpRequest
	peer := func(address *corev3.Address) *authv3.CheckRequest {
		return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Source: &authv3.AttributeContext_Peer{Address: address}}}
	}
	local := func(request authz.Request) authz.Request {
		request.HTTP, request.Source = true, "127.0.0.1"
		return request
	}
	tests := []struct {
		name  string
		check *authv3.CheckRequest
		want  authz.Request
	}{
		{"nothing", nil, authz.Request{}},
		{"no attributes", &authv3.CheckRequest{}, authz.Request{}},
		{"empty attributes", &authv3.CheckRequest{Attributes: &authv3.AttributeContext{}}, authz.Request{}},
		{"no address", peer(nil), authz.Request{}},
		{"an empty address", peer(&corev3.Address{}), authz.Request{}},
		{"an address of no kind", peer(&corev3.Address{Address: &corev3.Address_SocketAddress{}}), authz.Request{}},
		{
			"an L4 filter asks",
			&authv3.CheckRequest{Attributes: &authv3.AttributeContext{
				Source:            peer(&corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{Address: "::1"}}}).Attributes.Source,
				Request:           &authv3.AttributeContext_Request{},
				ContextExtensions: map[string]string{"api": "orders"},
			}},
			authz.Request{Source: "::1", Extensions: authz.Extensions{{Key: "api", Value: "orders"}}},
		},
		{"a pipe is no IP address", peer(&corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: "/run/a"}}}), authz.Request{}},
		{
			"an internal listener is no IP address",
			peer(&corev3.Address{Address: &corev3.Address_EnvoyInternalAddress{EnvoyInternalAddress: &corev3.EnvoyInternalAddress{EndpointId: "127.0.0.1"}}}),
			authz.Request{},
		},
		{"an empty HTTP request", checkOf(&http{}), local(authz.Request{Headers: credential.Headers{}})},
		{
			"all of it, raw",
			checkOf(&http{
				Id: "17", Method: "POST", Path: "/a?b=c", Host: "api.example.test", Scheme: "https", Protocol: "HTTP/2", Body: "x",
				HeaderMap: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{
					{Key: ":path", RawValue: []byte("/a?b=c")},
					{Key: "x-b", RawValue: []byte("\xff\x00 2")},
					{Key: "x-a", RawValue: []byte("1")},
					{Key: "x-b", RawValue: []byte("3")},
				}},
			}),
			local(authz.Request{Method: "POST", Scheme: "https", Target: "/a?b=c", Headers: credential.Headers{
				{Name: ":path", Value: "/a?b=c"}, {Name: "x-b", Value: "\xff\x00 2"}, {Name: "x-a", Value: "1"}, {Name: "x-b", Value: "3"},
			}}),
		},
		{
			"joined headers, in the order of their names",
			joined(map[string]string{"x-b": "2,3", "x-a": "1", ":path": "/v1/orders"}),
			local(authz.Request{Method: "GET", Scheme: "http", Target: "/v1/orders", Headers: credential.Headers{
				{Name: ":path", Value: "/v1/orders"}, {Name: "x-a", Value: "1"}, {Name: "x-b", Value: "2,3"},
			}}),
		},
		{
			"both forms: header_map counts",
			checkOf(&http{
				Headers:   map[string]string{"x-a": "joined", "x-b": "joined"},
				HeaderMap: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "x-a", RawValue: []byte("raw")}}},
			}),
			local(authz.Request{Headers: credential.Headers{{Name: "x-a", Value: "raw"}}}),
		},
		{
			"a header_map without headers does not",
			checkOf(&http{Headers: map[string]string{"x-a": "joined"}, HeaderMap: &corev3.HeaderMap{}}),
			local(authz.Request{Headers: credential.Headers{{Name: "x-a", Value: "joined"}}}),
		},
		{
			"raw_value before value, and nothing there",
			checkOf(&http{HeaderMap: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{
				{Key: "x-a", Value: "value", RawValue: []byte("raw")}, {Key: "x-b", Value: "value"}, {Key: "x-c"}, nil,
			}}}),
			local(authz.Request{Headers: credential.Headers{{Name: "x-a", Value: "raw"}, {Name: "x-b", Value: "value"}, {Name: "x-c"}, {}}}),
		},
		{
			"names in capitals; a Kelvin sign is no k",
			checkOf(&http{HeaderMap: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "X-API-Key"}, {Key: "x-api-\u212aey"}}}}),
			local(authz.Request{Headers: credential.Headers{{Name: "x-api-key"}, {Name: "x-api-\u212aey"}}}),
		},
		{
			"names in capitals, joined",
			checkOf(&http{Headers: map[string]string{"X-API-Key": "1"}}),
			local(authz.Request{Headers: credential.Headers{{Name: "x-api-key", Value: "1"}}}),
		},
		{"path and query apart", checkOf(&http{Path: "/a", Query: "b=c"}), local(authz.Request{Target: "/a?b=c", Headers: credential.Headers{}})},
		{"a query in the path already", checkOf(&http{Path: "/a?b=c", Query: "b=c"}), local(authz.Request{Target: "/a?b=c", Headers: credential.Headers{}})},
		{"no path", checkOf(&http{Method: "CONNECT"}), local(authz.Request{Method: "CONNECT", Headers: credential.Headers{}})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := gocmp.Diff(tt.want, decode(tt.check)); diff != "" {
				t.Errorf("decode(%v) differs (-want +got):\n%s", tt.check, diff)
			}
		})
	}
}

// TestBothFormsAreOneRequest holds that it is of no matter how Envoy sends
// headers, as long as it says the same.
func TestBothFormsAreOneRequest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		said := map[string]string{}
		for range random.IntN(20) {
			name := fmt.Sprintf("X-%c_%d", 'A'+random.IntN(26), random.IntN(100))
			said[name] = strings.Repeat("v, ", random.IntN(4))
		}
		var lines []string
		for name, value := range said {
			lines = append(lines, name, value)
		}
		first, second := decode(joined(said)), decode(raw(lines...))
		slices.SortFunc(second.Headers, func(a, b credential.Header) int { return cmp.Compare(a.Name, b.Name) })
		if len(said) == 0 {
			second.Headers = credential.Headers{}
		}
		if diff := gocmp.Diff(first, second); diff != "" {
			t.Fatalf("headers %v: joined (-) and raw (+) differ:\n%s", said, diff)
		}
	}
}

// TestAnAnswerDoesNotDependOnChance holds an order to lines that a map could
// give in any: two names that differ in case are two lines of one header.
func TestAnAnswerDoesNotDependOnChance(t *testing.T) {
	check := joined(map[string]string{"x-forwarded-for": "192.0.2.1", "X-Forwarded-For": "192.0.2.2", "X-FORWARDED-FOR": "192.0.2.3"})
	want := decode(check)
	for range 50 {
		if diff := gocmp.Diff(want, decode(check)); diff != "" {
			t.Fatalf("decode gives one message differently:\n%s", diff)
		}
	}
}

func TestNamesAreThoseOfBothForms(t *testing.T) {
	check := checkOf(&authv3.AttributeContext_HttpRequest{
		Headers:   map[string]string{"X-Joined": "1"},
		HeaderMap: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "X-Raw"}, {Key: "x-raw"}}},
	})
	want := []string{"x-raw", "x-raw", "x-joined"}
	if got := slices.Collect(names(check)); !slices.Equal(got, want) {
		t.Errorf("names are %q, want %q", got, want)
	}
	for name := range names(check) { // one may stop early
		if name != "x-raw" {
			t.Errorf("the first name is %q, want x-raw", name)
		}
		break
	}
}
