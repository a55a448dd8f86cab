package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"credence/envoy"
	"credence/internal/cli"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// A rollout is credence as k8s/central has it, several servers that an Envoy
// asks over mutual TLS, and who they are is told to it as they come and go.
type rollout struct {
	*mutualHouse
	listen    envoy.Object  // what a server's listen says besides the shipped
	shown     parts.KeyPair // Envoy's certificate
	endpoints string        // the file by which Envoy knows the servers
	visitors  []*visitor
}

// newRollout starts all but Envoy and credence.
func newRollout(t *testing.T) *rollout {
	t.Helper()
	h := &mutualHouse{
		stack:   &stack{t: t, redis: parts.Redis(t), upstream: parts.Upstream(t), log: &parts.Log{}},
		servers: parts.NewAuthority(t, "servers"), clients: parts.NewAuthority(t, "clients"),
	}
	h.own = parts.NewSecret(t, tlsFiles(h.server(h.servers, "credence"), h.clients.PEM))
	good := h.good()
	revoked := h.token("acme", "state", "revoked")
	h.stack.client("leaver")
	leaver := h.token("leaver")
	h.set("registry", "id", "e2e", "schema", "1", "seq", "0", "digests", "s1", "created_at", ago(time.Hour))
	return &rollout{
		mutualHouse: h, listen: envoy.Object{"grpc": "127.0.0.1:0", "tls": envoy.Object{
			"cert_file": h.own.Path("tls.crt"), "key_file": h.own.Path("tls.key"), "client_ca_file": h.own.Path("ca.crt"),
			"allowed_clients": []string{envoyName},
		}},
		shown: h.client(h.clients, "envoy"), endpoints: filepath.Join(parts.ShortDir(t), "credence.yaml"),
		visitors: []*visitor{
			{name: "acme", token: good.secret, right: "200 acme"},
			{name: "revoked", token: revoked.secret, right: "401 credential_revoked"},
			{name: "leaver", token: leaver.secret, right: "200 leaver"},
			{name: "without credential", right: "401 credential_missing"},
		},
	}
}

// server starts a server, and returns when it is ready and has looked up what
// the visitors need. For a lookup a check has little time, and a busy machine
// may need more: until then 503 is right.
func (r *rollout) server() *container {
	r.t.Helper()
	c := newContainer(r.t, "central/credence.yaml", r.redis, r.listen)
	c.start()
	await(r.t, "credence listens", c.isListening)
	await(r.t, "the start-up probe passes", c.isLive)
	await(r.t, "the readiness probe passes", c.isReady)
	for _, one := range r.visitors {
		parts.Await(r.t, 20*time.Second, one.name+" is known", func() error {
			got, err := r.check(c, one.token)
			if err != nil || got != one.right && got != unavailable {
				r.t.Fatalf("%s is answered %q by a new server (%v), want %q", one.name, got, err, one.right)
			}
			if got != one.right {
				return fmt.Errorf("answered %q", got)
			}
			return nil
		})
	}
	return c
}

// check asks a server itself, and gives the answer as a visitor sees it.
func (r *rollout) check(c *container, token string) (string, error) {
	r.t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(r.servers.PEM)
	connection, err := grpc.NewClient("passthrough:///"+c.grpc, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: credenceName, Certificates: []tls.Certificate{r.shown.TLS()},
	})))
	if err != nil {
		return "", err
	}
	defer func() { _ = connection.Close() }()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	headers := map[string]string{}
	if token != "" {
		headers["authorization"] = "Bearer " + token
	}
	response, err := authv3.NewAuthorizationClient(connection).Check(ctx, &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: "GET", Path: "/", Headers: headers,
		}},
	}})
	return seenByVisitor(response), err
}

// seenByVisitor writes an answer as a visitor sees it.
func seenByVisitor(response *authv3.CheckResponse) string {
	for _, header := range response.GetOkResponse().GetHeaders() {
		if header.GetHeader().GetKey() == "x-client-id" {
			return "200 " + header.GetHeader().GetValue()
		}
	}
	var problem struct{ Code string }
	_ = json.Unmarshal([]byte(response.GetDeniedResponse().GetBody()), &problem) // no code is a wrong answer
	return fmt.Sprintf("%d %s", response.GetDeniedResponse().GetStatus().GetCode(), problem.Code)
}

// route tells Envoy of the servers that it has from now on, as whatever follows
// the Service of Kubernetes does.
func (r *rollout) route(servers ...*container) {
	r.t.Helper()
	var endpoints []any
	for _, c := range servers {
		host, port, err := net.SplitHostPort(c.grpc)
		if err != nil {
			r.t.Fatal(err)
		}
		number, err := strconv.Atoi(port)
		if err != nil {
			r.t.Fatal(err)
		}
		endpoints = append(endpoints, envoy.Object{"endpoint": envoy.Object{"address": envoy.Object{
			"socket_address": envoy.Object{"address": host, "port_value": number},
		}}})
	}
	text, err := yaml.Marshal(envoy.Object{"resources": []any{envoy.Object{
		"@type":        "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
		"cluster_name": "credence",
		"endpoints":    []any{envoy.Object{"lb_endpoints": endpoints}},
	}}})
	if err != nil {
		r.t.Fatal(err)
	}
	write(r.t, r.endpoints+".next", string(text))
	if err := os.Rename(r.endpoints+".next", r.endpoints); err != nil { // Envoy looks when a file is moved there
		r.t.Fatal(err)
	}
}

// follow has Envoy take the servers from the file that route writes.
func (r *rollout) follow(tree *envoy.Tree) error {
	delete(tree.Credence, "load_assignment")
	tree.Credence["type"] = "EDS"
	tree.Credence["eds_cluster_config"] = envoy.Object{"eds_config": envoy.Object{
		"path_config_source": envoy.Object{"path": r.endpoints}, "resource_api_version": "V3",
	}}
	return nil
}

// awaitServers waits until Envoy knows so many servers, and would ask so many.
func (r *rollout) awaitServers(known, asked int64) {
	r.t.Helper()
	parts.Await(r.t, 30*time.Second, "Envoy's servers", func() error {
		total, healthy := r.envoy.Stat("cluster.credence.membership_total"), r.envoy.Stat("cluster.credence.membership_healthy")
		if total != known || healthy != asked {
			return fmt.Errorf("Envoy knows %d servers and would ask %d, want %d and %d", total, healthy, known, asked)
		}
		return nil
	})
}

// disable switches a client off and returns when it is proven that no server
// lets it in.
func (r *rollout) disable(client string) {
	r.t.Helper()
	env := map[string]string{"CREDENCE_REDIS_URL": r.redis.URL(), "CREDENCE_BY": "alice"}
	args := []string{"client", "disable", client, "--wait=60s"}
	if status := cli.Main(args, strings.NewReader(""), r.log, r.log, func(name string) string { return env[name] }); status != 0 {
		r.t.Fatalf("credence %v: exit status %d, want 0:\n%s", args, status, r.log)
	}
}

// TestRollingReplacement replaces both servers under traffic, one after the
// other, as a Deployment does: a new one first, and an old one is told to end
// when the new one is ready. Envoy hears of the end of the first by its health
// check alone, and only later that it is gone; of the second it hears both ways
// at once. No request fails, none is even asked twice. While the first drains
// a client is switched off: when that is proven, no server lets it in.
func TestRollingReplacement(t *testing.T) {
	t.Parallel()
	r := newRollout(t)
	first, second := r.server(), r.server()
	r.route(first, second)
	r.at.GRPC = first.grpc // a file of Envoy's must have one
	r.envoy = r.edge(t, parts.NewSecret(t, tlsFiles(r.shown, r.servers.PEM)), r.follow, patientHealth)
	r.awaitServers(2, 2)
	v := visit(t, r.envoy, r.visitors)
	v.more()

	third := r.server()
	r.route(first, second, third)
	r.awaitServers(3, 3)
	v.more()
	first.terminate()
	r.awaitServers(3, 2)
	leaver := r.visitors[2]
	leaver.right = "403 client_disabled"
	v.rule(leaver, "200 leaver", leaver.right, unavailable)
	r.disable("leaver")
	v.rule(leaver, leaver.right, unavailable) // whom it has to look up, as above
	for _, c := range []*container{first, second, third} {
		if got, err := r.check(c, leaver.token); err == nil && got != leaver.right && got != unavailable {
			t.Errorf("a server answers %q when it is proven that the client is switched off, want %q", got, leaver.right)
		}
	}
	v.settle()
	first.wantEnded()
	v.more()
	r.route(second, third)
	r.awaitServers(2, 2)

	fourth := r.server()
	r.route(second, third, fourth)
	r.awaitServers(3, 3)
	v.more()
	second.terminate()
	r.route(third, fourth)
	r.awaitServers(2, 2)
	second.wantEnded()
	v.more()
	v.leave(r.upstream)

	r.wantNoErrors()
	for _, counter := range []string{"upstream_rq_retry", "upstream_cx_connect_fail", "upstream_rq_pending_failure_eject", "lb_healthy_panic"} {
		if n := r.envoy.Stat("cluster.credence." + counter); n != 0 {
			t.Errorf("Envoy counts %s %d, want 0", counter, n)
		}
	}
	if left := strings.Fields(r.redis.CLI("ZRANGE", key+registry.FleetKey, "0", "-1")); len(left) != 2 {
		t.Errorf("the fleet is %q, want the two new servers", left)
	}
}
