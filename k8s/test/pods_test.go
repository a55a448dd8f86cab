package k8s

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
)

// program is credence in its image.
const program = "/credence"

// hardened wants of credence's container what "restricted" leaves open.
func hardened(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range servers(form) {
		c, sidecar := w.credence()
		if c.SecurityContext == nil || !ptr.Deref(c.SecurityContext.ReadOnlyRootFilesystem, false) {
			l.add(w, "the root file system of credence can be written to")
		}
		if strings.HasSuffix(c.Image, ":latest") || !strings.Contains(c.Image, ":") {
			l.add(w, "image %s is another one tomorrow", c.Image)
		}
		if c.Resources.Requests.Cpu().IsZero() || c.Resources.Limits.Memory().IsZero() {
			l.add(w, "credence needs a request for CPU and a limit on memory")
		}
		if _, throttled := c.Resources.Limits[corev1.ResourceCPU]; throttled {
			l.add(w, "a limit on CPU makes checks late")
		}
		if !sidecar && (ptr.Deref(w.pod.AutomountServiceAccountToken, true) || ptr.Deref(w.pod.EnableServiceLinks, true)) {
			l.add(w, "credence has no use for a service account's token, nor for service links")
		}
	}
	return found
}

// nativeSidecar wants a sidecar to start before Envoy and to end after it.
func nativeSidecar(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range workloads(form) {
		_, sidecar := w.credence()
		if !sidecar {
			if w.Labels["credence"] == "sidecar" {
				l.add(w, "it asks for a sidecar and has none")
			}
			continue
		}
		first := w.pod.InitContainers[0]
		if first.Name != "credence" || ptr.Deref(first.RestartPolicy, "") != corev1.ContainerRestartPolicyAlways {
			l.add(w, "credence is not the first native sidecar")
		}
		if first.StartupProbe == nil {
			l.add(w, "Envoy does not wait for credence")
		}
	}
	for _, w := range workloads(form) {
		for _, c := range w.containers() {
			if c.Image == "" {
				l.add(w, "container %s has no image: is Envoy's container called otherwise?", c.Name)
			}
		}
	}
	return found
}

// probes wants a start that does not need Redis, readiness that does, and
// liveness that asks nobody but the process.
func probes(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range servers(form) {
		c, sidecar := w.credence()
		start, ready := probeOf("", "/livez"), probeOf("", "/readyz")
		if sidecar {
			start, ready = probeOf(program+" health --live", ""), probeOf(program+" health", "")
		}
		for _, p := range []struct {
			name string
			have *corev1.Probe
			want string
		}{
			{"startupProbe", c.StartupProbe, start},
			{"readinessProbe", c.ReadinessProbe, ready},
			{"livenessProbe", c.LivenessProbe, probeOf("", "/livez")},
		} {
			switch {
			case p.have == nil:
				l.add(w, "no %s", p.name)
			case asked(p.have) != p.want:
				l.add(w, "%s asks %q, want %q", p.name, asked(p.have), p.want)
			// `credence health` takes 900 ms at most; the default of a probe, 1 s, leaves nothing to start it.
			case p.have.TimeoutSeconds < 2:
				l.add(w, "%s gives up after %d s", p.name, p.have.TimeoutSeconds)
			}
		}
	}
	return found
}

// probeOf says what is asked: a command, or a path of the ops port.
func probeOf(command, path string) string {
	if command != "" {
		return "exec " + command
	}
	return "get " + path
}

func asked(p *corev1.Probe) string {
	switch {
	case p.Exec != nil:
		return probeOf(strings.Join(p.Exec.Command, " "), "")
	case p.HTTPGet != nil:
		return probeOf("", p.HTTPGet.Path)
	}
	return ""
}

// memory wants Go's own limit below the kernel's, and near it.
func memory(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range servers(form) {
		c, _ := w.credence()
		soft, err := resource.ParseQuantity(strings.TrimSuffix(variable(c, "GOMEMLIMIT"), "B"))
		if err != nil {
			l.add(w, "GOMEMLIMIT: %v", err)
			continue
		}
		hard := c.Resources.Limits.Memory().Value()
		if part := 100 * soft.Value() / max(hard, 1); part < 80 || part > 95 {
			l.add(w, "GOMEMLIMIT is %d %% of the limit, want 80 to 95", part)
		}
	}
	return found
}

func variable(c *corev1.Container, name string) string {
	i := slices.IndexFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == name })
	if i < 0 {
		return ""
	}
	return c.Env[i].Value
}

// endings wants a pod to be given the time that credence needs to end.
func endings(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range servers(form) {
		c, err := configurationOf(form, w)
		if err != nil {
			continue // configurations tells
		}
		need := c.Listen.Drain
		for _, container := range w.containers() {
			if container.Lifecycle != nil && container.Lifecycle.PreStop != nil && container.Lifecycle.PreStop.Sleep != nil {
				need += time.Duration(container.Lifecycle.PreStop.Sleep.Seconds) * time.Second
			}
		}
		const spare = 5 * time.Second
		if given := time.Duration(ptr.Deref(w.pod.TerminationGracePeriodSeconds, 30)) * time.Second; given < need+spare {
			l.add(w, "it is given %s to end, and drains for %s", given, need)
		}
		if _, sidecar := w.credence(); sidecar && c.Listen.Drain > 2*time.Second {
			l.add(w, "a sidecar drains for %s, when Envoy is gone", c.Listen.Drain)
		}
	}
	return found
}
