package k8s

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	_ "github.com/cert-manager/cert-manager/pkg/apis/certmanager" // keeps the module, for its definitions
	_ "github.com/envoyproxy/gateway/api/v1alpha1"                // likewise
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// customGroups are the groups whose definitions are at hand.
var customGroups = []string{"gateway.envoyproxy.io", "gateway.networking.k8s.io", "security.istio.io", "cert-manager.io"}

// notValidated is a group whose definitions are not: kgateway's module cannot be
// had.
const notValidated = "gateway.kgateway.dev"

// definitions are the files with custom resource definitions in modules that
// ship them.
var definitions = []struct{ module, files string }{
	{"github.com/envoyproxy/gateway", "charts/gateway-helm/charts/crds/crds/generated/*.yaml"},
	{"github.com/envoyproxy/gateway", "charts/gateway-helm/charts/crds/crds/gatewayapi-crds.yaml"},
	{"istio.io/api", "kubernetes/customresourcedefinitions.gen.yaml"},
	{"github.com/cert-manager/cert-manager", "deploy/crds/*.yaml"},
}

// customResources validates objects as an API server with the definitions
// would: unknown fields, schema, lists that are sets or maps, and rules in CEL.
func customResources(form []object) (found []string) {
	for _, o := range form {
		if scheme.Recognizes(o.GroupVersionKind) || o.Group == notValidated {
			continue
		}
		d, err := definitionOf(o.GroupVersionKind)
		if err != nil {
			found = append(found, fmt.Sprintf("%s: %v", o, err))
			continue
		}
		for _, problem := range d.validate(o) {
			found = append(found, fmt.Sprintf("%s: %s", o, problem))
		}
	}
	return found
}

// A definition validates objects of one kind and version.
type definition struct {
	structural *structuralschema.Structural
	schema     validation.SchemaValidator
	rules      *cel.Validator
}

func (d definition) validate(o object) (found []string) {
	var content map[string]any
	text, err := yaml.YAMLToJSONStrict(o.yaml)
	if err == nil {
		err = json.Unmarshal(text, &content) // with whole numbers as such, as rules want them
	}
	if err != nil {
		return []string{err.Error()}
	}
	unknown := pruning.PruneWithOptions(content, d.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		found = append(found, fmt.Sprintf("unknown field %q", path))
	}
	defaulting.Default(content, d.structural)
	errs := validation.ValidateCustomResource(nil, content, d.schema)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, d.structural, content)...)
	if len(errs) == 0 && d.rules != nil { // rules suppose what the schema says
		broken, _ := d.rules.Validate(context.Background(), nil, d.structural, content, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, broken...)
	}
	for _, err := range errs {
		found = append(found, err.Error())
	}
	return found
}

// definitionOf finds the definition of a kind, once.
func definitionOf(kind schema.GroupVersionKind) (definition, error) {
	found, _ := known.LoadOrStore(kind, sync.OnceValues(func() (definition, error) { return readDefinition(kind) }))
	return found.(func() (definition, error))()
}

var known sync.Map // of schema.GroupVersionKind to what finds its definition

func readDefinition(kind schema.GroupVersionKind) (definition, error) {
	texts, err := definitionTexts()
	if err != nil {
		return definition{}, err
	}
	for _, text := range texts {
		// These texts are large: only what may be it is read.
		if !strings.Contains(text, "group: "+kind.Group+"\n") || !strings.Contains(text, "kind: "+kind.Kind+"\n") {
			continue
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal([]byte(text), &crd); err != nil {
			return definition{}, err
		}
		if crd.Spec.Group != kind.Group || crd.Spec.Names.Kind != kind.Kind {
			continue
		}
		for _, version := range crd.Spec.Versions {
			if version.Name == kind.Version && version.Served {
				return newDefinition(version)
			}
		}
	}
	return definition{}, fmt.Errorf("no definition of %s is served", kind)
}

func newDefinition(version apiextensionsv1.CustomResourceDefinitionVersion) (d definition, err error) {
	var internal apiextensions.CustomResourceValidation
	if err = apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(version.Schema, &internal, nil); err != nil {
		return d, err
	}
	if d.structural, err = structuralschema.NewStructural(internal.OpenAPIV3Schema); err != nil {
		return d, err
	}
	if d.schema, _, err = validation.NewSchemaValidator(internal.OpenAPIV3Schema); err != nil {
		return d, err
	}
	d.rules = cel.NewValidator(d.structural, true, celconfig.PerCallLimit)
	return d, nil
}

// definitionTexts gives all definitions, each as a text.
var definitionTexts = sync.OnceValues(func() (texts []string, err error) {
	for _, d := range definitions {
		dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", d.module).Output()
		if err != nil {
			return nil, fmt.Errorf("where is module %s: %w", d.module, err)
		}
		files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), filepath.FromSlash(d.files)))
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("module %s has no %s", d.module, d.files)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			texts = append(texts, strings.Split(string(text), "\n---\n")...)
		}
	}
	return texts, nil
})
