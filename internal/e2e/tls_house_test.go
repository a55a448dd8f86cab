package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"credence/envoy"
	"credence/internal/e2e/parts"
)

// Who is who in envoy/mtls.yaml.
const (
	credenceName = "credence.example.com"
	envoyName    = "spiffe://example.com/envoy"
)

// A mutualHouse is a stack with mutual TLS between Envoy and credence. Its
// Envoys are started by edge.
type mutualHouse struct {
	*stack
	servers, clients parts.Authority
	own              *parts.Secret // credence's files
}

// startMutual starts all but Envoy.
func startMutual(t *testing.T) *mutualHouse {
	t.Helper()
	h := &mutualHouse{servers: parts.NewAuthority(t, "servers"), clients: parts.NewAuthority(t, "clients")}
	h.own = parts.NewSecret(t, tlsFiles(h.server(h.servers, "credence"), h.clients.PEM))
	h.stack = start(t, setting{patient: true, noEnvoy: true, config: tlsConfig(h.own)})
	h.upstream = parts.Upstream(t)
	return h
}

// tlsConfig gives a configuration with TLS by a Secret's files.
func tlsConfig(own *parts.Secret) string {
	return fmt.Sprintf("listen: {tls: {cert_file: '%s', key_file: '%s', client_ca_file: '%s', allowed_clients: ['%s']}}\n",
		own.Path("tls.crt"), own.Path("tls.key"), own.Path("ca.crt"), envoyName)
}

// tlsFiles are the files of one side, as cert-manager names them.
func tlsFiles(pair parts.KeyPair, authorities ...[]byte) map[string][]byte {
	return map[string][]byte{"tls.crt": pair.Certificate, "tls.key": pair.Key, "ca.crt": parts.Bundle(authorities...)}
}

func (h *mutualHouse) server(by parts.Authority, name string) parts.KeyPair {
	return by.Issue(name, []string{credenceName})
}

func (h *mutualHouse) client(by parts.Authority, name string) parts.KeyPair {
	return by.Issue(name, []string{envoyName})
}

// edge starts an Envoy with envoy/mtls.yaml, whose files are in a Secret.
func (h *mutualHouse) edge(t *testing.T, files *parts.Secret, edits ...envoy.Edit) *parts.EnvoyProxy {
	t.Helper()
	all := append([]envoy.Edit{h.files(t, files), patientEnvoy, patientConnect}, edits...)
	return parts.EnvoyFile(t, "mtls.yaml", envoy.Addresses{Credence: h.at.GRPC, Upstream: h.upstream.Addr()}, all...)
}

// files puts the files where a test has them: the two of envoy/mtls, and those
// that they name.
func (h *mutualHouse) files(t *testing.T, secret *parts.Secret) envoy.Edit {
	t.Helper()
	dir := parts.ShortDir(t)
	for _, name := range []string{"client.yaml", "authority.yaml"} {
		text, err := os.ReadFile(filepath.Join(repository, "envoy", "mtls", name))
		if err != nil {
			t.Fatal(err)
		}
		there := strings.ReplaceAll(string(text), "/etc/envoy/credence", secret.Dir)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(there), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(tree *envoy.Tree) error {
		text, err := yaml.Marshal(tree.Credence["transport_socket"])
		if err != nil {
			return err
		}
		var socket envoy.Object
		err = yaml.Unmarshal([]byte(strings.ReplaceAll(string(text), "/etc/envoy/mtls", dir)), &socket)
		tree.Credence["transport_socket"] = socket
		return err
	}
}

// patientConnect has Envoy wait for a handshake as long as a busy machine needs.
func patientConnect(tree *envoy.Tree) error {
	tree.Credence["connect_timeout"] = "10s"
	return nil
}

// upstreamTLS changes how Envoy speaks TLS.
func upstreamTLS(change func(context, common envoy.Object)) envoy.Edit {
	return func(tree *envoy.Tree) error {
		socket, _ := tree.Credence["transport_socket"].(envoy.Object)
		context, _ := socket["typed_config"].(envoy.Object)
		common, ok := context["common_tls_context"].(envoy.Object)
		if !ok {
			return fmt.Errorf("mtls.yaml has no common_tls_context")
		}
		change(context, common)
		return nil
	}
}

// fewChecks has Envoy connect anew after some checks.
func fewChecks(number int) envoy.Edit {
	return func(tree *envoy.Tree) error {
		all, _ := tree.Credence["typed_extension_protocol_options"].(envoy.Object)
		options, ok := all["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"].(envoy.Object)
		if !ok {
			return fmt.Errorf("the cluster has no HttpProtocolOptions")
		}
		options["common_http_protocol_options"] = envoy.Object{"max_requests_per_connection": number}
		return nil
	}
}

// by sends a GET through an Envoy.
func (h *mutualHouse) by(t *testing.T, edge *parts.EnvoyProxy, headers ...string) result {
	t.Helper()
	return (&stack{t: t, envoy: edge}).get("/", headers...)
}

// ops gets a page of credence's operations port.
func (h *mutualHouse) ops(t *testing.T, path string) string {
	t.Helper()
	response, err := http.Get("http://" + h.at.Ops + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, error %v: %s", path, response.StatusCode, err, body)
	}
	return string(body)
}

// refused gives how many connections were refused for a reason; all of them
// where there is none.
func (h *mutualHouse) refused(t *testing.T, reason string) (number int) {
	t.Helper()
	samples := regexp.MustCompile(`(?m)^credence_tls_refused_total\{name="[^"]*",reason="([a-z_]+)"\} (\d+)$`)
	for _, found := range samples.FindAllStringSubmatch(h.ops(t, "/metrics"), -1) {
		if n, err := strconv.Atoi(found[2]); err == nil && (reason == "" || found[1] == reason) {
			number += n
		}
	}
	return number
}

// shown gives the certificate that credence shows a client.
func (h *mutualHouse) shown(t *testing.T, client parts.KeyPair) *x509.Certificate {
	t.Helper()
	connection, err := tls.Dial("tcp", h.at.GRPC, &tls.Config{
		Certificates: []tls.Certificate{client.TLS()}, NextProtos: []string{"h2"},
		InsecureSkipVerify: true, // it is looked at, not trusted
	})
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	return connection.ConnectionState().PeerCertificates[0]
}
