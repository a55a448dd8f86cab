package k8s

import (
	"net/netip"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// selected gives the workloads of a namespace whose pods a selector chooses.
func selected(form []object, namespace string, selector *metav1.LabelSelector) []workload {
	return slices.DeleteFunc(workloads(form), func(w workload) bool { return w.Namespace != namespace || !w.isSelectedBy(selector) })
}

// named is an object of a built-in kind, to be told of.
type named struct {
	kind string
	metav1.Object
}

func (n named) String() string { return n.kind + " " + n.GetNamespace() + "/" + n.GetName() }

// selectors wants every selector to choose pods that there are.
func selectors(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range workloads(form) {
		if !w.isSelectedBy(w.Spec.Selector) {
			l.add(w, "its selector does not choose its own pods")
		}
		for _, spread := range w.pod.TopologySpreadConstraints {
			if !w.isSelectedBy(spread.LabelSelector) {
				l.add(w, "what is spread over %s is not its pods", spread.TopologyKey)
			}
		}
	}
	for _, s := range all[corev1.Service](form) {
		if len(selected(form, s.Namespace, &metav1.LabelSelector{MatchLabels: s.Spec.Selector})) == 0 {
			l.add(named{"Service", s}, "it chooses no pods")
		}
	}
	for _, b := range all[policyv1.PodDisruptionBudget](form) {
		if len(selected(form, b.Namespace, b.Spec.Selector)) == 0 {
			l.add(named{"PodDisruptionBudget", b}, "it chooses no pods")
		}
	}
	for _, p := range all[networkingv1.NetworkPolicy](form) {
		if len(selected(form, p.Namespace, &p.Spec.PodSelector)) == 0 {
			l.add(named{"NetworkPolicy", p}, "it chooses no pods")
		}
	}
	return found
}

// hasPort tells whether a container of a workload declares a port.
func (w workload) hasPort(port intstr.IntOrString) bool {
	for _, c := range w.containers() {
		for _, p := range c.Ports {
			if p.Name == port.StrVal || port.Type == intstr.Int && p.ContainerPort == port.IntVal {
				return true
			}
		}
	}
	return false
}

// ports wants ports that are named to be there.
func ports(form []object) (found []string) {
	l := (*list)(&found)
	for _, s := range all[corev1.Service](form) {
		for _, w := range selected(form, s.Namespace, &metav1.LabelSelector{MatchLabels: s.Spec.Selector}) {
			for _, p := range s.Spec.Ports {
				if !w.hasPort(p.TargetPort) {
					l.add(named{"Service", s}, "%s has no port %s", w, &p.TargetPort)
				}
			}
		}
	}
	for _, w := range workloads(form) {
		for _, c := range w.containers() {
			for _, p := range []*corev1.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
				if p != nil && p.HTTPGet != nil && !w.hasPort(p.HTTPGet.Port) {
					l.add(w, "a probe of %s asks port %s, which nobody has", c.Name, &p.HTTPGet.Port)
				}
			}
		}
	}
	return found
}

// mounts wants every volume to be mounted, and every mount to be a volume.
func mounts(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range workloads(form) {
		used := map[string]bool{}
		for _, c := range w.containers() {
			for _, m := range c.VolumeMounts {
				used[m.Name] = true
				if w.volume(m.Name) == nil {
					l.add(w, "container %s mounts %s, which is no volume", c.Name, m.Name)
				}
			}
		}
		for _, v := range w.pod.Volumes {
			if !used[v.Name] {
				l.add(w, "nobody mounts the volume %s", v.Name)
			}
		}
	}
	return found
}

// secretVolumes wants Secrets to be for the pod's group and for no other.
func secretVolumes(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range workloads(form) {
		for _, v := range w.pod.Volumes {
			if v.Secret == nil {
				continue
			}
			if mode := ptr.Deref(v.Secret.DefaultMode, 0o644); mode != 0o440 {
				l.add(w, "volume %s has mode %#o, want 0440", v.Name, mode)
			}
			if w.pod.SecurityContext == nil || w.pod.SecurityContext.FSGroup == nil {
				l.add(w, "volume %s is for a group, and the pod has no fsGroup", v.Name)
			}
		}
	}
	return found
}

// availability wants the central form to outlive the loss of a pod, a node, a
// roll-out and an emptied node.
func availability(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range servers(form) {
		if _, sidecar := w.credence(); sidecar {
			continue
		}
		if w.Spec.Replicas != nil {
			l.add(w, "replicas would undo what the autoscaler says")
		}
		rolling := w.Spec.Strategy.RollingUpdate
		if rolling == nil || rolling.MaxUnavailable == nil || rolling.MaxUnavailable.IntValue() != 0 {
			l.add(w, "a roll-out takes a pod away before there is another")
		}
		keys := map[string]corev1.UnsatisfiableConstraintAction{}
		for _, spread := range w.pod.TopologySpreadConstraints {
			keys[spread.TopologyKey] = spread.WhenUnsatisfiable
		}
		if keys[corev1.LabelHostname] != corev1.DoNotSchedule || keys[corev1.LabelTopologyZone] == "" {
			l.add(w, "it is not spread over nodes and zones")
		}
		scaled := false
		for _, h := range all[autoscalingv2.HorizontalPodAutoscaler](form) {
			at := h.Spec.ScaleTargetRef
			if h.Namespace == w.Namespace && at.APIVersion == "apps/v1" && at.Kind == "Deployment" && at.Name == w.Name {
				scaled = ptr.Deref(h.Spec.MinReplicas, 1) >= 2
			}
		}
		if !scaled {
			l.add(w, "no autoscaler keeps at least two pods")
		}
		guarded := false
		for _, b := range all[policyv1.PodDisruptionBudget](form) {
			if b.Namespace == w.Namespace && w.isSelectedBy(b.Spec.Selector) {
				guarded = b.Spec.MaxUnavailable != nil && b.Spec.MaxUnavailable.IntValue() == 1 &&
					ptr.Deref(b.Spec.UnhealthyPodEvictionPolicy, "") == policyv1.AlwaysAllow
			}
		}
		if !guarded {
			l.add(w, "no budget lets one pod go at a time, and those that serve nobody")
		}
	}
	return found
}

// networkPolicies wants the central form closed: both directions ruled, each
// peer named, each port said.
func networkPolicies(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range servers(form) {
		if _, sidecar := w.credence(); sidecar {
			continue
		}
		ruled := false
		for _, p := range all[networkingv1.NetworkPolicy](form) {
			if p.Namespace != w.Namespace || !w.isSelectedBy(&p.Spec.PodSelector) {
				continue
			}
			ruled = slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) && slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
			for _, rule := range p.Spec.Ingress {
				if !areNamed(rule.From, func(cidr string) bool { return isProbe(cidr) && areOps(rule.Ports) }) || !areSaid(rule.Ports, w) {
					l.add(named{"NetworkPolicy", p}, "anybody may come, or to any port")
				}
			}
			for _, rule := range p.Spec.Egress {
				if !areNamed(rule.To, isOneAddress) || len(rule.Ports) == 0 {
					l.add(named{"NetworkPolicy", p}, "it may go to anybody, or to any port")
				}
			}
		}
		if !ruled {
			l.add(w, "no NetworkPolicy rules both what comes and what goes")
		}
		for _, address := range probesFrom {
			if isInMesh(form, w) && !isLetIn(form, w, address) {
				l.add(w, "no NetworkPolicy lets the kubelet's probes in, which come from %s", address)
			}
		}
	}
	return found
}

// areNamed tells whether each peer is pods of a namespace called by its name,
// or a block of addresses that may be.
func areNamed(peers []networkingv1.NetworkPolicyPeer, may func(cidr string) bool) bool {
	return len(peers) > 0 && !slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool {
		if p.IPBlock != nil {
			return !may(p.IPBlock.CIDR)
		}
		return p.NamespaceSelector == nil || p.NamespaceSelector.MatchLabels[corev1.LabelMetadataName] == ""
	})
}

// isOneAddress tells whether a block is one address and no more.
func isOneAddress(cidr string) bool {
	prefix, err := netip.ParsePrefix(cidr)
	return err == nil && prefix.IsSingleIP()
}

// probesFrom are the addresses that Istio in ambient mode gives the kubelet's
// probes in place of the node's, which policies would let in unasked.
var probesFrom = []string{"169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128"}

func isProbe(cidr string) bool { return slices.Contains(probesFrom, cidr) }

// areOps tells whether the ports are the one that probes ask.
func areOps(ports []networkingv1.NetworkPolicyPort) bool {
	return len(ports) == 1 && ports[0].Port != nil && ports[0].Port.StrVal == "ops"
}

// isLetIn tells whether probes from an address get to a workload's port ops.
func isLetIn(form []object, w workload, address string) bool {
	for _, p := range all[networkingv1.NetworkPolicy](form) {
		if p.Namespace != w.Namespace || !w.isSelectedBy(&p.Spec.PodSelector) {
			continue
		}
		for _, rule := range p.Spec.Ingress {
			if areOps(rule.Ports) && slices.ContainsFunc(rule.From, func(p networkingv1.NetworkPolicyPeer) bool {
				return p.IPBlock != nil && p.IPBlock.CIDR == address
			}) {
				return true
			}
		}
	}
	return false
}

// hbone is where a mesh in ambient mode takes what it wraps.
const hbone = 15008

// areSaid tells whether each port is one of the workload's, or the mesh's.
func areSaid(ports []networkingv1.NetworkPolicyPort, w workload) bool {
	return len(ports) > 0 && !slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool {
		return p.Port == nil || !w.hasPort(*p.Port) && p.Port.IntValue() != hbone
	})
}
