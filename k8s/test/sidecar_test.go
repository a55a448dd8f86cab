package k8s

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// ownEnvoy is a Deployment that has everything that the sidecar brings, of its
// own, beside another that asks for nothing.
const ownEnvoy = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: envoy, namespace: edge, labels: {credence: sidecar}}
spec:
  selector: {matchLabels: {app: envoy}}
  template:
    metadata: {labels: {app: envoy}}
    spec:
      initContainers:
      - {name: fetch, image: "fetch:1"}
      containers:
      - {name: logs, image: "logs:1"}
      - {name: envoy, image: "envoy:1", volumeMounts: [{name: certs, mountPath: /certs}]}
      volumes:
      - {name: certs, emptyDir: {}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other, namespace: edge}
spec:
  selector: {matchLabels: {app: other}}
  template:
    metadata: {labels: {app: other}}
    spec:
      containers:
      - {name: envoy, image: "other:1"}
`

// withSidecar renders the component over Deployments of others.
func withSidecar(t *testing.T, deployments string) []object {
	t.Helper()
	folder := manifests(t)
	folder.write(t, "theirs/deployments.yaml", deployments)
	folder.write(t, "theirs/kustomization.yaml", "resources: [deployments.yaml]\n")
	folder.write(t, "both/kustomization.yaml", "resources: [../theirs]\ncomponents: [../sidecar]\n")
	folder.write(t, "ours/kustomization.yaml", "namespace: edge\nresources: [../both]\n")
	return folder.mustRender(t, "ours")
}

// TestSidecarKeepsWhatIsThere lays the sidecar over a Deployment that has its
// own containers, mounts and volumes.
func TestSidecarKeepsWhatIsThere(t *testing.T) {
	form := withSidecar(t, ownEnvoy)
	for _, check := range []check{builtIn, nativeSidecar, probes, memory, endings, configurations, listening, secretFiles, mounts, secretVolumes} {
		for _, problem := range check(form) {
			t.Error(problem)
		}
	}
	names := func(containers []corev1.Container) (all []string) {
		for _, c := range containers {
			all = append(all, c.Name)
		}
		return all
	}
	for _, d := range all[appsv1.Deployment](form) {
		pod := d.Spec.Template.Spec
		if d.Name == "other" {
			if len(pod.InitContainers) > 0 || len(pod.Volumes) > 0 {
				t.Errorf("a Deployment that did not ask got %q", names(pod.InitContainers))
			}
			continue
		}
		if got := names(pod.InitContainers); !slices.Equal(got, []string{"credence", "fetch"}) {
			t.Errorf("init containers %q, want credence before fetch", got)
		}
		envoy := slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == "envoy" })
		if len(pod.Containers) != 2 || envoy < 0 || pod.Containers[envoy].Image != "envoy:1" || len(pod.Containers[envoy].VolumeMounts) != 2 {
			t.Errorf("containers %+v, want envoy and logs, envoy with both mounts", pod.Containers)
		}
		if len(pod.Volumes) != 4 {
			t.Errorf("volumes %+v, want theirs and three of ours", pod.Volumes)
		}
	}
}

// TestSidecarBesideNoEnvoy: where Envoy's container is called otherwise, what
// comes out is refused by every API server, and told here.
func TestSidecarBesideNoEnvoy(t *testing.T) {
	form := withSidecar(t, strings.Replace(ownEnvoy, `name: envoy, image: "envoy:1"`, `name: proxy, image: "envoy:1"`, 1))
	if got := told(nativeSidecar(form)); !strings.Contains(got, "container envoy has no image") {
		t.Errorf("told %s", got)
	}
}

// TestSidecarForgotten holds what docs/kubernetes.md counts to tell whether the
// label was forgotten: kustomize itself does not tell.
func TestSidecarForgotten(t *testing.T) {
	for name, test := range map[string]struct {
		deployments string
		want        int
	}{
		"with the label":    {ownEnvoy, 2},
		"without the label": {strings.Replace(ownEnvoy, ", labels: {credence: sidecar}", "", 1), 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := 0
			for _, o := range withSidecar(t, test.deployments) {
				got += len(regexp.MustCompile(`(?m)mountPath: /run/credence$`).FindAll(o.yaml, -1))
			}
			if got != test.want {
				t.Errorf("%d lines mount the socket's folder, want %d", got, test.want)
			}
		})
	}
}
