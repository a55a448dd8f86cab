package main

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

func encoded(t *testing.T, response *authv3.CheckResponse) []byte {
	t.Helper()
	text, err := proto.Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAllows(t *testing.T) {
	ok := &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{HeadersToRemove: []string{"authorization"}}}
	denied := &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{Body: "no"}}
	failed := &authv3.CheckResponse_ErrorResponse{ErrorResponse: &authv3.DeniedHttpResponse{Body: "no"}}
	metadata := &structpb.Struct{Fields: map[string]*structpb.Value{"reason": structpb.NewStringValue("allowed")}}
	for name, test := range map[string]struct {
		response *authv3.CheckResponse
		want     bool
	}{
		"allowed":                {&authv3.CheckResponse{Status: &statuspb.Status{}, HttpResponse: ok, DynamicMetadata: metadata}, true},
		"without status":         {&authv3.CheckResponse{HttpResponse: ok}, false},
		"without changes":        {&authv3.CheckResponse{Status: &statuspb.Status{}}, false},
		"denied":                 {&authv3.CheckResponse{Status: &statuspb.Status{Code: 7}, HttpResponse: denied, DynamicMetadata: metadata}, false},
		"denied, and OK changes": {&authv3.CheckResponse{Status: &statuspb.Status{Code: 7}, HttpResponse: ok}, false},
		"OK beside a denial":     {&authv3.CheckResponse{Status: &statuspb.Status{}, HttpResponse: denied}, false},
		"OK beside an error":     {&authv3.CheckResponse{Status: &statuspb.Status{}, HttpResponse: failed}, false},
		"nothing":                {&authv3.CheckResponse{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := allows(encoded(t, test.response)); got != test.want {
				t.Errorf("allows(%v) = %t, want %t", test.response, got, test.want)
			}
		})
	}
	for name, text := range map[string]string{"no protobuf": "\xff\xff", "cut short": "\x0a\x00\x1a\x7f"} {
		if allows([]byte(text)) {
			t.Errorf("%s: allows(%q) = true, want false", name, text)
		}
	}
}

func TestRefusalNamesTheReason(t *testing.T) {
	text := encoded(t, &authv3.CheckResponse{
		Status: &statuspb.Status{Code: 14},
		DynamicMetadata: &structpb.Struct{Fields: map[string]*structpb.Value{
			"reason": structpb.NewStringValue("registry_unavailable"),
		}},
	})
	code, reason, err := refusal(text)
	if code != 14 || reason != "registry_unavailable" || err != nil {
		t.Errorf("refusal = %d, %q, %v; want 14, registry_unavailable", code, reason, err)
	}
	if _, _, err := refusal([]byte("\xff\xff")); err == nil {
		t.Error("refusal of no protobuf: no error")
	}
}

func TestIdentifies(t *testing.T) {
	answer := func(name, value string) *authv3.CheckResponse {
		return &authv3.CheckResponse{HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{
			Headers: []*corev3.HeaderValueOption{{Header: &corev3.HeaderValue{Key: name, Value: value}}},
		}}}
	}
	for name, test := range map[string]struct {
		response *authv3.CheckResponse
		known    bool
	}{
		"the client":      {answer("x-client-id", "bench-0"), true},
		"another":         {answer("x-client-id", "acme"), false},
		"another header":  {answer("x-client-name", "bench-0"), false},
		"empty, as no-op": {&authv3.CheckResponse{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := identifies(encoded(t, test.response)); (err == nil) != test.known {
				t.Errorf("identifies(%v) = %v, want known %t", test.response, err, test.known)
			}
		})
	}
}
