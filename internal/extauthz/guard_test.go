package extauthz

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"credence/internal/authz"
)

func TestGuardReplaces(t *testing.T) {
	ok := &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{}}
	denied := &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{Status: &typev3.HttpStatus{Code: typev3.StatusCode_Forbidden}}}
	status := func(code int32) *statuspb.Status { return &statuspb.Status{Code: code} }
	deniedWith := func(code typev3.StatusCode) *authv3.CheckResponse {
		return &authv3.CheckResponse{Status: status(7), HttpResponse: &authv3.CheckResponse_DeniedResponse{
			DeniedResponse: &authv3.DeniedHttpResponse{Status: &typev3.HttpStatus{Code: code}},
		}}
	}
	answers := func(response any) func() (any, error) { return func() (any, error) { return response, nil } }
	tests := []struct {
		name    string
		handler func() (any, error)
		cause   string // of what is observed
	}{
		{"nil", answers(nil), "it is none"},
		{"a nil response", answers((*authv3.CheckResponse)(nil)), "it is none"},
		{"another message", answers(&healthpb.HealthCheckResponse{}), "it is none"},
		{"an empty response: Envoy allows", answers(&authv3.CheckResponse{}), "no status"},
		{"no status beside a denial: Envoy allows", answers(&authv3.CheckResponse{HttpResponse: denied}), "no status"},
		{"no status beside ok_response", answers(&authv3.CheckResponse{HttpResponse: ok}), "no status"},
		{"OK beside a denial: Envoy allows", answers(&authv3.CheckResponse{Status: status(0), HttpResponse: denied}), "its status is OK"},
		{"OK beside an error: Envoy allows", answers(&authv3.CheckResponse{Status: status(0), HttpResponse: &authv3.CheckResponse_ErrorResponse{}}), "its status is OK"},
		{"OK beside nothing: smuggled identity goes on", answers(&authv3.CheckResponse{Status: status(0)}), "its status is OK"},
		{"OK beside an ok_response of nothing", answers(&authv3.CheckResponse{Status: status(0), HttpResponse: &authv3.CheckResponse_OkResponse{}}), "its status is OK"},
		{"a nil in the oneof", answers(&authv3.CheckResponse{Status: status(0), HttpResponse: (*authv3.CheckResponse_OkResponse)(nil)}), "its status is OK"},
		{"not OK beside ok_response", answers(&authv3.CheckResponse{Status: status(7), HttpResponse: ok}), "no denial"},
		{"not OK beside nothing", answers(&authv3.CheckResponse{Status: status(7)}), "no denial"},
		{"not OK beside an error: Envoy may let it pass", answers(&authv3.CheckResponse{Status: status(14), HttpResponse: &authv3.CheckResponse_ErrorResponse{ErrorResponse: &authv3.DeniedHttpResponse{}}}), "no denial"},
		{"a denial without status", answers(&authv3.CheckResponse{Status: status(7), HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{}}}), "no denial"},
		{"a denial of status 0", answers(deniedWith(0)), "no denial"},
		{"a denial of status 200", answers(deniedWith(typev3.StatusCode_OK)), "no denial"},
		{"a denial of status 302", answers(deniedWith(typev3.StatusCode_Found)), "no denial"},
		{"an RPC error", func() (any, error) { return nil, errors.New("no idea") }, "no idea"},
		{"an RPC error beside a good response", func() (any, error) { return deniedWith(typev3.StatusCode_Forbidden), errors.New("no idea") }, "no idea"},
		{"a panic", func() (any, error) { panic("at the disco") }, "at the disco"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var seen []authz.Decision
			server := New(Options{Realm: "credence", Identity: standardIdentity, Observe: func(_ authz.Request, decision authz.Decision, _ time.Duration) {
				seen = append(seen, decision)
			}})
			handler := func(context.Context, any) (any, error) { return tt.handler() }
			answered, err := server.guard(context.Background(), raw("x-request-id", "r1"), nil, handler)
			if err != nil {
				t.Fatalf("the guard gives the error %v, want a response", err)
			}
			got := read(t, server.encoder.identity, answered.(*authv3.CheckResponse))
			if got.Code != 14 || got.Status != 503 || got.Metadata["reason"] != "internal_error" || !strings.Contains(got.Body, `"request_id":"r1"`) {
				t.Errorf("the guard lets through %+v, want a denial for internal_error", got)
			}
			if len(seen) != 1 || seen[0].Reason != authz.InternalError || !strings.Contains(seen[0].Cause.Error(), tt.cause) {
				t.Errorf("observed %+v, want one internal_error because of %q", seen, tt.cause)
			}
		})
	}
}

// TestGuardLetsThrough holds that what is right is left alone, and other
// services are none of the guard's business.
func TestGuardLetsThrough(t *testing.T) {
	server := New(Options{Realm: "credence", Identity: standardIdentity, Observe: func(_ authz.Request, decision authz.Decision, _ time.Duration) {
		t.Errorf("observed %+v, want nothing", decision)
	}})
	whyNot := errors.New("unknown service")
	tests := []struct {
		name     string
		asked    any
		answered any
		err      error
	}{
		{"allowed", raw(), server.encoder.encode(nil, authz.Request{}, authz.Decision{Reason: authz.AllowedAnonymous}), nil},
		{"denied", raw(), server.encoder.encode(nil, authz.Request{}, authz.Decision{Reason: authz.TokenUnknown}), nil},
		{"health", &healthpb.HealthCheckRequest{}, &healthpb.HealthCheckResponse{}, nil},
		{"no such health", &healthpb.HealthCheckRequest{}, nil, whyNot},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answered, err := server.guard(context.Background(), tt.asked, nil, func(context.Context, any) (any, error) { return tt.answered, tt.err })
			if answered != tt.answered || !errors.Is(err, tt.err) {
				t.Errorf("the guard gives %v, %v, want %v, %v", answered, err, tt.answered, tt.err)
			}
		})
	}
}

// TestAFaultAgainIsSurvived holds that the answer to a fault does not depend on
// what may have broken.
func TestAFaultAgainIsSurvived(t *testing.T) {
	server := New(Options{Realm: "credence", Identity: standardIdentity, Observe: func(authz.Request, authz.Decision, time.Duration) { panic("again") }})
	answered, err := server.guard(context.Background(), raw(), nil, func(context.Context, any) (any, error) { panic("once") })
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, server.encoder.identity, answered.(*authv3.CheckResponse)); got.Status != 503 {
		t.Errorf("answered %+v, want 503", got)
	}
}
