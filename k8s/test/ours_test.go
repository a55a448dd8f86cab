package k8s

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// ours is a team's own kustomization over a form, as docs/kubernetes.md says.
const ours = `
resources: [FORM]
images:
- {name: credence, newName: registry.example.com/own/credence, newTag: 9.9.9}
configMapGenerator:
- {name: credence, namespace: credence, behavior: replace, files: [credence.yaml]}
`

// oursSidecar is that for the sidecar.
const oursSidecar = `
namespace: gateway
resources: [with-sidecar]
images:
- {name: credence, newName: registry.example.com/own/credence, newTag: 9.9.9}
configMapGenerator:
- {name: credence, behavior: replace, files: [credence.yaml]}
`

// writeOurs puts it over a form, with the form's configuration but another Redis.
func (f folder) writeOurs(t *testing.T, form string) {
	t.Helper()
	configuration := map[string]string{"mesh": "mesh", "istio": "mesh", "example": "sidecar"}[form]
	if configuration == "" {
		configuration = "central"
	}
	text, err := f.ReadFile(inMemory(configuration + "/credence.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, "ours/credence.yaml", string(bytes.Replace(text, []byte("redis.redis.svc"), []byte("redis.example.com"), 1)))
	if form == "example" {
		f.write(t, "ours/with-sidecar/kustomization.yaml", "resources: [../../example/gateway]\ncomponents: [../../sidecar]\n")
		f.write(t, "ours/kustomization.yaml", oursSidecar)
		return
	}
	f.write(t, "ours/kustomization.yaml", strings.Replace(ours, "FORM", "../"+form, 1))
}

// TestReplaced puts a team's own configuration and image over each form: the
// pods must get both.
func TestReplaced(t *testing.T) {
	for _, form := range []string{"central", "mesh", "istio", "envoy-gateway", "kgateway", "example"} {
		t.Run(form, func(t *testing.T) {
			folder := manifests(t)
			folder.writeOurs(t, form)
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

// TestRedisOutside lays the patch of docs/kubernetes.md for a Redis outside of
// the cluster over the forms with a NetworkPolicy: it must take the place of the
// namespace redis.
func TestRedisOutside(t *testing.T) {
	page, err := os.ReadFile("../../docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	patch := regexp.MustCompile("(?s)```yaml\n# in ours/kustomization.yaml\n(patches:\n.*?)```").FindSubmatch(page)
	if patch == nil {
		t.Fatal("docs/kubernetes.md does not show the patch")
	}
	for _, form := range []string{"central", "mesh", "istio", "envoy-gateway", "kgateway"} {
		t.Run(form, func(t *testing.T) {
			folder := manifests(t)
			folder.writeOurs(t, form)
			folder.write(t, "ours/kustomization.yaml", strings.Replace(ours, "FORM", "../"+form, 1)+string(patch[1]))
			objects := folder.mustRender(t, "ours")
			for _, problem := range problems(objects) {
				t.Error(problem)
			}
			for _, o := range objects {
				if o.Kind == "NetworkPolicy" && (!bytes.Contains(o.yaml, []byte("cidr: 203.0.113.10/32")) || bytes.Contains(o.yaml, []byte("metadata.name: redis"))) {
					t.Errorf("%s does not go to the address:\n%s", o, o.yaml)
				}
			}
		})
	}
}
