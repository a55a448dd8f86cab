package extauthz

import (
	"bytes"
	"context"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"

	"credence/internal/authz"
)

// FuzzCheck gives a server any message that is a CheckRequest. Whatever it is,
// the answer is a whole response that can be sent; a required route lets
// nobody pass without a registered token and from outside its allowlists; and
// who passes brings no identity header of his own along.
func FuzzCheck(f *testing.F) {
	for _, check := range seeds(f) {
		data, err := proto.Marshal(check)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, false)
		f.Add(data, true)
	}
	all := newServer(f, authz.RoutePolicy{})
	seenOnly := newServer(f, authz.RoutePolicy{})
	seenOnly.encoder.identity.seenOnly = true
	f.Fuzz(func(t *testing.T, data []byte, stripSeenOnly bool) {
		check := &authv3.CheckRequest{}
		if proto.Unmarshal(data, check) != nil {
			t.Skip("no CheckRequest")
		}
		server := all
		if stripSeenOnly {
			server = seenOnly
		}
		response := server.check(context.Background(), check) // a panic is a failure here: nothing guards it
		if err := inspect(response); err != nil {
			t.Fatalf("response %v: %v", response, err)
		}
		if err := response.ValidateAll(); err != nil {
			t.Errorf("response %v: %v", response, err)
		}
		if _, err := proto.Marshal(response); err != nil {
			t.Errorf("response %v: %v", response, err)
		}
		if response.Status.Code == 0 {
			mayPass(t, data, check)
			carriesNoIdentity(t, server.encoder.identity, check, response.GetOkResponse())
		}
	})
}

// acmeAllows is the allowlist of the client that both tokens belong to.
var acmeAllows = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"),
}

// mayPass holds that a request that passed had a registered token and came
// from an address that its client allows, or was a preflight that its route
// lets pass.
func mayPass(t *testing.T, data []byte, check *authv3.CheckRequest) {
	t.Helper()
	attributes := check.GetAttributes()
	if attributes.GetContextExtensions()["preflight"] == "pass" && attributes.GetRequest().GetHttp().GetMethod() == "OPTIONS" {
		return
	}
	// A foreign token may stand in the query, decoded once.
	if !bytes.Contains(data, []byte(ownToken)) && !bytes.Contains(data, []byte(foreignToken)) && !bytes.ContainsRune(data, '%') {
		t.Errorf("%v passes without a registered token", check)
	}
	source, err := netip.ParseAddr(attributes.GetSource().GetAddress().GetSocketAddress().GetAddress())
	source = source.Unmap().WithZone("")
	if err != nil || !slices.ContainsFunc(acmeAllows, func(allowed netip.Prefix) bool { return allowed.Contains(source) }) {
		t.Errorf("%v passes from outside the allowlist", check)
	}
}

// FuzzSpells compares the folding of header names with an obvious one: each
// hyphen of an identity header may be any one character that is neither letter
// nor digit.
func FuzzSpells(f *testing.F) {
	for _, name := range []string{
		"x-client-id", "x_client.id", "x~client~id", "x-client-id-", "x--client-id", "xclientid", "x client scopes", "x\u00e9client-id",
		"x-client-label-cost.center", "x-client\xff\xfeid", "x-client\u212aid", "X-CLIENT-ID", "",
	} {
		f.Add(name)
	}
	id := newIdentity(standardIdentity)
	var obvious []*regexp.Regexp
	for _, name := range id.names {
		obvious = append(obvious, regexp.MustCompile("^"+strings.ReplaceAll(name, "-", "(?s:[^a-z0-9])")+"$"))
	}
	f.Fuzz(func(t *testing.T, name string) {
		name = lower(name)
		want := slices.ContainsFunc(obvious, func(r *regexp.Regexp) bool { return r.MatchString(name) })
		if got := id.spells(name); got != want {
			t.Errorf("%q is read as an identity header: %v, want %v", name, got, want)
		}
	})
}

// carriesNoIdentity holds that each header that spells an identity header is
// overwritten or removed, and none is both.
func carriesNoIdentity(t *testing.T, id *identity, check *authv3.CheckRequest, ok *authv3.OkHttpResponse) {
	t.Helper()
	set := map[string]bool{}
	for _, header := range ok.GetHeaders() {
		set[header.GetHeader().GetKey()] = true
	}
	for name := range names(check) {
		removed := slices.Contains(ok.GetHeadersToRemove(), name)
		if id.spells(name) && sayable(name) && set[name] == removed {
			t.Errorf("header %q is set %t and removed %t", name, set[name], removed)
		}
	}
}

// seeds are one check for each reason that a request can bring about, and what
// Envoy recorded.
func seeds(t testing.TB) []*authv3.CheckRequest {
	extended := func(check *authv3.CheckRequest, extensions map[string]string) *authv3.CheckRequest {
		check.Attributes.ContextExtensions = extensions
		return check
	}
	preflight := raw("origin", "https://a.example.test", "access-control-request-method", "GET")
	preflight.Attributes.Request.Http.Method = "OPTIONS"
	inQuery := raw()
	inQuery.Attributes.Request.Http.Path = "/?%61pi_key=" + foreignToken
	checks := []*authv3.CheckRequest{
		{},
		raw("authorization", "Bearer "+ownToken, "X_Client_Id", "smuggled", "x~client~id", "smuggled"),
		raw(":path", "/", "x-api-key", foreignToken, "x.client.id", "smuggled"),
		joined(map[string]string{"api-token": ownToken, "content-type": "application/grpc"}),
		inQuery,
		extended(raw("x-api-key", foreignToken), map[string]string{"scopes": "orders:delete", "api": "orders", "resource_metadata": "https://api.example.test/"}),
		extended(raw("x-api-key", foreignToken), map[string]string{"profiles": "premium"}),
		extended(raw(), map[string]string{"auth": "optional"}),
		extended(preflight, map[string]string{"preflight": "pass"}),
		extended(raw(), map[string]string{"unknown": "key"}),
		raw("x-api-key", "eyJhbGciOiJub25lIn0.e30.x"),
		raw("x-api-key", "a-token-of-nobodys"),
	}
	for _, check := range recorded(t) {
		checks = append(checks, check)
	}
	return checks
}
