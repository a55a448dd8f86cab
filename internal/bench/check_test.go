package main

import (
	"bytes"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"credence/internal/credential"
)

func newTokens(n int) []credential.Secret {
	tokens := make([]credential.Secret, n)
	for i := range tokens {
		tokens[i] = credential.NewToken(credential.NewTokenID())
	}
	return tokens
}

var plain = request{peerAddress, routeScopes, plainHeaders}

// A frame with a token in its place is the check with that token.
func TestFrame(t *testing.T) {
	tokens := newTokens(3)
	f, err := newFrame(plain, tokens[2], 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens[:2] {
		var got authv3.CheckRequest
		if err := proto.Unmarshal(f.with(token), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain.check(token, 7), &got, protocmp.Transform()); diff != "" {
			t.Errorf("check (-want +got):\n%s", diff)
		}
	}
}

// A frame has room for what is as long as the sample, and for nothing else.
func TestChecksAreOfCredentialsOfOneLength(t *testing.T) {
	for name, credentials := range map[string][]credential.Secret{
		"none":     nil,
		"a longer": append(newTokens(1), credential.NewSecret(newTokens(1)[0].Expose()+"x")),
	} {
		if _, err := newChecks(peerAddress, credentials); err == nil {
			t.Errorf("%s: newChecks: want an error", name)
		}
	}
}

func TestChecksAskWithEachToken(t *testing.T) {
	tokens := newTokens(3)
	c, err := newChecks(peerAddress, tokens)
	if err != nil {
		t.Fatal(err)
	}
	first := c.check(0)
	for n := range 7 {
		if want := tokens[n%3].Expose(); !bytes.Contains(c.check(n), []byte(want)) {
			t.Errorf("check %d is not about token %d", n, n%3)
		}
	}
	if !bytes.Contains(first, []byte(tokens[0].Expose())) {
		t.Error("a check was changed by later ones")
	}
	if bytes.Equal(c.check(0), c.check(3)) {
		t.Error("checks 0 and 3 are of one request, want another port and id")
	}
	for n := range 4 {
		if want := tokens[n%2].Expose(); !bytes.Contains(c.of(2).check(n), []byte(want)) {
			t.Errorf("of the first two, check %d is not about token %d", n, n%2)
		}
	}
}

// A request has as many headers as it should, with the credential among them.
func TestRequestHeaders(t *testing.T) {
	token := newTokens(1)[0]
	for _, n := range []int{5, 10, plainHeaders, 100} {
		check := request{peerAddress, routeScopes, n}.check(token, 1)
		if got := len(check.GetAttributes().GetRequest().GetHttp().GetHeaderMap().GetHeaders()); got != n {
			t.Errorf("%d headers, want %d", got, n)
		}
		if headerOf(check, "authorization") == "" || headerOf(check, ":path") != path {
			t.Errorf("of %d headers, none has the credential or none the path", n)
		}
	}
}

func TestChecksExpect(t *testing.T) {
	allowed := encoded(t, &authv3.CheckResponse{Status: &statuspb.Status{}, HttpResponse: &authv3.CheckResponse_OkResponse{}})
	denied := encoded(t, &authv3.CheckResponse{
		Status:          &statuspb.Status{Code: 7},
		DynamicMetadata: &structpb.Struct{Fields: map[string]*structpb.Value{"reason": structpb.NewStringValue("token_unknown")}},
	})
	all, err := newChecks(peerAddress, newTokens(2))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		checks *checks
		answer []byte
		want   bool
	}{
		"allowed as it should be":  {all, allowed, true},
		"denied, should pass":      {all, denied, false},
		"denied as it should be":   {all.denied("token_unknown"), denied, true},
		"denied by another reason": {all.denied("scope_missing"), denied, false},
		"allowed, should not pass": {all.denied("token_unknown"), allowed, false},
		"the first of the denied":  {all.denied("token_unknown").of(1), denied, true},
		"no answer":                {all, []byte("\xff"), false},
	} {
		if err := test.checks.expect(test.answer); (err == nil) != test.want {
			t.Errorf("%s: expect: %v, want as expected %t", name, err, test.want)
		}
	}
}
