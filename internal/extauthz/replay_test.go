package extauthz

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"credence/internal/authz"
)

// recorded reads the checks that the real Envoy sent, by file name without
// suffix.
func recorded(t testing.TB) map[string]*authv3.CheckRequest {
	t.Helper()
	files, err := filepath.Glob("../../testdata/checks/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded checks: %v", err)
	}
	checks := make(map[string]*authv3.CheckRequest, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		check := &authv3.CheckRequest{}
		if err := protojson.Unmarshal(text, check); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		checks[strings.TrimSuffix(filepath.Base(file), ".json")] = check
	}
	return checks
}

// TestRecordedChecks decides what the real Envoy sent. The registry holds both
// tokens that the recordings carry.
func TestRecordedChecks(t *testing.T) {
	const (
		allowed, missing   = authz.Allowed, authz.CredentialMissing
		ambiguous, inURL   = authz.CredentialAmbiguous, authz.CredentialInURL
		malformed, unknown = authz.CredentialMalformed, authz.PeerUnknown
	)
	// By what a request carries, whatever way Envoy sends it.
	byRequest := map[string]authz.Reason{
		"no-credential": missing, "bearer": allowed, "bearer-spelling": allowed, "bearer-tab": malformed, "bearer-alone": malformed,
		"single-word": malformed, "basic": missing, "basic-joined-bearer": ambiguous, "authorization-twice": ambiguous, "api-token": allowed,
		"x-api-key": allowed, "x-api-key-twice": ambiguous, "x-api-key-comma": ambiguous, "two-places": ambiguous, "empty": malformed,
		"non-utf8": malformed, "long": malformed, "identity-spellings": missing, "forwarded": missing, "cookies": missing,
		"query": ambiguous, "path-normalized": missing, "token-in-path": inURL, "absolute-form": missing, "host-with-port": missing,
		"preflight": missing, "post": allowed, "method": missing, "extensions": allowed, "grpc": allowed, "grpc-no-credential": missing,
	}
	want := map[string]authz.Reason{
		"allowed-raw-api-token": missing, "allowed-joined-api-token": missing, // Envoy hides the header
		"joined-non-utf8": authz.TokenUnknown, "joined-http2-non-utf8": authz.TokenUnknown, // Envoy writes "!" for what is no UTF-8
		"tunnel-connect": allowed, "tunnel-http2-connect": allowed, "tunnel-websocket": allowed,
		"proxy-v2-ipv4": allowed, "proxy-v2-ipv6": allowed, "proxy-v2-mapped": allowed, "proxy-v2-local": allowed, "proxy-v1": allowed,
		"ipv6-http1": allowed, "socket-http1": unknown, "tls-http1": allowed, "mtls-http1": allowed, "mtls-http2": allowed,
	}
	server := newServer(t, authz.RoutePolicy{})
	for name, check := range recorded(t) {
		reason, stated := want[name]
		for _, setting := range []string{"raw-http2-", "joined-http2-", "raw-", "joined-", "allowed-raw-", "allowed-joined-"} {
			if request, found := strings.CutPrefix(name, setting); found && !stated {
				reason, stated = byRequest[request]
			}
		}
		if !stated {
			t.Errorf("%s: nothing says how it is decided", name)
			continue
		}
		response := server.check(context.Background(), check)
		got := read(t, server.encoder.identity, response)
		if got.Metadata["reason"] != reason.String() {
			t.Errorf("%s: %v, want %s", name, got.Metadata["reason"], reason)
		}
		if reason == allowed && got.Set["x-client-id"] != "acme" {
			t.Errorf("%s: identity %v, want acme's", name, got.Set)
		}
	}
}

// TestRecordedPeers holds the address that is judged to what Envoy saw.
func TestRecordedPeers(t *testing.T) {
	want := map[string]netip.Addr{
		"raw-bearer":      netip.MustParseAddr("127.0.0.1"),
		"ipv6-http1":      netip.MustParseAddr("::1"),
		"proxy-v1":        netip.MustParseAddr("203.0.113.7"),
		"proxy-v2-ipv6":   netip.MustParseAddr("2001:db8::7"),
		"proxy-v2-mapped": netip.MustParseAddr("203.0.113.7"),
		"socket-http1":    {},
	}
	checks := recorded(t)
	checker := newChecker(t, authz.RoutePolicy{})
	for name, peer := range want {
		if got := checker.Check(context.Background(), clock(), decode(checks[name])).Peer; got != peer {
			t.Errorf("%s: the peer is %v, want %v", name, got, peer)
		}
	}
}

// TestRecordedSmuggling holds that no identity header that a client sent goes
// on, in any spelling and whatever Envoy shows of it.
func TestRecordedSmuggling(t *testing.T) {
	// What was sent, as internal/e2e/record sends it; all but x-client-other
	// is read as an identity header by some upstream.
	var sent []string
	for _, name := range []string{"x-client-id", "x-client-name", "x-client-profile"} {
		for _, sign := range []string{"-", "_", "."} {
			sent = append(sent, strings.ReplaceAll(name, "-", sign))
		}
	}
	sent = append(sent, "x-client_credential.id")
	shown := []string{"x~client~id", "x~client~name", "x~client~profile"} // beyond the constant list
	for _, seenOnly := range []bool{false, true} {
		server := New(Options{
			Checker: newChecker(t, authz.RoutePolicy{Observe: true}), Identity: Identity{Prefix: "x-client-", StripSeenOnly: seenOnly}, Clock: clock,
		})
		for name, check := range recorded(t) {
			if !strings.HasSuffix(name, "identity-spellings") {
				continue
			}
			want := slices.Clone(sent)
			if !strings.HasPrefix(name, "allowed") { // there Envoy shows none
				want = append(want, shown...)
			}
			ok := server.check(context.Background(), check).GetOkResponse()
			for _, header := range want {
				if !slices.Contains(ok.GetHeadersToRemove(), header) {
					t.Errorf("%s, seen only %t: %s goes on", name, seenOnly, header)
				}
			}
			if slices.Contains(ok.GetHeadersToRemove(), "x-client-other") {
				t.Errorf("%s, seen only %t: x-client-other is removed", name, seenOnly)
			}
		}
	}
}
