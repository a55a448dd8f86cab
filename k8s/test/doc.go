// Package k8s holds the manifests in the folder above to what Kubernetes, its
// gateways and credence itself take.
//
// Each form is rendered by kustomize's own library, as `kubectl kustomize` does.
// Built-in kinds are decoded strictly into Kubernetes' types; pods are held
// against the Pod Security level "restricted"; custom resources are validated
// against the definitions that Envoy Gateway, Istio and cert-manager ship in
// their modules, with their rules in CEL; credence.yaml is read by credence. What
// none of them sees, that names lead somewhere and that numbers fit each other, is
// looked at besides.
//
// Every check is shown to find a mistake: mistakes_test.go edits the files in
// memory, a line each, and wants to be told. There is no cluster here, so whether
// a kubelet or a gateway does as its documentation says is not tested.
//
// It is a module of its own, so that what it needs is never needed by the
// program.
package k8s
