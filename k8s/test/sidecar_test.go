package k8s

import (
	"bytes"
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

// TestReplaced puts a team's own configuration and image over a form, as
// docs/kubernetes.md says: the pods must get both.
func TestReplaced(t *testing.T) {
	for form, namespace := range map[string]string{"central": "credence", "mesh": "credence", "envoy-gateway": "credence", "example": "gateway"} {
		t.Run(form, func(t *testing.T) {
			folder := manifests(t)
			file := map[string]string{"central": "central", "mesh": "mesh", "envoy-gateway": "central", "example": "sidecar"}[form] + "/credence.yaml"
			text, err := folder.ReadFile(inMemory(file))
			if err != nil {
				t.Fatal(err)
			}
			folder.write(t, "ours/credence.yaml", string(bytes.Replace(text, []byte("redis.redis.svc"), []byte("redis.example.com"), 1)))
			folder.write(t, "ours/kustomization.yaml", `
resources: [../`+form+`]
images: [{name: credence, newName: registry.example.com/own/credence, newTag: 9.9.9}, {name: registry.example.com/credence, newName: registry.example.com/own/credence, newTag: 9.9.9}]
configMapGenerator:
- {name: credence, namespace: `+namespace+`, behavior: replace, files: [credence.yaml]}
`)
			objects := folder.mustRender(t, "ours")
			for _, problem := range problems(objects) {
				t.Error(problem)
			}
			before := servers(folder.mustRender(t, form))[0]
			w := servers(objects)[0]
			c, _ := w.credence()
			if c.Image != "registry.example.com/own/credence:9.9.9" {
				t.Errorf("image %s", c.Image)
			}
			conf, err := configurationOf(objects, w)
			if err != nil || conf.Redis.URL != "rediss://redis.example.com:6379/0" {
				t.Errorf("redis.url %q, %v, want the replaced one", conf.Redis.URL, err)
			}
			// Another configuration is another ConfigMap, so that the pods are rolled out anew.
			volumeName := func(w workload) string { c, _ := w.credence(); return w.mountedAt(c, "/etc/credence").ConfigMap.Name }
			if volumeName(before) == volumeName(w) {
				t.Errorf("the ConfigMap is called %s before and after", volumeName(w))
			}
		})
	}
}
