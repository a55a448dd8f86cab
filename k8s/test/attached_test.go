package k8s

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// hasService tells whether a form has a Service with a port.
func hasService(form []object, namespace, name string, port int32) bool {
	return slices.ContainsFunc(all[corev1.Service](form), func(s *corev1.Service) bool {
		return s.Namespace == namespace && s.Name == name &&
			slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == port })
	})
}

// grants wants what a gateway names in another namespace to be there, and to
// be granted.
func grants(form []object) (found []string) {
	l := (*list)(&found)
	look := func(o object, to reference) {
		if to.Namespace == "" {
			to.Namespace = o.namespace
		}
		if !hasService(form, to.Namespace, to.Name, to.Port) {
			l.add(o, "there is no Service %s/%s with port %d", to.Namespace, to.Name, to.Port)
		}
		if to.Namespace != o.namespace && !isGranted(form, o, to) {
			l.add(o, "no ReferenceGrant lets it name the Service %s/%s", to.Namespace, to.Name)
		}
	}
	for _, p := range custom[securityPolicy](form, "gateway.envoyproxy.io", "SecurityPolicy") {
		for _, to := range p.Spec.ExtAuth.GRPC.BackendRefs {
			look(p.object, to)
		}
	}
	for _, e := range custom[gatewayExtension](form, notValidated, "GatewayExtension") {
		look(e.object, e.Spec.ExtAuth.GRPCService.BackendRef)
	}
	return found
}

func isGranted(form []object, from object, to reference) bool {
	for _, g := range custom[referenceGrant](form, "gateway.networking.k8s.io", "ReferenceGrant") {
		if g.namespace == to.Namespace &&
			slices.Contains(g.Spec.From, reference{Group: from.Group, Kind: from.Kind, Namespace: from.namespace}) &&
			slices.Contains(g.Spec.To, reference{Kind: "Service", Name: to.Name}) {
			return true
		}
	}
	return false
}

// gatewayAsks wants an Envoy Gateway to ask about everything, to show every
// header, and to let nothing pass where there is no answer.
func gatewayAsks(form []object) (found []string) {
	l := (*list)(&found)
	for _, p := range custom[securityPolicy](form, "gateway.envoyproxy.io", "SecurityPolicy") {
		ask := p.Spec.ExtAuth
		for _, wrong := range []struct {
			is   bool
			what string
		}{
			{ask.FailOpen, "who keeps credence from answering is let in"},
			{ask.StatusOnError != 503, "an outage is not a 503"},
			{ask.Timeout != "200ms", "a check may take longer than 200 ms"},
			{len(ask.HeadersToExtAuth) > 0, "credence does not see every header"},
			{ask.RecomputeRoute, "a route may serve that was not asked about"},
			{len(p.Spec.TargetRefs) != 1 || p.Spec.TargetRefs[0].Kind != "Gateway", "not every route is asked about"},
		} {
			if wrong.is {
				l.add(p, "%s", wrong.what)
			}
		}
	}
	for _, e := range custom[gatewayExtension](form, notValidated, "GatewayExtension") {
		if e.Spec.ExtAuth.FailOpen {
			l.add(e, "who keeps credence from answering is let in")
		}
	}
	return found
}

// meshAsks wants a server in cleartext to be asked by named identities only.
func meshAsks(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range servers(form) {
		if !isInMesh(form, w) {
			continue
		}
		guarded := false
		for _, p := range custom[authorizationPolicy](form, "security.istio.io", "AuthorizationPolicy") {
			if p.namespace != w.Namespace || p.Spec.Action != "ALLOW" || !w.isSelectedBy(&metav1.LabelSelector{MatchLabels: p.Spec.Selector.MatchLabels}) {
				continue
			}
			guarded = true
			for _, rule := range p.Spec.Rules {
				known := len(rule.From) > 0
				for _, from := range rule.From {
					known = known && len(from.Source.Principals) > 0
				}
				ops := len(rule.To) > 0
				for _, to := range rule.To {
					ops = ops && slices.Equal(to.Operation.Ports, []string{"9002"})
				}
				if !known && !ops {
					l.add(p, "anybody in the mesh may ask")
				}
			}
		}
		if !guarded {
			l.add(w, "no AuthorizationPolicy says who may ask")
		}
	}
	return found
}

// providers tells what is wrong with Istio's own configuration beside a form.
func providers(values []byte, form []object) (found []string) {
	var file struct {
		MeshConfig map[string]any `json:"meshConfig"`
	}
	if err := yaml.UnmarshalStrict(values, &file); err != nil {
		return []string{err.Error()}
	}
	text, err := yaml.Marshal(file.MeshConfig)
	if err != nil {
		return []string{err.Error()}
	}
	if text, err = yaml.YAMLToJSON(text); err != nil {
		return []string{err.Error()}
	}
	var mesh meshv1alpha1.MeshConfig
	if err := protojson.Unmarshal(text, &mesh); err != nil {
		return []string{err.Error()}
	}
	asked := map[string]bool{}
	for _, p := range mesh.GetExtensionProviders() {
		asked[p.GetName()] = true
		grpc := p.GetEnvoyExtAuthzGrpc()
		namespace, host, _ := strings.Cut(grpc.GetService(), "/")
		name, isHere := strings.CutSuffix(host, "."+namespace+".svc.cluster.local")
		if !isHere || !hasService(form, namespace, name, int32(grpc.GetPort())) {
			found = append(found, fmt.Sprintf("there is no Service %s with port %d", grpc.GetService(), grpc.GetPort()))
		}
		if grpc.GetFailOpen() || grpc.GetStatusOnError() != "503" || grpc.GetTimeout().AsDuration().Milliseconds() != 200 || grpc.GetClearRouteCache() {
			found = append(found, fmt.Sprintf("provider %s opens a way in", p.GetName()))
		}
	}
	for _, p := range custom[authorizationPolicy](form, "security.istio.io", "AuthorizationPolicy") {
		if p.Spec.Action == "CUSTOM" && !asked[p.Spec.Provider.Name] {
			found = append(found, fmt.Sprintf("%s: nobody is the provider %q", p, p.Spec.Provider.Name))
		}
	}
	return found
}

// TestProvider holds Istio's own configuration to the form beside it, and shows
// that mistakes in it are found.
func TestProvider(t *testing.T) {
	const file = "istio/istiod-values.yaml"
	for _, test := range []struct{ name, from, to, want string }{
		{"as it is", "", "", ""},
		{"unknown field", "failOpen:", "failsOpen:", `unknown field "failsOpen"`},
		{"fails open", "failOpen: false", "failOpen: true", "opens a way in"},
		{"no timeout", "timeout: 0.2s", "timeout: 600s", "opens a way in"},
		{"another port", "port: 9001", "port: 9000", "there is no Service credence/credence.credence.svc.cluster.local with port 9000"},
		{"another name", "- name: credence", "- name: credenza", `nobody is the provider "credence"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := manifests(t)
			if test.from != "" {
				folder.edit(t, file, test.from, test.to)
			}
			values, err := folder.ReadFile(inMemory(file))
			if err != nil {
				t.Fatal(err)
			}
			got := told(providers(values, folder.mustRender(t, "istio")))
			if test.want == "" && got != "nothing" || !strings.Contains(got, test.want) {
				t.Errorf("told %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestAttached wants each form to hold what makes a gateway ask.
func TestAttached(t *testing.T) {
	folder := manifests(t)
	for form, kinds := range map[string][]string{
		"central":       {"Deployment", "Service", "Certificate", "NetworkPolicy", "PodDisruptionBudget", "HorizontalPodAutoscaler"},
		"mesh":          {"Deployment", "PeerAuthentication", "AuthorizationPolicy"},
		"istio":         {"Deployment", "PeerAuthentication", "AuthorizationPolicy"},
		"envoy-gateway": {"Deployment", "SecurityPolicy", "BackendTLSPolicy", "EnvoyProxy", "ClientTrafficPolicy", "ReferenceGrant"},
		"kgateway":      {"Deployment", "GatewayExtension", "TrafficPolicy", "BackendConfigPolicy", "ReferenceGrant"},
		"issuer":        {"ClusterIssuer", "Certificate"},
		"example":       {"Deployment", "ConfigMap", "Service"},
	} {
		objects := folder.mustRender(t, form)
		for _, kind := range kinds {
			if !slices.ContainsFunc(objects, func(o object) bool { return o.Kind == kind }) {
				t.Errorf("%s has no %s", form, kind)
			}
		}
		for _, o := range objects {
			if o.Group == notValidated && form != "kgateway" {
				t.Errorf("%s: %s cannot be validated", form, o)
			}
		}
	}
}
