package k8s

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What a certificate may be used for, as cert-manager says it.
const (
	serverAuth = "server auth"
	clientAuth = "client auth"
)

func certificates(form []object) []customResource[certificate] {
	return custom[certificate](form, "cert-manager.io", "Certificate")
}

// issuers wants each certificate to come from an issuer of the form, or from
// the one that the folder issuer makes; and a server's and a client's to name
// what the other side asks for.
func issuers(form []object) (found []string) {
	l := (*list)(&found)
	known := []string{"credence"}
	for _, o := range form {
		if o.Kind == "ClusterIssuer" {
			known = append(known, o.name)
		}
	}
	for _, c := range certificates(form) {
		if ref := c.Spec.IssuerRef; ref.Kind != "ClusterIssuer" || !slices.Contains(known, ref.Name) {
			l.add(c, "nobody is the issuer %s %s", ref.Kind, ref.Name)
		}
	}
	for _, w := range servers(form) {
		conf, err := configurationOf(form, w)
		if err != nil || !conf.Listen.TLS.IsSet() {
			continue
		}
		if len(conf.Listen.TLS.AllowedClients) == 0 {
			l.add(w, "no client is allowed")
		}
		for _, c := range certificates(form) {
			if slices.Contains(c.Spec.Usages, clientAuth) && !isAny(c.Spec.DNSNames, conf.Listen.TLS.AllowedClients) {
				l.add(c, "it names %q, and listen.tls.allowed_clients is %q", c.Spec.DNSNames, conf.Listen.TLS.AllowedClients)
			}
		}
		if names := serverNames(form, w); names == nil {
			l.add(w, "no certificate fills the Secret that it mounts")
		} else {
			for _, s := range all[corev1.Service](form) {
				host := s.Name + "." + s.Namespace + ".svc.cluster.local"
				if s.Namespace == w.Namespace && w.isSelectedBy(&metav1.LabelSelector{MatchLabels: s.Spec.Selector}) && !slices.Contains(names, host) {
					l.add(w, "its certificate does not name %s", host)
				}
			}
		}
	}
	return found
}

func isAny(some, of []string) bool {
	return slices.ContainsFunc(some, func(name string) bool { return slices.Contains(of, name) })
}

// serverNames gives the names in the certificate that a server mounts.
func serverNames(form []object, w workload) []string {
	for _, c := range certificates(form) {
		for _, v := range w.pod.Volumes {
			if v.Secret != nil && v.Secret.SecretName == c.Spec.SecretName && c.namespace == w.Namespace && slices.Contains(c.Spec.Usages, serverAuth) {
				return c.Spec.DNSNames
			}
		}
	}
	return nil
}

// holds tells whether a certificate of a use fills a Secret.
func holds(form []object, namespace, secret, use string) bool {
	return slices.ContainsFunc(certificates(form), func(c customResource[certificate]) bool {
		return c.namespace == namespace && c.Spec.SecretName == secret && slices.Contains(c.Spec.Usages, use)
	})
}

// backendTLS wants an Envoy Gateway to speak mutual TLS to a server that does.
func backendTLS(form []object) (found []string) {
	l := (*list)(&found)
	policies := custom[backendTLSPolicy](form, "gateway.networking.k8s.io", "BackendTLSPolicy")
	for _, p := range policies {
		for _, target := range p.Spec.TargetRefs {
			names := namesBehind(form, p.namespace, target.Name)
			if !slices.Contains(names, p.Spec.Validation.Hostname) {
				l.add(p, "it wants the name %q, and the certificate has %q", p.Spec.Validation.Hostname, names)
			}
		}
		for _, ca := range p.Spec.Validation.CACertificateRefs {
			if ca.Kind != "Secret" || !holds(form, p.namespace, ca.Name, serverAuth) {
				l.add(p, "no certificate fills %s %s", ca.Kind, ca.Name)
			}
		}
	}
	for _, s := range custom[securityPolicy](form, "gateway.envoyproxy.io", "SecurityPolicy") {
		if len(policies) == 0 {
			l.add(s, "Envoy would speak to credence in cleartext: there is no BackendTLSPolicy")
		}
		proxies := custom[envoyProxy](form, "gateway.envoyproxy.io", "EnvoyProxy")
		if len(proxies) != 1 {
			l.add(s, "Envoy has no certificate of its own: there are %d EnvoyProxies", len(proxies))
		}
		for _, p := range proxies {
			ref := p.Spec.BackendTLS.ClientCertificateRef
			if ref.Namespace != p.namespace || !holds(form, p.namespace, ref.Name, clientAuth) {
				l.add(p, "no certificate of its namespace fills the Secret %s/%s", ref.Namespace, ref.Name)
			}
			if p.Spec.BackendTLS.MaxVersion != "1.3" || !slices.Contains(p.Spec.BackendTLS.ALPNProtocols, "h2") {
				l.add(p, "credence speaks TLS 1.3 with h2 only")
			}
		}
	}
	return found
}

// namesBehind gives the names in the certificate of the server that a Service
// chooses.
func namesBehind(form []object, namespace, service string) []string {
	for _, s := range all[corev1.Service](form) {
		if s.Namespace == namespace && s.Name == service {
			for _, w := range selected(form, namespace, &metav1.LabelSelector{MatchLabels: s.Spec.Selector}) {
				return serverNames(form, w)
			}
		}
	}
	return nil
}
