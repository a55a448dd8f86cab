package k8s

import (
	"fmt"
	"strings"
	"testing"
)

// A check tells what is wrong with the objects of a form.
type check func(form []object) []string

// checks are all there are.
var checks = []check{
	builtIn, podSecurity, customResources,
	hardened, nativeSidecar, probes, memory, endings,
	configurations, listening, secretFiles, cleartext,
	selectors, ports, mounts, secretVolumes, availability, networkPolicies,
	issuers, grants, backendTLS, gatewayAsks, meshAsks,
}

// problems gives what all checks tell of a form.
func problems(form []object) []string {
	var all []string
	for _, check := range checks {
		all = append(all, check(form)...)
	}
	return all
}

// TestForms renders every form, and finds nothing wrong with it.
func TestForms(t *testing.T) {
	folder := manifests(t)
	for _, form := range forms {
		t.Run(form, func(t *testing.T) {
			objects := folder.mustRender(t, form)
			if len(objects) == 0 {
				t.Fatal("it is empty")
			}
			for _, problem := range problems(objects) {
				t.Error(problem)
			}
		})
	}
}

// told puts problems as one text.
func told(problems []string) string {
	if len(problems) == 0 {
		return "nothing"
	}
	return strings.Join(problems, "\n")
}

// list collects problems.
type list []string

// add adds one, of an object.
func (l *list) add(o fmt.Stringer, format string, args ...any) {
	*l = append(*l, o.String()+": "+fmt.Sprintf(format, args...))
}
