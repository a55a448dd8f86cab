package envoy

import (
	_ "embed"
	"fmt"
	"net"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed envoy.yaml
var source string

// Source returns envoy.yaml as people copy it, with its comments.
func Source() string { return source }

// Addresses says where the parts are, each as "host:port" (an IP address, not a name) or "unix:/path". An empty one
// leaves the address in the file. Port 0 lets the kernel choose for Listener and Admin; Envoy tells the choice through
// --admin-address-path and on its admin interface under /listeners.
type Addresses struct {
	Listener string // where clients connect; the file says 127.0.0.1:10000
	Admin    string // Envoy's admin interface; 127.0.0.1:9901
	Credence string // the ext_authz server; 127.0.0.1:9001
	Upstream string // the API behind Envoy; 127.0.0.1:8080
}

// Bootstrap returns envoy.yaml with the addresses put in and the edits applied, in their order. It fails on an address
// of another form and on an edit that fails.
func Bootstrap(a Addresses, edits ...Edit) ([]byte, error) {
	tree, err := parse(source)
	if err != nil {
		return nil, err
	}
	return tree.write(a, edits)
}

// write puts in the addresses, applies the edits, and returns the bootstrap.
func (t *Tree) write(a Addresses, edits []Edit) ([]byte, error) {
	for _, place := range []struct {
		name, address string
		holder        Object
	}{
		{"listener", a.Listener, t.Listener},
		{"admin", a.Admin, t.Admin},
		{"credence", a.Credence, t.credenceEndpoint},
		{"upstream", a.Upstream, t.upstreamEndpoint},
	} {
		if place.address == "" {
			continue
		}
		address, err := parseAddress(place.address)
		if err != nil {
			return nil, fmt.Errorf("envoy: address of %s: %w", place.name, err)
		}
		place.holder["address"] = address
	}
	for _, edit := range edits {
		if err := edit(t); err != nil {
			return nil, fmt.Errorf("envoy: edit: %w", err)
		}
	}
	out, err := yaml.Marshal(t.Root)
	if err != nil {
		return nil, fmt.Errorf("envoy: bootstrap: %w", err)
	}
	return out, nil
}

// parseAddress turns "host:port" or "unix:/path" into Envoy's core.v3.Address.
func parseAddress(text string) (Object, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if path == "" {
			return nil, fmt.Errorf("%q: unix: without a path", text)
		}
		return Object{"pipe": Object{"path": path}}, nil
	}
	host, portText, err := net.SplitHostPort(text)
	if err != nil {
		return nil, fmt.Errorf("%q: neither host:port nor unix:/path", text)
	}
	if net.ParseIP(host) == nil {
		return nil, fmt.Errorf("%q: the host must be an IP address", text)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%q: the port must be a number up to 65535", text)
	}
	return Object{"socket_address": Object{"address": host, "port_value": int(port)}}, nil
}
