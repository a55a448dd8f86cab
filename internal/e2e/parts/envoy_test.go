package parts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"credence/envoy"
)

// byToken allows what carries the token "good", as client acme, and denies all else. It tells its reason as credence
// does, which the access log reads.
func byToken(request *authv3.CheckRequest) *authv3.CheckResponse {
	token := ""
	for _, header := range request.GetAttributes().GetRequest().GetHttp().GetHeaderMap().GetHeaders() {
		if header.GetKey() == "x-api-key" {
			token = string(header.GetRawValue())
		}
	}
	set := func(key, value string) *corev3.HeaderValueOption {
		return &corev3.HeaderValueOption{
			Header:       &corev3.HeaderValue{Key: key, Value: value},
			AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
		}
	}
	if token == "good" {
		return &authv3.CheckResponse{
			Status:          &statuspb.Status{Code: int32(codes.OK)},
			DynamicMetadata: told("reason", "allowed", "client", "acme", "profile", "partner", "credential_id", "0123456789"),
			HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{
				Headers:         []*corev3.HeaderValueOption{set("x-client-id", "acme")},
				HeadersToRemove: []string{"x-api-key", "x-client-name"},
			}},
		}
	}
	metadata := told("reason", "credential_missing")
	switch token {
	case "leaked":
		metadata = told("reason", "credential_in_url")
	case "leaked, but observed":
		metadata = told("reason", "allowed_observed", "observed", "credential_in_url")
	}
	return &authv3.CheckResponse{
		Status:          &statuspb.Status{Code: int32(codes.Unauthenticated)},
		DynamicMetadata: metadata,
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode_Unauthorized},
			Headers: []*corev3.HeaderValueOption{set("www-authenticate", "Bearer")},
			Body:    "no credential",
		}},
	}
}

// told makes dynamic metadata of keys and values in turn.
func told(pairs ...string) *structpb.Struct {
	fields := map[string]*structpb.Value{}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields[pairs[i]] = structpb.NewStringValue(pairs[i+1])
	}
	return &structpb.Struct{Fields: fields}
}

func TestEnvoyTakesTheFile(t *testing.T) { ValidateEnvoy(t, []byte(envoy.Source())) }

func TestEnvoyTakesEveryEdit(t *testing.T) {
	config, err := envoy.Bootstrap(envoy.Addresses{Credence: "unix:/run/credence/authz.sock"},
		envoy.Route("/a", map[string]string{"api": "a"}), envoy.Underscores("ALLOW"), envoy.JoinedHeaders(),
		envoy.AllowedHeaders("authorization"), envoy.ProxyProtocol(), envoy.UpstreamAsDownstream())
	if err != nil {
		t.Fatal(err)
	}
	ValidateEnvoy(t, config)
}

// get sends a request with an API key and returns the status and the body.
func get(t *testing.T, url, key string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("x-api-key", key)
	}
	request.Header.Set("x-client-id", "smuggled")
	request.Header.Set("x-client-name", "smuggled")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	return response.StatusCode, string(body)
}

func TestEnvoyAsksOverTCPAndSocket(t *testing.T) {
	for _, test := range []struct{ name, address string }{
		{"TCP", "127.0.0.1:0"},
		{"socket", "unix:" + filepath.Join(ShortDir(t), "authz.sock")},
	} {
		t.Run(test.name, func(t *testing.T) {
			api := Upstream(t)
			checks := Checks(t, test.address, byToken)
			proxy := Envoy(t, envoy.Addresses{Credence: checks.Addr(), Upstream: api.Addr()},
				envoy.Route("/orders", map[string]string{"api": "orders"}))

			if status, body := get(t, proxy.URL()+"/orders/1", "good"); status != http.StatusOK {
				t.Errorf("with the good key: status %d, body %q, want 200", status, body)
			}
			if status, body := get(t, proxy.URL()+"/orders/1", ""); status != http.StatusUnauthorized || body != "no credential" {
				t.Errorf("without a key: got %d %q, want 401 %q", status, body, "no credential")
			}

			arrivals := api.Arrivals()
			if len(arrivals) != 1 {
				t.Fatalf("arrivals: got %d, want the allowed request alone", len(arrivals))
			}
			for name, want := range map[string]string{"X-Client-Id": "acme", "X-Client-Name": "", "X-Api-Key": ""} {
				if got := arrivals[0].Header.Get(name); got != want {
					t.Errorf("%s at the upstream: got %q, want %q", name, got, want)
				}
			}
			if asked := checks.Asked(); len(asked) != 2 || asked[0].GetAttributes().GetContextExtensions()["api"] != "orders" {
				t.Errorf("checks: got %v, want two with the route's extensions", asked)
			}
			for name, want := range map[string]int64{
				"http.api.ext_authz.ok": 1, "http.api.ext_authz.denied": 1, "http.api.ext_authz.error": 0,
				"http.api.ext_authz.failure_mode_allowed": 0, "cluster.credence.membership_healthy": 1,
			} {
				if got := proxy.Stat(name); got != want {
					t.Errorf("statistic %s: got %d, want %d", name, got, want)
				}
			}
		})
	}
}

func TestEnvoyWithoutAnAnswer(t *testing.T) {
	api := Upstream(t)
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	proxy := Envoy(t, envoy.Addresses{Credence: fmt.Sprintf("127.0.0.1:%d", port), Upstream: api.Addr()})
	if status, body := get(t, proxy.URL()+"/", "good"); status != http.StatusServiceUnavailable {
		t.Errorf("nobody to ask: status %d, body %q, want 503", status, body)
	}
	if n := len(api.Arrivals()); n != 0 {
		t.Errorf("arrivals: got %d, want none", n)
	}
	if got := proxy.Stat("http.api.ext_authz.error"); got != 1 {
		t.Errorf("statistic error: got %d, want 1", got)
	}
}

func TestEnvoyAccessLog(t *testing.T) {
	proxy := Envoy(t, envoy.Addresses{Credence: Checks(t, "127.0.0.1:0", byToken).Addr(), Upstream: Upstream(t).Addr()})
	for _, test := range []struct {
		name, path, key string
		want            []string
	}{
		{"allowed", "/seen?q=hidden", "good",
			[]string{" 200 GET /seen client=acme profile=partner reason=allowed observed=- credential=0123456789 ", " details=via_upstream "}},
		{"denied", "/refused?q=hidden", "", []string{" 401 GET /refused client=- ", " reason=credential_missing ", " details=ext_authz_denied"}},
		{"credential in the path", "/hidden/x", "leaked", []string{" 401 GET - client=- ", " reason=credential_in_url "}},
		{"credential in the path, observed", "/hidden/x", "leaked, but observed",
			[]string{" 401 GET - client=- ", " reason=allowed_observed observed=credential_in_url "}},
		{"refused by Envoy itself", "/hidden%2fx", "good", []string{" 400 GET - client=- ", " reason=- "}},
	} {
		before := len(proxy.Printed())
		get(t, proxy.URL()+test.path, test.key)
		Await(t, patience, "a line of the access log", func() error {
			if line := proxy.Printed()[before:]; !strings.HasSuffix(line, "\n") {
				return fmt.Errorf("got %q", line)
			}
			return nil
		})
		line := proxy.Printed()[before:]
		for _, want := range test.want {
			if !strings.Contains(line, want) {
				t.Errorf("%s: got %q, want it to hold %q", test.name, line, want)
			}
		}
		if strings.Contains(line, "hidden") || strings.Count(line, "\n") != 1 {
			t.Errorf("%s: got %q, want one line without what must not be logged", test.name, line)
		}
		if test.name != "refused by Envoy itself" && strings.Contains(line, "check_us=-") {
			t.Errorf("%s: got %q, want the latency of the check", test.name, line)
		}
	}
}

func TestEnvoyListensOnSocketAndIPv6(t *testing.T) {
	socket := filepath.Join(ShortDir(t), "listener.sock")
	for _, listener := range []string{"unix:" + socket, "[::1]:0"} {
		t.Run(listener, func(t *testing.T) {
			proxy := Envoy(t, envoy.Addresses{
				Listener: listener, Credence: Checks(t, "127.0.0.1:0", nil).Addr(), Upstream: Upstream(t).Addr(),
			})
			client := &http.Client{Transport: &http.Transport{
				DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					if path, ok := strings.CutPrefix(proxy.Addr(), "unix:"); ok {
						return new(net.Dialer).DialContext(ctx, "unix", path)
					}
					return new(net.Dialer).DialContext(ctx, "tcp6", proxy.Addr())
				},
				DisableKeepAlives: true,
			}}
			response, err := client.Get("http://api.example.test/")
			if err != nil {
				t.Fatalf("GET through %s: %v", proxy.Addr(), err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("GET through %s: status %d, want 200", proxy.Addr(), response.StatusCode)
			}
		})
	}
}

func TestEnvoyStops(t *testing.T) {
	proxy := Envoy(t, envoy.Addresses{Credence: Checks(t, "127.0.0.1:0", nil).Addr(), Upstream: Upstream(t).Addr()})
	proxy.Stop()
	_, err := net.Dial("tcp", proxy.Addr())
	var refused *net.OpError
	if !errors.As(err, &refused) {
		t.Errorf("dial %s after Stop: error %v, want refused", proxy.Addr(), err)
	}
}
