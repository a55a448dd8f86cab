package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"credence/internal/e2e/parts"
)

// A flow sends requests until it is stopped, and keeps how some were not
// allowed.
type flow struct {
	sent   atomic.Int64
	stop   chan struct{}
	wait   sync.WaitGroup
	mu     sync.Mutex
	faults []string
}

// underTraffic has some clients ask an Envoy without a pause, until the test
// stops it.
func underTraffic(t *testing.T, edge *parts.EnvoyProxy, key string) *flow {
	t.Helper()
	w := &flow{stop: make(chan struct{})}
	for range 3 {
		w.wait.Go(func() { w.send(edge.URL(), key) })
	}
	t.Cleanup(w.end)
	return w
}

func (w *flow) send(url, key string) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for {
		select {
		case <-w.stop:
			return
		default:
		}
		if fault := w.get(client, url, key); fault != "" {
			w.mu.Lock()
			w.faults = append(w.faults, fault)
			w.mu.Unlock()
		}
		w.sent.Add(1)
	}
}

func (*flow) get(client *http.Client, url, key string) (fault string) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	request.Header.Set("X-Api-Key", key)
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return response.Status
	}
	return ""
}

func (w *flow) end() {
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
	w.wait.Wait()
}

// more waits until some more requests were answered.
func (w *flow) more(t *testing.T) {
	t.Helper()
	until := w.sent.Load() + 100
	await(t, "more traffic", func() bool { return w.sent.Load() >= until })
}

// TestMutualTLSRotation replaces all that both sides are known by, under
// traffic: the authority of servers with the server's certificate and key, and
// the authority of clients with Envoy's. Each connection takes a few checks, so
// that there are handshakes all the time, and none may be refused.
func TestMutualTLSRotation(t *testing.T) {
	h := startMutual(t)
	token := h.good()
	servers, clients := parts.NewAuthority(t, "servers, next"), parts.NewAuthority(t, "clients, next")
	newServer := h.server(servers, "credence, next")
	oldClient, newClient := h.client(h.clients, "envoy"), h.client(clients, "envoy, next")
	files := parts.NewSecret(t, tlsFiles(oldClient, h.servers.PEM))
	edge := h.edge(t, files, fewChecks(10))
	w := underTraffic(t, edge, token.secret)
	w.more(t)

	const updates = "cluster.credence.client_ssl_socket_factory.ssl_context_update_by_sds"
	atEnvoy := func(what string, swap map[string][]byte) {
		t.Helper()
		before := edge.Stat(updates)
		files.Swap(swap)
		await(t, "Envoy has "+what, func() bool { return edge.Stat(updates) > before })
		w.more(t)
	}
	atCredence := func(what string, swap map[string][]byte) {
		t.Helper()
		const used = "have changed, and are used"
		before := strings.Count(h.log.String(), used)
		h.own.Swap(swap)
		await(t, "credence has "+what, func() bool { return strings.Count(h.log.String(), used) > before })
		w.more(t)
	}
	atEnvoy("both authorities of servers", tlsFiles(oldClient, h.servers.PEM, servers.PEM))
	atCredence("its new certificate", tlsFiles(newServer, h.clients.PEM))
	if got := h.shown(t, oldClient).Subject.CommonName; got != "credence, next" {
		t.Errorf("credence shows %q, want its new certificate", got)
	}
	atEnvoy("the new authority of servers alone", tlsFiles(oldClient, servers.PEM))
	atCredence("both authorities of clients", tlsFiles(newServer, h.clients.PEM, clients.PEM))
	atEnvoy("its new certificate", tlsFiles(newClient, servers.PEM))
	atCredence("the new authority of clients alone", tlsFiles(newServer, clients.PEM))
	before := edge.Stat("cluster.credence.upstream_cx_total")
	await(t, "new connections", func() bool { return edge.Stat("cluster.credence.upstream_cx_total") > before+3 })
	w.end()

	if len(w.faults) > 0 {
		t.Errorf("%d of %d requests failed, the first as %s", len(w.faults), w.sent.Load(), w.faults[0])
	}
	for _, counter := range []string{"http.api.ext_authz.error", "cluster.credence.upstream_cx_connect_fail", "cluster.credence.ssl.connection_error", "cluster.credence.upstream_rq_retry"} {
		if n := edge.Stat(counter); n != 0 {
			t.Errorf("Envoy counts %s %d, want 0", counter, n)
		}
	}
	if n := h.refused(t, ""); n != 0 {
		t.Errorf("credence refused %d connections, want none", n)
	}
	// Who shows the old certificate is nobody any more.
	late := h.edge(t, parts.NewSecret(t, tlsFiles(oldClient, servers.PEM)))
	if r := h.by(t, late, "x-api-key: "+token.secret); r.status != http.StatusServiceUnavailable {
		t.Errorf("an Envoy with the old certificate: status %d, want 503", r.status)
	}
}

// TestMutualTLSBrokenFiles has the server's key replaced by that of another
// certificate: it serves on, says so, and takes what is good again.
func TestMutualTLSBrokenFiles(t *testing.T) {
	h := startMutual(t)
	token := h.good()
	edge := h.edge(t, parts.NewSecret(t, tlsFiles(h.client(h.clients, "envoy"), h.servers.PEM)), fewChecks(1))
	w := underTraffic(t, edge, token.secret)
	failing := func(value int) bool {
		return strings.Contains(h.ops(t, "/metrics"), fmt.Sprintf("\ncredence_tls_files_failing %d\n", value))
	}
	if !failing(0) {
		t.Error("the metrics do not say that the files are good")
	}
	broken := tlsFiles(h.server(h.servers, "credence"), h.clients.PEM)
	broken["tls.key"] = h.server(h.servers, "another").Key
	h.own.Swap(broken)
	await(t, "the metrics say that the files are broken", func() bool { return failing(1) })
	if page := h.ops(t, "/readyz"); !strings.HasPrefix(page, "ready\n") || !strings.Contains(page, "listen.tls: the files have changed and cannot be used, the old ones serve on (") {
		t.Errorf("/readyz says\n%s\nwant that it is ready, and what is amiss", page)
	}
	w.more(t)
	h.own.Swap(tlsFiles(h.server(h.servers, "credence, next"), h.clients.PEM))
	await(t, "the metrics say that the files are good again", func() bool { return failing(0) })
	w.more(t)
	w.end()
	if len(w.faults) > 0 {
		t.Errorf("%d of %d requests failed, the first as %s", len(w.faults), w.sent.Load(), w.faults[0])
	}
	if n := strings.Count(h.log.String(), "cannot be used: the old ones serve on"); n != 1 {
		t.Errorf("%d lines say that the files cannot be used, want 1", n)
	}
	if strings.Contains(h.log.String(), "PRIVATE KEY") {
		t.Error("the log holds a key")
	}
}
