package main

import (
	"bytes"
	"net"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/google/go-cmp/cmp"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"credence/internal/registry"
)

// like is an answer with all that credence's have.
func like() *authv3.CheckResponse {
	return &authv3.CheckResponse{
		Status: &rpc.Status{},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{
			Headers: []*corev3.HeaderValueOption{
				{Header: &corev3.HeaderValue{Key: "x-client-id", Value: "acme"}, AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD},
				{Header: &corev3.HeaderValue{Key: "x-client-name", RawValue: []byte("Acme Ltd")}},
			},
			HeadersToRemove: []string{"authorization", "x_client_id"},
		}},
		DynamicMetadata: &structpb.Struct{Fields: map[string]*structpb.Value{
			"decision": structpb.NewStringValue("allow"),
			"limit":    structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"requests_per_unit": structpb.NewNumberValue(7)}}),
		}},
	}
}

// A naive answer says what credence's does, of the client that it found.
func TestNaiveAnswer(t *testing.T) {
	got, err := newNaive("127.0.0.1:1", like()).allowed("initech")
	if err != nil {
		t.Fatal(err)
	}
	want := like()
	want.GetOkResponse().Headers[0].Header.Value = "initech"
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestNaiveReadsTheCheck(t *testing.T) {
	tokens := newTokens(1)
	check := plain.check(tokens[0], 1)
	if got, want := headerOf(check, "authorization"), "Bearer "+tokens[0].Expose(); got != want {
		t.Errorf("authorization = %q, want the token", got)
	}
	if got := headerOf(check, "api-token"); got != "" {
		t.Errorf("api-token = %q, want none", got)
	}
	for name, test := range map[string]struct {
		allowlist, address string
		want               bool
	}{
		"in the last":   {"198.51.100.0/28 203.0.113.0/24", "203.0.113.10", true},
		"in none":       {"198.51.100.0/28 203.0.113.0/24", "192.0.2.1", false},
		"no list":       {"", "192.0.2.1", false},
		"no address":    {"0.0.0.0/0", "here", false},
		"a bad network": {"203.0.113.0/240 203.0.113.0/24", "203.0.113.10", true},
	} {
		if got := listed(test.allowlist, test.address); got != test.want {
			t.Errorf("%s: listed(%q, %q) = %t, want %t", name, test.allowlist, test.address, got, test.want)
		}
	}
}

// A peer answers the bytes that it was given, or as many of them.
func TestPeersAnswer(t *testing.T) {
	answer, err := proto.Marshal(like())
	if err != nil {
		t.Fatal(err)
	}
	checks, err := newChecks(peerAddress, newTokens(1))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []peerKind{noopPeer, rawPeer, workedPeer} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server, err := newPeer(kind, answer, "127.0.0.1:1")
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		load, err := newLoad(listener.Addr().String(), checks)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // what was answered once is answered again
			got, err := load.one(t.Context())
			if err != nil || len(got) != len(answer) {
				t.Errorf("%s: answers %d bytes, %v; want %d", kind, len(got), err, len(answer))
			}
			if kind != noopPeer && !bytes.Equal(got, answer) {
				t.Errorf("%s: answers %q, want %q", kind, got, answer)
			}
		}
		server.Stop()
		if err := <-served; err != nil {
			t.Errorf("%s: serve: %v", kind, err)
		}
	}
	if _, err := newPeer("fast", answer, "127.0.0.1:1"); err == nil {
		t.Error("a peer of an unknown kind: no error")
	}
	if _, err := newPeer(noopPeer, []byte("\xff"), "127.0.0.1:1"); err == nil {
		t.Error("a peer without an answer: no error")
	}
}

// The naive server goes by what Redis holds now.
func TestNaiveAsksRedis(t *testing.T) {
	s, err := newStage()
	if err != nil {
		t.Fatal(err)
	}
	defer s.end()
	if err := s.startRedis(t.Context()); err != nil {
		t.Fatal(err)
	}
	tokens, err := s.fill(t.Context(), population{2, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	n := newNaive(s.address, like())
	client := s.client()
	defer func() { _ = client.Close() }()
	disabled := prefix + registry.ClientRef(clientID(1)).Key()
	if err := client.HSet(t.Context(), disabled, "state", "disabled").Err(); err != nil {
		t.Fatal(err)
	}
	elsewhere := request{"192.0.2.7", routeScopes, plainHeaders}
	for name, test := range map[string]struct {
		check  *authv3.CheckRequest
		client string
		status typev3.StatusCode
	}{
		"known":              {plain.check(tokens[0], 1), "bench-0", 0},
		"unknown":            {plain.check(newTokens(1)[0], 1), "", typev3.StatusCode_Unauthorized},
		"from elsewhere":     {elsewhere.check(tokens[0], 1), "", typev3.StatusCode_Forbidden},
		"of a disabled one":  {plain.check(tokens[1], 1), "", typev3.StatusCode_Forbidden},
		"with no credential": {&authv3.CheckRequest{}, "", typev3.StatusCode_Unauthorized},
	} {
		got, err := n.Check(t.Context(), test.check)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var client string
		if headers := got.GetOkResponse().GetHeaders(); len(headers) > 0 {
			client = headers[0].GetHeader().GetValue()
		}
		if status := got.GetDeniedResponse().GetStatus().GetCode(); client != test.client || status != test.status {
			t.Errorf("%s: client %q, status %v; want %q, %v", name, client, status, test.client, test.status)
		}
	}
}
