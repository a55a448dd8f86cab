package e2e

import (
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"credence/envoy"
	"credence/internal/e2e/parts"
)

// TestMutualTLS holds envoy/mtls.yaml: an Envoy that credence knows is answered.
func TestMutualTLS(t *testing.T) {
	h := startMutual(t)
	key := "x-api-key: " + h.good().secret
	h.envoy = h.edge(t, parts.NewSecret(t, tlsFiles(h.client(h.clients, "envoy"), h.servers.PEM)))
	r := h.get("/", key)
	r.wantStatus(t, http.StatusOK, "")
	if got := r.arrived.Header["X-Client-Id"]; len(got) != 1 || got[0] != "acme" {
		t.Errorf("x-client-id %q, want acme", got)
	}
	h.get("/").wantStatus(t, http.StatusUnauthorized, "credential_missing")
	h.wantNoErrors()
	if n := h.refused(t, ""); n != 0 {
		t.Errorf("%d connections were refused, want none", n)
	}
	if n := h.envoy.Stat("cluster.credence.ssl.handshake"); n == 0 {
		t.Error("Envoy counts no handshake")
	}
}

// TestMutualTLSRefused has Envoys ask that must get no answer, whatever token
// they bring.
func TestMutualTLSRefused(t *testing.T) {
	h := startMutual(t)
	key := "x-api-key: " + h.good().secret
	long := time.Date(2021, time.January, 1, 0, 0, 0, 0, time.UTC)
	issue := func(names []string, changes ...func(*x509.Certificate)) parts.KeyPair {
		return h.clients.Issue("envoy", names, changes...)
	}
	envoys := []string{envoyName}
	for _, test := range []struct {
		name   string
		shows  parts.KeyPair
		edit   envoy.Edit
		reason string // that credence counts
	}{
		{"another authority", h.client(parts.NewAuthority(t, "others"), "envoy"), nil, "untrusted"},
		{"for servers only", issue(envoys, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), nil, "untrusted"},
		{"another name", issue([]string{envoyName + "/2", credenceName}), nil, "not_allowed"},
		{"no name", issue(nil, func(c *x509.Certificate) { c.Subject.CommonName = envoyName }), nil, "not_allowed"},
		{"expired", issue(envoys, func(c *x509.Certificate) { c.NotAfter = long }), nil, "expired"},
		{"no certificate", issue(envoys), upstreamTLS(func(_, common envoy.Object) { delete(common, "tls_certificate_sds_secret_configs") }), "no_certificate"},
		{"TLS 1.2", issue(envoys), upstreamTLS(func(_, common envoy.Object) {
			common["tls_params"] = envoy.Object{"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_2"}
		}), "handshake"},
		{"plain", issue(envoys), func(tree *envoy.Tree) error { delete(tree.Credence, "transport_socket"); return nil }, "handshake"},
		{"the server is another than it wants", issue(envoys), upstreamTLS(func(_, common envoy.Object) {
			combined := common["combined_validation_context"].(envoy.Object)
			combined["default_validation_context"] = envoy.Object{"match_typed_subject_alt_names": []any{
				envoy.Object{"san_type": "DNS", "matcher": envoy.Object{"exact": "other.example.com"}},
			}}
		}), "handshake"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := h.refused(t, test.reason)
			edits := []envoy.Edit{}
			if test.edit != nil {
				edits = append(edits, test.edit)
			}
			edge := h.edge(t, parts.NewSecret(t, tlsFiles(test.shows, h.servers.PEM)), edits...)
			r := h.by(t, edge, key)
			if r.status != http.StatusServiceUnavailable || r.body != "" {
				t.Errorf("status %d, body %q, want Envoy's own 503", r.status, r.body)
			}
			if n := edge.Stat("http.api.ext_authz.error"); n != 1 {
				t.Errorf("Envoy counts %d checks without an answer, want 1", n)
			}
			await(t, "credence counts that it refused", func() bool { return h.refused(t, test.reason) > before })
			edge.Stop()
		})
	}
	if n := len(h.upstream.Arrivals()); n != 0 {
		t.Errorf("%d requests reached the upstream, want none", n)
	}
	log := h.log.String()
	for _, want := range []string{`reason=not_allowed`, envoyName + "/2 " + credenceName, `reason=expired`, `reason=untrusted`, `reason=no_certificate`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if strings.Contains(log, "msg=denied") {
		t.Errorf("a check was decided:\n%s", log)
	}
}

// TestMutualTLSFileIsValid has Envoy look at the file as it stands.
func TestMutualTLSFileIsValid(t *testing.T) {
	text, err := envoy.File("mtls.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir, secret := parts.ShortDir(t), parts.NewSecret(t, tlsFiles(parts.NewAuthority(t, "clients").Issue("envoy", []string{envoyName}), parts.NewAuthority(t, "servers").PEM))
	there := strings.NewReplacer("/etc/envoy/mtls", dir, "/etc/envoy/credence", secret.Dir)
	for _, name := range []string{"client.yaml", "authority.yaml"} {
		part, err := os.ReadFile(filepath.Join(repository, "envoy", "mtls", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(there.Replace(string(part))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parts.ValidateEnvoy(t, []byte(there.Replace(text)))
}
