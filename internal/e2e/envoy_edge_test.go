package e2e

import (
	"encoding/binary"
	"net/http"
	"net/netip"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/envoy"
)

// TestFileUnixSocket holds envoy/unix-socket.yaml.
func TestFileUnixSocket(t *testing.T) {
	path := socketPath(t)
	s := startFile(t, "unix-socket.yaml", setting{grpc: "unix:" + path})
	s.fronts(http.DefaultClient, s.good())
	info, err := os.Stat(path)
	if err != nil || info.Mode() != os.ModeSocket|0o660 {
		t.Errorf("socket %v %v, want mode 0660", info, err)
	}
	s.wantNoErrors()
}

// from203 writes a client whose allowlist holds documentation addresses only.
func (s *stack) from203() (key string) {
	s.t.Helper()
	s.client("far", "allow", "203.0.113.0/24 2001:db8::/32")
	s.profile("partner", "scopes", "orders:read orders:write", "limit", "1000/hour")
	return "x-api-key: " + s.token("far").secret
}

// wantPeer fails unless a denial says by which address it judged.
func (r result) wantPeer(t *testing.T, peer string) {
	t.Helper()
	r.wantStatus(t, http.StatusForbidden, "peer_not_allowed")
	if got := r.problem(t)["peer"]; got != peer {
		t.Errorf("judged by peer %v, want %s", got, peer)
	}
}

// TestFileProxyProtocol holds envoy/proxy-protocol.yaml: the address that the
// load balancer declares is what the allowlist sees, and nobody else declares.
func TestFileProxyProtocol(t *testing.T) {
	s := startFile(t, "proxy-protocol.yaml", setting{})
	key := s.from203()
	for _, c := range []struct {
		name, declared string
		peer           string // that is refused; empty: allowed
		told           string // to the upstream, in x-forwarded-for
	}{
		{"version 1", "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n", "", "203.0.113.7"},
		{"version 1, another", "PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n", "198.51.100.7", ""},
		{"version 1, IPv6", "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", "", "2001:db8::7"},
		{"version 2", proxyVersion2("203.0.113.7"), "", "203.0.113.7"},
		{"version 2, another", proxyVersion2("198.51.100.7"), "198.51.100.7", ""},
		{"the load balancer for itself", "PROXY UNKNOWN\r\n", "127.0.0.1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.ask(s.connecting("", c.declared), http.MethodGet, "/", key)
			if c.peer != "" {
				r.wantPeer(t, c.peer)
				return
			}
			r.wantStatus(t, http.StatusOK, "")
			if diff := cmp.Diff([]string{c.told}, r.arrived.Header["X-Forwarded-For"]); diff != "" {
				t.Errorf("x-forwarded-for that arrived, -want +got:\n%s", diff)
			}
		})
	}
	const good = "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n"
	bad := s.connecting("", "PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n")
	s.ask(bad, http.MethodGet, "/", key, "x-forwarded-for: 203.0.113.7").wantPeer(t, "198.51.100.7")
	s.wantClosed(s.connecting("", ""), key)            // it says nothing of whose it is
	s.wantClosed(s.connecting("127.0.0.2", good), key) // it is not the load balancer
	s.fronts(s.connecting("", good), s.good())
	s.wantNoErrors()
}

// proxyVersion2 gives the header of a connection from an IPv4 address, by the
// second version of the PROXY protocol (its specification, 2.2).
func proxyVersion2(from string) string {
	header := []byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c")
	header = append(header, netip.MustParseAddr(from).AsSlice()...)
	header = append(header, 192, 0, 2, 1)
	header = binary.BigEndian.AppendUint16(header, 4711)
	return string(binary.BigEndian.AppendUint16(header, 443))
}

// TestFileTrustedProxies holds envoy/trusted-proxies.yaml: the address that the
// load balancer wrote is the peer, and what a client wrote is not.
func TestFileTrustedProxies(t *testing.T) {
	s := startFile(t, "trusted-proxies.yaml", setting{})
	key := s.from203()
	s.fronts(http.DefaultClient, s.good())
	for _, c := range []struct {
		name      string
		forwarded []string
		peer      string // that is refused; empty: allowed
	}{
		{"the client's", []string{"x-forwarded-for: 203.0.113.7"}, ""},
		{"IPv6", []string{"x-forwarded-for: 2001:db8::7"}, ""},
		{"another's", []string{"x-forwarded-for: 198.51.100.7"}, "198.51.100.7"},
		{"another's, who wrote one himself", []string{"x-forwarded-for: 203.0.113.7, 198.51.100.7"}, "198.51.100.7"},
		{"another's, in lines", []string{"x-forwarded-for: 203.0.113.7", "x-forwarded-for: 198.51.100.7"}, "198.51.100.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.get("/", append(c.forwarded, key)...)
			if c.peer != "" {
				r.wantPeer(t, c.peer)
				return
			}
			r.wantStatus(t, http.StatusOK, "")
		})
	}
	s.get("/", key).wantStatus(t, http.StatusForbidden, "peer_unknown") // the load balancer's own, and it does not say whose
	s.wantClosed(s.connecting("127.0.0.2", ""), key, "x-forwarded-for: 203.0.113.7")

	s.profile("partner", "scopes", "orders:read orders:write", "require_tls", "true")
	far := "x-forwarded-for: 203.0.113.7"
	s.getUntil(http.StatusOK, http.StatusForbidden, key, far).wantStatus(t, http.StatusForbidden, "transport_insecure")
	s.get("/", key, far, "x-forwarded-proto: http").wantStatus(t, http.StatusForbidden, "transport_insecure")
	r := s.get("/", key, far, "x-forwarded-proto: https")
	r.wantStatus(t, http.StatusOK, "")
	if got := r.arrived.Header.Get("X-Envoy-External-Address"); got != "203.0.113.7" {
		t.Errorf("x-envoy-external-address %q, want the client's", got)
	}
	s.wantNoErrors()
}

// TestFileTrustedProxiesOpen lets everybody connect, and Envoy append who did, as
// it does unless told otherwise: what stands in credence.yaml is enough for the
// load balancer, and nobody else, to be believed.
func TestFileTrustedProxiesOpen(t *testing.T) {
	s := startFile(t, "trusted-proxies.yaml", setting{
		config: "peer: {trusted_proxies: [127.0.0.2/32]}\nidentity: {strip: seen}",
		edits: []envoy.Edit{func(t *envoy.Tree) error {
			delete(t.FilterChain, "filter_chain_match")
			delete(t.HTTP, "skip_xff_append")
			return nil
		}},
	})
	key := s.from203()
	balancer, stranger := s.connecting("127.0.0.2", ""), s.connecting("127.0.0.3", "")
	ask := func(client *http.Client, forwarded string) result {
		return s.ask(client, http.MethodGet, "/", key, "x-forwarded-for: "+forwarded)
	}
	ask(balancer, "203.0.113.7").wantStatus(t, http.StatusOK, "")
	ask(balancer, "203.0.113.7, 198.51.100.7").wantPeer(t, "198.51.100.7")
	s.ask(balancer, http.MethodGet, "/", key).wantPeer(t, "127.0.0.2")
	for _, forged := range []string{"203.0.113.7", "203.0.113.7, 203.0.113.8", "203.0.113.7, 127.0.0.2"} {
		ask(stranger, forged).wantPeer(t, "127.0.0.3")
	}
	s.wantNoErrors()
}
