package k8s

import (
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// A mistake is one edit of a file, and what is to be told of it.
type mistake struct{ form, file, from, to, want string }

// mistakes are by the check that finds them.
var mistakes = map[string][]mistake{
	"builtIn": {
		{"central", "central/deployment.yaml", "minReadySeconds:", "minReadySecond:", `unknown field "spec.minReadySecond"`},
		{"example", "sidecar/sidecar.yaml", "periodSeconds: 1\n", "periodSeconds: often\n", "cannot unmarshal string"},
		{"central", "central/service.yaml", "clusterIP: None", "clusterIp: None", `unknown field "spec.clusterIp"`},
		{"central", "central/poddisruptionbudget.yaml", "policy/v1", "policy/v2", "nothing here knows the kind"},
	},
	"podSecurity": {
		{"central", "central/deployment.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: true\n          privileged: true", "privileged"},
		{"central", "central/deployment.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot"},
		{"central", "central/deployment.yaml", "seccompProfile: {type: RuntimeDefault}", "seccompProfile: {type: Unconfined}", "seccompProfile"},
		{"example", "sidecar/sidecar.yaml", "capabilities: {drop: [ALL]}", "capabilities: {drop: [ALL], add: [NET_ADMIN]}", "NET_ADMIN"},
		{"example", "sidecar/sidecar.yaml", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "allowPrivilegeEscalation"},
		{"example", "sidecar/sidecar.yaml", "emptyDir: {medium: Memory, sizeLimit: 1Mi}", "hostPath: {path: /run/credence}", "hostPath"},
		{"mesh", "central/namespace.yaml", "pod-security.kubernetes.io/enforce: restricted", "pod-security.kubernetes.io/enforce: baseline", "does not enforce restricted"},
	},
	"customResources": {
		{"envoy-gateway", "envoy-gateway/securitypolicy.yaml", "failOpen:", "failsOpen:", `unknown field "spec.extAuth.failsOpen"`},
		{"envoy-gateway", "envoy-gateway/securitypolicy.yaml", "timeout: 200ms ", "timeout: soon ", "spec.extAuth.timeout"},
		{"envoy-gateway", "envoy-gateway/securitypolicy.yaml", "connect-failure,", "connect-failures,", "Unsupported value"},
		{"envoy-gateway", "envoy-gateway/securitypolicy.yaml", "kind: Gateway, name: api", "kind: Service, name: api", "can only have a targetRefs[*].kind of Gateway"},    // CEL
		{"envoy-gateway", "envoy-gateway/backendtlspolicy.yaml", "caCertificateRefs:", "wellKnownCACertificates: System\n    caCertificateRefs:", "must not contain both"}, // CEL
		{"envoy-gateway", "envoy-gateway/clienttrafficpolicy.yaml", "RejectRequest\n  headers", "Reject\n  headers", "Unsupported value"},
		{"envoy-gateway", "envoy-gateway/envoyproxy.yaml", `"1.3"`, `"1.4"`, "Unsupported value"},
		{"istio", "istio/authorizationpolicy.yaml", "action: CUSTOM", "action: ASK", "Unsupported value"},
		{"istio", "istio/authorizationpolicy.yaml", "targetRefs:", "selector: {matchLabels: {a: b}}\n  targetRefs:", "only one of targetRefs or selector can be set"}, // CEL
		{"mesh", "mesh/peerauthentication.yaml", "mode: STRICT", "mode: HARD", "Unsupported value"},
		{"central", "central/certificate.yaml", "algorithm: ECDSA", "algorithm: DSA", "Unsupported value"},
		{"central", "central/certificate.yaml", "secretName:", "secret:", "spec.secretName"},
	},
	"hardened": {
		{"central", "central/deployment.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "can be written to"},
		{"central", "central/deployment.yaml", "credence:unset", "credence:latest", "another one tomorrow"},
		{"central", "central/deployment.yaml", "enableServiceLinks: false", "enableServiceLinks: true", "service links"},
		{"central", "central/deployment.yaml", "limits: {memory: 512Mi}", "limits: {memory: 512Mi, cpu: 1}", "makes checks late"},
		{"example", "sidecar/sidecar.yaml", "limits: {memory: 256Mi}", "limits: {}", "a limit on memory"},
	},
	"nativeSidecar": {
		{"example", "sidecar/sidecar.yaml", "restartPolicy: Always\n", "restartPolicy:\n", "not the first native sidecar"},
		{"example", "sidecar/kustomization.yaml", "labelSelector: credence=sidecar", "labelSelector: credence=beside", "asks for a sidecar and has none"},
		{"example", "sidecar/sidecar.yaml", "- name: envoy\n", "- name: proxy\n", "container proxy has no image"},
	},
	"probes": {
		{"example", "sidecar/sidecar.yaml", "[/credence, health, --live]", "[/credence, health]", `startupProbe asks "exec /credence health", want`},
		{"example", "sidecar/sidecar.yaml", "[/credence, health]", "[credence, health]", `readinessProbe asks "exec credence health", want`},
		{"central", "central/deployment.yaml", "/readyz", "/livez", `readinessProbe asks "get /livez"`},
		{"central", "central/deployment.yaml", "timeoutSeconds: 2\n          failureThreshold: 2", "failureThreshold: 2", "gives up after 0 s"},
	},
	"memory": {
		{"central", "central/deployment.yaml", "460MiB", "600MiB", "GOMEMLIMIT is 117 % of the limit"},
		{"example", "sidecar/sidecar.yaml", "205MiB", "much", "GOMEMLIMIT"},
	},
	"endings": {
		{"central", "central/deployment.yaml", "terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 15", "given 15s to end, and drains for 15s"},
		{"example", "sidecar/credence.yaml", "drain: 1s", "drain: 10s", "when Envoy is gone"},
		{"example", "example/gateway/deployment.yaml", "sleep: {seconds: 15}", "sleep: {seconds: 58}", "given 1m0s to end"},
	},
	"configurations": {
		{"central", "central/credence.yaml", "drain:", "drian:", "did you mean drain"},
		{"central", "central/credence.yaml", "allowed_clients: [envoy.gateway.credence.internal]", "allowed_clients: []", "allowed_clients"},
		{"mesh", "mesh/credence.yaml", "insecure_network: true", "insecure_network: false", "plain TCP off loopback"},
		{"example", "sidecar/sidecar.yaml", "value: /etc/credence/credence.yaml", "value: /etc/credence.yaml", "no ConfigMap is mounted"},
	},
	"listening": {
		{"central", "central/credence.yaml", `grpc: ":9001"`, `grpc: ":9000"`, ":9000 is no port of the container"},
		{"central", "central/credence.yaml", `ops: ":9002"`, `ops: 127.0.0.1:9002`, "cannot be reached from outside"},
		{"example", "sidecar/credence.yaml", "unix:/run/credence/", "unix:/run/other/", "not one emptyDir"},
		{"example", "sidecar/credence.yaml", `"0660"`, `"0600"`, "for the group"},
		{"example", "sidecar/credence.yaml", `"0660"`, `"0666"`, "for no other"},
		{"example", "sidecar/sidecar.yaml", "/run/credence, readOnly: true", "/run/credence", "for Envoy to read"},
	},
	"secretFiles": {
		{"central", "central/credence.yaml", "/run/secrets/credence/redis-password", "/run/secrets/credence/password", "redis.password_file"},
		{"central", "central/credence.yaml", "tls.key", "key.pem", "listen.tls.key_file"},
		{"example", "sidecar/credence.yaml", "  pepper_files: {h1: /run/secrets/credence/pepper-h1}\n  digests: [h1]\n", "  digests: [s1]\n", "credentials.pepper_files"},
	},
	"cleartext": {
		{"mesh", "mesh/peerauthentication.yaml", "mode: STRICT", "mode: PERMISSIVE", "no PeerAuthentication demands"},
		{"mesh", "mesh/peerauthentication.yaml", "app.kubernetes.io/name: credence", "app.kubernetes.io/name: other", "no PeerAuthentication demands"},
		{"mesh", "mesh/namespace.yaml", "ambient", "none", "no PeerAuthentication demands"},
		{"example", "sidecar/credence.yaml", `socket_mode: "0660"`, "insecure_network: true\n  socket_mode: \"0660\"", "where nothing is insecure"},
	},
	"selectors": {
		{"central", "central/poddisruptionbudget.yaml", "app.kubernetes.io/name: credence", "app: credence", "PodDisruptionBudget credence/credence: it chooses no pods"},
		{"example", "example/gateway/service.yaml", "app.kubernetes.io/name: envoy", "app: envoy", "Service gateway/envoy: it chooses no pods"},
		{"central", "central/deployment.yaml", "nodeTaintsPolicy: Honor\n        labelSelector: {matchLabels: {app.kubernetes.io/name: credence}}", "labelSelector: {matchLabels: {app: credence}}", "is not its pods"},
	},
	"ports": {
		{"central", "central/deployment.yaml", "- {name: grpc, containerPort: 9001}", "- {name: check-grpc, containerPort: 9001}", "has no port grpc"},
		{"example", "sidecar/sidecar.yaml", "port: credence-ops}", "port: ops}", "asks port ops, which nobody has"},
	},
	"mounts": {
		{"example", "sidecar/sidecar.yaml", "        - {name: credence-config, mountPath: /etc/credence, readOnly: true}\n", "", "nobody mounts the volume credence-config"},
		{"central", "central/deployment.yaml", "- {name: tls, mountPath", "- {name: cert, mountPath", "mounts cert, which is no volume"},
	},
	"secretVolumes": {
		{"central", "central/deployment.yaml", "{secretName: credence, defaultMode: 0440}", "{secretName: credence}", "volume secrets has mode 0644"},
		{"example", "sidecar/sidecar.yaml", "fsGroup: 65532\n        fsGroupChangePolicy: OnRootMismatch", "fsGroupChangePolicy: OnRootMismatch", "the pod has no fsGroup"},
	},
	"availability": {
		{"central", "central/horizontalpodautoscaler.yaml", "minReplicas: 2", "minReplicas: 1", "no autoscaler keeps at least two"},
		{"central", "central/horizontalpodautoscaler.yaml", "kind: Deployment, name: credence", "kind: Deployment, name: server", "no autoscaler keeps at least two"},
		{"central", "central/poddisruptionbudget.yaml", "maxUnavailable: 1", "maxUnavailable: 2", "no budget"},
		{"central", "central/deployment.yaml", "maxUnavailable: 0", "maxUnavailable: 1", "before there is another"},
		{"central", "central/deployment.yaml", "revisionHistoryLimit: 5", "replicas: 2", "would undo"},
		{"central", "central/deployment.yaml", "topology.kubernetes.io/zone", "topology.kubernetes.io/region", "not spread"},
	},
	"networkPolicies": {
		{"central", "central/networkpolicy.yaml", "    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: gateway}}\n", "    - namespaceSelector: {}\n", "anybody may come"},
		{"central", "central/networkpolicy.yaml", "    ports:\n    - {protocol: TCP, port: grpc}\n", "", "anybody may come, or to any port"},
		{"central", "central/networkpolicy.yaml", "[Ingress, Egress]", "[Ingress]", "both what comes and what goes"},
		{"central", "central/networkpolicy.yaml", "    - {protocol: TCP, port: 6379}\n  #", "    - {protocol: TCP, port: 6379}\n  - {}\n  #", "may go to anybody"},
		{"mesh", "mesh/networkpolicy.yaml", "    - ipBlock: {cidr: 169.254.7.127/32}\n", "", "probes in, which come from 169.254.7.127/32"},
		{"istio", "mesh/networkpolicy.yaml", "    - {protocol: TCP, port: ops}", "    - {protocol: TCP, port: grpc}", "anybody may come"},
		{"mesh", "mesh/networkpolicy.yaml", "169.254.7.127/32", "169.254.0.0/16", "anybody may come"},
	},
	"issuers": {
		{"central", "central/certificate.yaml", "kind: ClusterIssuer, name: credence", "kind: Issuer, name: credence", "nobody is the issuer"},
		{"issuer", "issuer/issuer.yaml", "kind: ClusterIssuer, name: credence-root", "kind: ClusterIssuer, name: root", "nobody is the issuer ClusterIssuer root"},
		{"central", "central/certificate.yaml", "secretName: credence-tls", "secretName: credence-cert", "no certificate fills the Secret"},
		{"central", "central/certificate.yaml", "- credence-pods.credence.svc.cluster.local\n", "", "does not name credence-pods"},
		{"envoy-gateway", "envoy-gateway/certificate.yaml", "envoy.gateway.credence.internal", "envoy.other.credence.internal", "listen.tls.allowed_clients is"},
		{"kgateway", "kgateway/certificate.yaml", "envoy.gateway.credence.internal", "envoy.other.credence.internal", "listen.tls.allowed_clients is"},
	},
	"grants": {
		{"envoy-gateway", "envoy-gateway/securitypolicy.yaml", "kind: SecurityPolicy, namespace: gateway", "kind: SecurityPolicy, namespace: other", "no ReferenceGrant lets it"},
		{"envoy-gateway", "envoy-gateway/securitypolicy.yaml", "port: 9001", "port: 9000", "with port 9000"},
		{"kgateway", "kgateway/gatewayextension.yaml", "kind: GatewayExtension, namespace", "kind: TrafficPolicy, namespace", "no ReferenceGrant lets it"},
	},
	"backendTLS": {
		{"envoy-gateway", "envoy-gateway/backendtlspolicy.yaml", "hostname: credence.credence.svc.cluster.local", "hostname: credence.example.com", `wants the name "credence.example.com"`},
		{"envoy-gateway", "envoy-gateway/backendtlspolicy.yaml", "kind: Secret, name: credence-tls", "kind: Secret, name: credence", "no certificate fills Secret credence"},
		{"envoy-gateway", "envoy-gateway/kustomization.yaml", "- backendtlspolicy.yaml\n", "", "in cleartext"},
		{"envoy-gateway", "envoy-gateway/kustomization.yaml", "- envoyproxy.yaml\n", "", "no certificate of its own"},
		{"envoy-gateway", "envoy-gateway/envoyproxy.yaml", ", namespace: gateway}", "}", "no certificate of its namespace"},
		{"envoy-gateway", "envoy-gateway/envoyproxy.yaml", "[h2, http/1.1]", "[http/1.1]", "TLS 1.3 with h2 only"},
	},
	"gatewayAsks": {
		{"envoy-gateway", "envoy-gateway/securitypolicy.yaml", "failOpen: false", "failOpen: true", "is let in"},
		{"envoy-gateway", "envoy-gateway/securitypolicy.yaml", "timeout: 200ms ", "timeout: 10s ", "longer than 200 ms"},
		{"envoy-gateway", "envoy-gateway/securitypolicy.yaml", "statusOnError: 503", "statusOnError: 403", "not a 503"},
		{"envoy-gateway", "envoy-gateway/securitypolicy.yaml", "recomputeRoute: false", "recomputeRoute: true", "not asked about"},
		{"envoy-gateway", "envoy-gateway/securitypolicy.yaml", "    grpc:\n      backendRefs", "    headersToExtAuth: [authorization]\n    grpc:\n      backendRefs", "does not see every header"},
		{"kgateway", "kgateway/gatewayextension.yaml", "failOpen: false", "failOpen: true", "is let in"},
	},
	"meshAsks": {
		{"mesh", "mesh/authorizationpolicy.yaml", "  - from:\n    - source: {principals: [cluster.local/ns/istio-ingress/sa/api-istio]}\n    to:", "  - to:", "anybody in the mesh may ask"},
		{"mesh", "mesh/kustomization.yaml", "- authorizationpolicy.yaml\n", "", "no AuthorizationPolicy says who may ask"},
	},
}

// TestMistakesAreFound makes one mistake after the other, and wants to be told.
func TestMistakesAreFound(t *testing.T) {
	for _, check := range checks {
		name := nameOf(check)
		if len(mistakes[name]) == 0 {
			t.Errorf("nothing shows that %s finds anything", name)
		}
		for _, m := range mistakes[name] {
			t.Run(name+"/"+m.want, func(t *testing.T) {
				folder := manifests(t)
				folder.edit(t, m.file, m.from, m.to)
				form, err := folder.render(m.form)
				if err != nil {
					t.Fatal(err)
				}
				if got := told(check(form)); !strings.Contains(got, m.want) {
					t.Errorf("%s: %q in place of %q\ntold %s\nwant %s", m.file, m.to, m.from, got, m.want)
				}
			})
		}
	}
	if len(mistakes) != len(checks) {
		t.Errorf("mistakes for %d checks, and there are %d", len(mistakes), len(checks))
	}
}

// nameOf gives the name of the function that a check is.
func nameOf(c check) string {
	full := runtime.FuncForPC(reflect.ValueOf(c).Pointer()).Name()
	return full[strings.LastIndex(full, ".")+1:]
}
