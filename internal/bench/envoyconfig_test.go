package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is measured is what is shipped: each piece is in envoy.yaml, comments
// aside, line after line.
func TestConfigIsAsShipped(t *testing.T) {
	text, err := os.ReadFile("../../envoy/envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var shipped strings.Builder
	for line := range strings.Lines(string(text)) {
		if trimmed := strings.TrimSpace(line); trimmed != "" && trimmed[0] != '#' {
			shipped.WriteString(line)
		}
	}
	for name, piece := range map[string]string{
		"HTTP": shippedHTTP, "filter": shippedFilter, "cluster": shippedCluster, "breakers": shippedBreakers,
	} {
		if !strings.Contains(shipped.String(), piece) {
			t.Errorf("%s: envoy.yaml has not, line after line:\n%s", name, piece)
		}
	}
}

func TestEnvoyConfig(t *testing.T) {
	text, err := envoyConfig([]*passage{
		{Listener: "bare"},
		{Listener: "first", Filter: extAuthz("first"), server: &server{grpc: "127.0.0.1:4001"}},
		{Listener: "key", Filter: apiKeyAuth("the-key", "acme")},
		{Listener: "second", Filter: extAuthz("second"), server: &server{grpc: "127.0.0.1:4002"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		pattern string
		want    []string
	}{
		"names, of listeners and then clusters": {`(?m)^  - name: (\S+)$`, []string{"bare", "first", "key", "second", "first", "second"}},
		"who is asked":                          {`envoy_grpc: \{cluster_name: (\w+)\}`, []string{"first", "second"}},
		"whose endpoints":                       {`(?m)^      cluster_name: (\w+)$`, []string{"first", "second"}},
		"where they are":                        {`endpoint: \{address: .*port_value: (\d+)`, []string{"4001", "4002"}},
		"what routes demand":                    {`scopes: '([^']+)'`, []string{routeScopes, routeScopes}},
		"filters": {`(?m)^          - name: envoy\.filters\.http\.(\w+)$`,
			[]string{"router", "ext_authz", "router", "api_key_auth", "router", "ext_authz", "router"}},
		"what is left of the sample": {`(name: credence|9001)`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, match := range regexp.MustCompile(test.pattern).FindAllStringSubmatch(text, -1) {
				got = append(got, match[1])
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s\nin\n%s", test.pattern, diff, text)
			}
		})
	}
}

func TestEnvoyConfigWantsAnAddress(t *testing.T) {
	if _, err := envoyConfig([]*passage{{Listener: "first", server: &server{grpc: "nowhere"}}}); err == nil {
		t.Error("envoyConfig with a server at \"nowhere\": want an error")
	}
}
