package e2e

import (
	"net/http"
	"testing"
	"time"

	"credence/envoy"
	"credence/internal/e2e/parts"
)

// A pod is what k8s/sidecar makes of a pod of Envoy's: credence beside it, as a
// native sidecar, on a Unix socket.
type pod struct {
	*stack
	credence *container
	visitors []*visitor
}

// newPod makes one of which nothing runs yet. Redis does, and has no registry.
func newPod(t *testing.T) *pod {
	t.Helper()
	s := &stack{t: t, redis: parts.Redis(t), upstream: parts.Upstream(t), log: &parts.Log{}}
	good := s.good()
	revoked := s.token("acme", "state", "revoked")
	s.client("off", "state", "disabled")
	off := s.token("off")
	return &pod{
		stack:    s,
		credence: newContainer(t, "sidecar/credence.yaml", s.redis, envoy.Object{"grpc": "unix:" + socketPath(t)}),
		visitors: []*visitor{
			{name: "acme", token: good.secret, right: "200 acme"},
			{name: "revoked", token: revoked.secret, right: "401 credential_revoked"},
			{name: "switched off", token: off.secret, right: "403 client_disabled"},
			{name: "without credential", right: "401 credential_missing"},
		},
	}
}

// startSidecar starts credence and waits for its start-up probe, as the kubelet
// does before it goes on.
func (p *pod) startSidecar() {
	p.t.Helper()
	p.credence.start()
	await(p.t, "the start-up probe passes", func() bool { return p.credence.health("--live") == 0 })
	await(p.t, "credence has said where it listens", p.credence.isListening)
}

// awaitReady waits until the pod is ready.
func (p *pod) awaitReady() {
	p.t.Helper()
	await(p.t, "the readiness probe passes", func() bool { return p.credence.health() == 0 })
}

// TestSidecarLife plays the life of a pod: credence is up before Envoy, also
// where the registry is not; the pod gets traffic when it is ready; it gets on
// after a crash of credence; and it ends, Envoy first, without one request that
// is not answered as it should.
func TestSidecarLife(t *testing.T) {
	t.Parallel()
	p := newPod(t)
	if got := p.credence.health("--live"); got != 1 {
		t.Errorf("start-up probe before credence runs: exit status %d, want 1", got)
	}
	p.startSidecar()
	p.envoy = parts.EnvoyFile(t, "unix-socket.yaml", envoy.Addresses{Credence: p.credence.grpc, Upstream: p.upstream.Addr()},
		patientEnvoy, patientConnect, patientHealth)
	if got := p.credence.health(); got != 3 {
		t.Errorf("readiness probe without a registry: exit status %d, want 3", got)
	}
	if r := p.get("/", "authorization: Bearer "+p.visitors[0].token); r.status != http.StatusServiceUnavailable {
		t.Errorf("a good token, sent before the pod is ready: status %d, want 503", r.status)
	}
	p.set("registry", "id", "e2e", "schema", "1", "seq", "0", "digests", "s1", "created_at", ago(time.Hour))
	p.awaitReady()

	v := visit(t, p.envoy, p.visitors)
	v.mayBe(unavailable) // what has to be looked up may be late on a busy machine
	v.settle()
	v.more()
	p.wantNoErrors()
	for _, counter := range []string{"upstream_cx_connect_fail", "health_check.network_failure"} {
		if n := p.envoy.Stat("cluster.credence." + counter); n != 0 {
			t.Errorf("Envoy counts %s %d, want 0: credence is up before it", counter, n)
		}
	}

	v.mayBe(ofEnvoy)
	p.credence.crash()
	v.mustAll(ofEnvoy)
	v.more()
	v.mayBe(ofEnvoy, unavailable)
	p.startSidecar()
	p.awaitReady()
	v.settle()
	v.more()
	lost := p.envoy.Stat("http.api.ext_authz.error")

	// The pod is told to end. Envoy's preStop lets it serve on while load
	// balancers hear of it; only then is Envoy told, and credence after that.
	v.more()
	v.leave(p.upstream)
	if n := p.envoy.Stat("http.api.ext_authz.error"); n != lost || lost != int64(v.counts[ofEnvoy]) {
		t.Errorf("Envoy counts %d checks without an answer, %d of them after credence was up again; visitors saw %d", n, n-lost, v.counts[ofEnvoy])
	}
	p.envoy.Terminate()
	if got := p.credence.health(); got != 0 {
		t.Errorf("credence, when Envoy has exited: health says %d, want 0", got)
	}
	p.credence.terminate()
	p.credence.wantEnded()
	if got := p.credence.health("--live"); got != 1 {
		t.Errorf("credence has ended: health says %d, want 1", got)
	}
}
