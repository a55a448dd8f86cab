package k8s

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"credence/internal/config"
)

// configurationOf reads what credence is told in a pod: the file that
// CREDENCE_CONFIG names, of a ConfigMap of the form, as the server reads it.
func configurationOf(form []object, w workload) (config.Config, error) {
	c, _ := w.credence()
	file := variable(c, "CREDENCE_CONFIG")
	volume := w.mountedAt(c, path.Dir(file))
	if volume == nil || volume.ConfigMap == nil {
		return config.Config{}, fmt.Errorf("no ConfigMap is mounted where CREDENCE_CONFIG says (%q)", file)
	}
	for _, m := range all[corev1.ConfigMap](form) {
		if m.Name == volume.ConfigMap.Name && m.Namespace == w.Namespace {
			return config.Parse(path.Base(file), []byte(m.Data[path.Base(file)]))
		}
	}
	return config.Config{}, fmt.Errorf("there is no ConfigMap %s/%s", w.Namespace, volume.ConfigMap.Name)
}

// mountedAt gives the volume that a container has at a folder.
func (w workload) mountedAt(c *corev1.Container, folder string) *corev1.Volume {
	for _, m := range c.VolumeMounts {
		if m.MountPath == folder {
			return w.volume(m.Name)
		}
	}
	return nil
}

// configurations wants credence to take its configuration.
func configurations(form []object) (found []string) {
	for _, w := range servers(form) {
		if _, err := configurationOf(form, w); err != nil {
			found = append(found, fmt.Sprintf("%s: %v", w, err))
		}
	}
	return found
}

// listening wants credence to be where it is asked: on the ports that its
// container declares, or on a socket that it shares with Envoy.
func listening(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range servers(form) {
		conf, err := configurationOf(form, w)
		if err != nil {
			continue // configurations tells
		}
		c, sidecar := w.credence()
		if err := declared(c, conf.Listen.Ops, "ops"); err != nil {
			l.add(w, "listen.ops: %v", err)
		}
		network, address := conf.Listen.Address()
		switch {
		case sidecar != (network == "unix"):
			l.add(w, "listen.grpc is %s: want a socket in a sidecar, and a port elsewhere", conf.Listen.GRPC)
		case sidecar:
			if err := w.isShared(path.Dir(address)); err != nil {
				l.add(w, "listen.grpc: %v", err)
			}
			if conf.Listen.SocketMode&0o020 == 0 || conf.Listen.SocketMode&0o007 != 0 {
				l.add(w, "listen.socket_mode is %v: want it for the group, and for no other", conf.Listen.SocketMode)
			}
		default:
			if err := declared(c, address, "grpc"); err != nil {
				l.add(w, "listen.grpc: %v", err)
			}
		}
	}
	return found
}

// declared tells whether an address to listen on is a port of the container
// whose name ends so, on all addresses of the pod.
func declared(c *corev1.Container, address, name string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if host != "" && !net.ParseIP(host).IsUnspecified() {
		return fmt.Errorf("%s cannot be reached from outside of the pod", address)
	}
	for _, p := range c.Ports {
		if strconv.Itoa(int(p.ContainerPort)) == port && strings.HasSuffix(p.Name, name) {
			return nil
		}
	}
	return fmt.Errorf("%s is no port of the container that is called %s", address, name)
}

// isShared tells whether a folder is the same emptyDir in credence, which
// writes to it, and in Envoy, which does not.
func (w workload) isShared(folder string) error {
	ours, _ := w.credence()
	var theirs *corev1.Container
	for i := range w.pod.Containers {
		if w.pod.Containers[i].Name == "envoy" {
			theirs = &w.pod.Containers[i]
		}
	}
	if theirs == nil {
		return errors.New("there is no container envoy")
	}
	a, b := w.mountedAt(ours, folder), w.mountedAt(theirs, folder)
	switch {
	case a == nil || a.EmptyDir == nil || b != a:
		return fmt.Errorf("%s is not one emptyDir of credence and Envoy", folder)
	case isReadOnly(ours, folder) || !isReadOnly(theirs, folder):
		return fmt.Errorf("%s is for credence to write, and for Envoy to read", folder)
	case w.pod.SecurityContext == nil || w.pod.SecurityContext.FSGroup == nil:
		return errors.New("no fsGroup: Envoy could not write to the socket")
	}
	return nil
}

func isReadOnly(c *corev1.Container, folder string) bool {
	i := slices.IndexFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == folder })
	return i >= 0 && c.VolumeMounts[i].ReadOnly
}

// secretKeys are the files that each Secret gives, as docs/kubernetes.md makes
// them and cert-manager writes them.
var secretKeys = map[string][]string{
	"credence":     {"redis-password", "redis-ca.crt", "pepper-h1"},
	"credence-tls": {"tls.crt", "tls.key", "ca.crt"},
}

// secretFiles wants each file that the configuration names to be one of a
// mounted Secret, and the password and a pepper to be among them.
func secretFiles(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range servers(form) {
		conf, err := configurationOf(form, w)
		if err != nil {
			continue // configurations tells
		}
		files := map[string]string{
			"redis.password_file": conf.Redis.PasswordFile, "redis.tls.ca_file": conf.Redis.TLS.CAFile,
			"credentials.pepper_files": "",
		}
		for kind, file := range conf.Credentials.PepperFiles {
			files["credentials.pepper_files"] = file
			files["credentials.pepper_files."+string(kind)] = file
		}
		if tls := conf.Listen.TLS; tls.IsSet() {
			files["listen.tls.cert_file"], files["listen.tls.key_file"], files["listen.tls.client_ca_file"] = tls.CertFile, tls.KeyFile, tls.ClientCAFile
		}
		c, _ := w.credence()
		for _, key := range slices.Sorted(maps.Keys(files)) {
			volume := w.mountedAt(c, path.Dir(files[key]))
			if volume == nil || volume.Secret == nil || !slices.Contains(secretKeys[volume.Secret.SecretName], path.Base(files[key])) {
				l.add(w, "%s: %q is no file of a Secret", key, files[key])
			}
		}
	}
	return found
}

// cleartext wants plain TCP off the pod to have its ground beside it: a mesh's
// mutual TLS, demanded of these very pods.
func cleartext(form []object) (found []string) {
	l := (*list)(&found)
	for _, w := range servers(form) {
		conf, err := configurationOf(form, w)
		if err != nil {
			continue // configurations tells
		}
		if network, _ := conf.Listen.Address(); network == "unix" || conf.Listen.TLS.IsSet() {
			if conf.Listen.InsecureNetwork {
				l.add(w, "insecure_network is said where nothing is insecure")
			}
			continue
		}
		if !isInMesh(form, w) {
			l.add(w, "cleartext, and no PeerAuthentication demands mutual TLS of these pods")
		}
	}
	return found
}

// isInMesh tells whether Istio lets nothing but its mutual TLS to the gRPC port
// of a workload, and takes its namespace into the mesh.
func isInMesh(form []object, w workload) bool {
	ambient := false
	for _, n := range all[corev1.Namespace](form) {
		ambient = ambient || n.Name == w.Namespace && n.Labels["istio.io/dataplane-mode"] == "ambient"
	}
	for _, p := range custom[peerAuthentication](form, "security.istio.io", "PeerAuthentication") {
		selector := metav1.LabelSelector{MatchLabels: p.Spec.Selector.MatchLabels}
		_, exempt := p.Spec.PortLevelMTLS["9001"]
		if p.namespace == w.Namespace && w.isSelectedBy(&selector) && p.Spec.MTLS.Mode == "STRICT" && !exempt {
			return ambient
		}
	}
	return false
}
