package k8s

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// scheme knows the built-in kinds that the manifests use.
var scheme = builtInKinds()

func builtInKinds() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme,
	} {
		utilruntime.Must(add(s))
	}
	return s
}

// strictly decodes; an unknown or repeated field is an error.
var strictly = serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()

// builtIn decodes built-in kinds strictly, and wants every other one to be
// known by definition.
func builtIn(form []object) (found []string) {
	for _, o := range form {
		if scheme.Recognizes(o.GroupVersionKind) {
			if _, _, err := strictly.Decode(o.yaml, nil, nil); err != nil {
				found = append(found, fmt.Sprintf("%s: %v", o, err))
			}
		} else if !slices.Contains(customGroups, o.Group) && o.Group != notValidated {
			found = append(found, fmt.Sprintf("%s: nothing here knows the kind %s", o, o.GroupVersionKind))
		}
	}
	return found
}

// all gives the objects of one kind. One that cannot be decoded is left out:
// builtIn tells of it.
func all[T any](form []object) []*T {
	var typed []*T
	for _, o := range form {
		if !scheme.Recognizes(o.GroupVersionKind) {
			continue
		}
		if decoded, _, err := strictly.Decode(o.yaml, nil, nil); err == nil {
			if one, is := any(decoded).(*T); is {
				typed = append(typed, one)
			}
		}
	}
	return typed
}

// A workload is a Deployment, looked at as one thing.
type workload struct {
	*appsv1.Deployment
	pod *corev1.PodSpec
}

// String names it as an object is named.
func (w workload) String() string { return "Deployment " + w.Namespace + "/" + w.Name }

func workloads(form []object) []workload {
	var found []workload
	for _, d := range all[appsv1.Deployment](form) {
		found = append(found, workload{d, &d.Spec.Template.Spec})
	}
	return found
}

// containers gives all of a pod, those that start first first.
func (w workload) containers() []*corev1.Container {
	var found []*corev1.Container
	for i := range w.pod.InitContainers {
		found = append(found, &w.pod.InitContainers[i])
	}
	for i := range w.pod.Containers {
		found = append(found, &w.pod.Containers[i])
	}
	return found
}

// credence gives the container that runs credence, and whether it is a sidecar.
func (w workload) credence() (container *corev1.Container, sidecar bool) {
	for _, c := range w.containers() {
		if c.Name == "credence" {
			return c, slices.ContainsFunc(w.pod.InitContainers, func(c corev1.Container) bool { return c.Name == "credence" })
		}
	}
	return nil, false
}

// servers gives the workloads that run credence.
func servers(form []object) []workload {
	return slices.DeleteFunc(workloads(form), func(w workload) bool { c, _ := w.credence(); return c == nil })
}

// volume gives a volume of a pod by its name.
func (w workload) volume(name string) *corev1.Volume {
	for i := range w.pod.Volumes {
		if w.pod.Volumes[i].Name == name {
			return &w.pod.Volumes[i]
		}
	}
	return nil
}

// selects tells whether a selector chooses the workload's pods.
func (w workload) isSelectedBy(selector *metav1.LabelSelector) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && !s.Empty() && s.Matches(labels.Set(w.Spec.Template.Labels))
}
