package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"credence/envoy"
)

func TestUnixSocket(t *testing.T) {
	path := socketPath(t)
	s := start(t, setting{patient: true, grpc: "unix:" + path, config: `listen: {socket_mode: "0600"}`})
	token := s.good()
	s.get("/", "authorization: Bearer "+token.secret).wantStatus(t, http.StatusOK, "")
	s.get("/").wantStatus(t, http.StatusUnauthorized, "credential_missing")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket %v %v, want mode 0600", info, err)
	}
	s.wantNoErrors()
}

// TestProxyProtocolNamesThePeer holds the allowlist against the address that
// the PROXY protocol declares, in IPv4, IPv6 and as the proxy's own.
func TestProxyProtocolNamesThePeer(t *testing.T) {
	s := start(t, setting{patient: true, edits: []envoy.Edit{envoy.ProxyProtocol()}})
	s.client("acme", "allow", "203.0.113.0/24 2001:db8::/32")
	s.partner()
	token := s.token("acme")
	for _, c := range []struct {
		declared string
		status   int
	}{
		{"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443", http.StatusOK},
		{"PROXY TCP4 198.51.100.7 192.0.2.1 4711 443", http.StatusForbidden},
		{"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443", http.StatusOK},
		{"PROXY TCP6 ::ffff:203.0.113.7 2001:db8::1 4711 443", http.StatusOK},
		{"PROXY TCP6 2001:db9::7 2001:db8::1 4711 443", http.StatusForbidden},
		{"PROXY UNKNOWN", http.StatusForbidden},
	} {
		if got := s.throughProxy(t, c.declared, token.secret); got != c.status {
			t.Errorf("%s: status %d, want %d", c.declared, got, c.status)
		}
	}
	s.wantNoErrors()
}

func (s *stack) throughProxy(t *testing.T, declared, token string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			connection, err := new(net.Dialer).DialContext(ctx, "tcp", s.envoy.Addr())
			if err == nil {
				_, err = fmt.Fprintf(connection, "%s\r\n", declared)
			}
			return connection, err
		},
	}}
	request, err := http.NewRequest(http.MethodGet, s.envoy.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Api-Key", token)
	return s.send(client, request).status
}

// TestTrustedProxies judges by x-forwarded-for only where a trusted proxy
// connected, and by what stands right in it.
func TestTrustedProxies(t *testing.T) {
	s := start(t, setting{patient: true, config: "peer: {trusted_proxies: [127.0.0.0/8], header: x-real-ip}"})
	s.client("acme", "allow", "203.0.113.0/24")
	s.partner()
	token := s.token("acme")
	key := "x-api-key: " + token.secret
	s.get("/", key, "x-real-ip: 203.0.113.7").wantStatus(t, http.StatusOK, "")
	s.get("/", key, "x-real-ip: 198.51.100.7").wantStatus(t, http.StatusForbidden, "peer_not_allowed")
	s.get("/", key, "x-real-ip: 203.0.113.7", "x-real-ip: 203.0.113.8").wantStatus(t, http.StatusForbidden, "peer_unknown")
	s.get("/", key).wantStatus(t, http.StatusForbidden, "peer_unknown")
	s.wantNoErrors()
}

// TestEveryKindOfRequestIsChecked sends what is not a plain GET.
func TestEveryKindOfRequestIsChecked(t *testing.T) {
	s := start(t, setting{patient: true})
	for _, request := range []string{
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"GET http://other/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		connection, err := net.Dial("tcp", s.envoy.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprint(connection, request); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(connection).ReadString('\n')
		_ = connection.Close()
		if err != nil || !strings.Contains(line, " 40") {
			t.Errorf("%q: answered %q (%v), want a 4xx", request, line, err)
		}
	}
	if n := len(s.upstream.Arrivals()); n != 0 {
		t.Errorf("%d requests without credential reached the upstream", n)
	}
}

// TestRevocationIsSeenAtOnce writes records, without a commit that tells of it,
// under a client that the server knows, and under a token that it knows to be
// none.
func TestRevocationIsSeenAtOnce(t *testing.T) {
	s := start(t, setting{patient: true})
	token := s.good()
	key := "x-api-key: " + token.secret
	s.get("/", key).wantStatus(t, http.StatusOK, "")
	for _, change := range []struct {
		key, field, value string
		from, to          int
		code              string
	}{
		{token.key, "state", "revoked", http.StatusOK, http.StatusUnauthorized, "credential_revoked"},
		{token.key, "state", "active", http.StatusUnauthorized, http.StatusOK, ""},
		{"client:acme", "state", "disabled", http.StatusOK, http.StatusForbidden, "client_disabled"},
		{"client:acme", "state", "active", http.StatusForbidden, http.StatusOK, ""},
		{"profile:partner", "accepts", "jwt", http.StatusOK, http.StatusForbidden, "kind_not_accepted"},
		{"profile:partner", "accepts", "token", http.StatusForbidden, http.StatusOK, ""},
		{"client:acme", "state", "on", http.StatusOK, http.StatusServiceUnavailable, "unavailable"},
		{"client:acme", "state", "active", http.StatusServiceUnavailable, http.StatusOK, ""},
	} {
		s.set(change.key, change.field, change.value)
		s.getUntil(change.from, change.to, key).wantStatus(t, change.to, change.code)
	}
	await(t, "the log names key and field", func() bool {
		return strings.Contains(s.log.String(), "client:acme") && strings.Contains(s.log.String(), "state")
	})

	late := stranger()
	digest := digestOf(t, late)
	s.get("/", "x-api-key: "+late).wantStatus(t, http.StatusUnauthorized, "credential_invalid")
	s.set("token:"+digest, "digest", digest, "id", late[4:14], "client", "acme", "profile", "partner", "state", "active", "created_at", ago(time.Hour))
	s.getUntil(http.StatusUnauthorized, http.StatusOK, "x-api-key: "+late)
	s.wantNoErrors()
}

// TestAccessLogHoldsNoToken puts a token into the path of requests that are
// decided before the path is read, and after.
func TestAccessLogHoldsNoToken(t *testing.T) {
	s := start(t, setting{patient: true, edits: []envoy.Edit{envoy.Route("/broken", map[string]string{"scope": "a"})}})
	token := s.good()
	mistyped := token.secret[:len(token.secret)-1] + "!"
	s.get("/p/"+token.secret+"/x", "api-token: a", "x-api-key: b").wantStatus(t, http.StatusBadRequest, "credential_ambiguous")
	s.get("/broken/"+token.secret).wantStatus(t, http.StatusServiceUnavailable, "unavailable")
	s.get("/p/"+token.secret).wantStatus(t, http.StatusBadRequest, "credential_in_url")
	s.get("/p/"+mistyped).wantStatus(t, http.StatusUnauthorized, "credential_missing")
	s.get("/p/%2563rd_"+token.secret[4:]).wantStatus(t, http.StatusUnauthorized, "credential_missing")
	s.get("/plain/path").wantStatus(t, http.StatusUnauthorized, "credential_missing")
	await(t, "the access log has the last request", func() bool { return strings.Contains(s.envoy.Printed(), " GET /plain/path ") })
	printed := s.envoy.Printed()
	if strings.Contains(printed, token.secret[15:]) || strings.Contains(printed, mistyped[15:47]) {
		t.Errorf("the access log holds a token:\n%s", printed)
	}
	if n := strings.Count(printed, "reason="); n != 6 {
		t.Errorf("%d lines, want 6:\n%s", n, printed)
	}
}
