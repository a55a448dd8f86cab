package main

import (
	"bytes"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"credence/internal/credential"
)

func newTokens(n int) []credential.Secret {
	tokens := make([]credential.Secret, n)
	for i := range tokens {
		tokens[i] = credential.NewToken(credential.NewTokenID())
	}
	return tokens
}

// A frame with a token in its place is the check with that token.
func TestFrame(t *testing.T) {
	tokens := newTokens(3)
	f, err := newFrame(peerAddress, tokens[2], 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens[:2] {
		var got authv3.CheckRequest
		if err := proto.Unmarshal(f.with(token), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(newCheck(peerAddress, token, 7), &got, protocmp.Transform()); diff != "" {
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
