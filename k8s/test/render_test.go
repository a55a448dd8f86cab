package k8s

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// forms are the folders that people apply.
var forms = []string{"central", "envoy-gateway", "example", "issuer", "istio", "kgateway", "mesh"}

// An object is one of a rendered form.
type object struct {
	schema.GroupVersionKind
	namespace, name string
	yaml            []byte
}

// String names it as problems do: Deployment credence/credence.
func (o object) String() string {
	return strings.TrimSuffix(o.Kind+" "+o.namespace, " ") + "/" + o.name
}

// A folder is a copy of the manifests in memory, to be edited.
type folder struct{ filesys.FileSystem }

// manifests copies them.
func manifests(t testing.TB) folder {
	t.Helper()
	memory := folder{filesys.MakeFsInMemory()}
	err := filepath.WalkDir("..", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(file) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return memory.WriteFile(inMemory(filepath.ToSlash(strings.TrimPrefix(file, "../"))), text)
	})
	if err != nil {
		t.Fatal(err)
	}
	return memory
}

// inMemory gives the path of a file of the manifests in a folder.
func inMemory(file string) string { return path.Join("/k8s", file) }

// write puts a file there.
func (f folder) write(t testing.TB, file, text string) {
	t.Helper()
	if err := f.WriteFile(inMemory(file), []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// edit replaces what stands in a file exactly once.
func (f folder) edit(t testing.TB, file, from, to string) {
	t.Helper()
	text, err := f.ReadFile(inMemory(file))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), from); n != 1 {
		t.Fatalf("%s holds %q %d times, want once", file, from, n)
	}
	f.write(t, file, strings.Replace(string(text), from, to, 1))
}

// render gives the objects of a form.
func (f folder) render(form string) ([]object, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(f, inMemory(form))
	if err != nil {
		return nil, fmt.Errorf("%s: kustomize: %w", form, err)
	}
	var objects []object
	for _, resource := range resources.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", form, resource.GetName(), err)
		}
		gvk := resource.GetGvk()
		objects = append(objects, object{
			GroupVersionKind: schema.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind},
			namespace:        resource.GetNamespace(), name: resource.GetName(), yaml: text,
		})
	}
	return objects, nil
}

// mustRender is render where nothing is to go wrong.
func (f folder) mustRender(t testing.TB, form string) []object {
	t.Helper()
	objects, err := f.render(form)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// TestEveryFolderIsAForm keeps a folder from being forgotten here.
func TestEveryFolderIsAForm(t *testing.T) {
	found, err := filepath.Glob("../*/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, file := range found {
		if name := filepath.Base(filepath.Dir(file)); name != "sidecar" { // a component: rendered over what it changes
			folders = append(folders, name)
		}
	}
	if !slices.Equal(folders, forms) {
		t.Errorf("folders with a kustomization.yaml: %q, forms tested: %q", folders, forms)
	}
}
