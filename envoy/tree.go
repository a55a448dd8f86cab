package envoy

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Object is a YAML mapping. Its values are Objects, []any, strings, numbers and bools.
type Object = map[string]any

// Tree is a parsed bootstrap with its parts by name. The parts are inside Root: to change one is to change the whole.
type Tree struct {
	Root        Object // the whole bootstrap
	Admin       Object // the admin interface
	Listener    Object // the one listener
	FilterChain Object // its one filter chain
	HTTP        Object // the HttpConnectionManager
	ExtAuthz    Object // the ext_authz filter's configuration
	VirtualHost Object // the one virtual host; its last route takes what no other does
	Credence    Object // the cluster of the ext_authz server
	Upstream    Object // the cluster of the API

	credenceEndpoint, upstreamEndpoint Object // what holds the address of each cluster
}

// Filter returns the configuration of an HTTP filter by the filter's name.
func (t *Tree) Filter(name string) (Object, error) {
	at := cursor{t.HTTP, new(error)}
	filter := at.named("http_filters", name).object("typed_config")
	return filter.value, *at.err
}

// parse reads the text of a bootstrap and finds its parts.
func parse(text string) (*Tree, error) {
	var root Object
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		return nil, fmt.Errorf("envoy: bootstrap: %w", err)
	}
	at := cursor{root, new(error)}
	static := at.object("static_resources")
	listener := static.first("listeners")
	chain := listener.first("filter_chains")
	http := chain.first("filters").object("typed_config")
	credence, upstream := static.named("clusters", "credence"), static.named("clusters", "upstream")
	tree := &Tree{
		Root:        root,
		Admin:       at.object("admin").value,
		Listener:    listener.value,
		FilterChain: chain.value,
		HTTP:        http.value,
		ExtAuthz:    http.named("http_filters", filterName).object("typed_config").value,
		VirtualHost: http.object("route_config").first("virtual_hosts").value,
		Credence:    credence.value,
		Upstream:    upstream.value,

		credenceEndpoint: credence.endpoint().value,
		upstreamEndpoint: upstream.endpoint().value,
	}
	if *at.err != nil {
		return nil, fmt.Errorf("envoy: bootstrap: %w", *at.err)
	}
	return tree, nil
}

// cursor walks down a tree, and all cursors of a walk keep the first thing that one of them missed, so that a walk
// reads as one line.
type cursor struct {
	value Object
	err   *error
}

// endpoint goes from a cluster to its only endpoint.
func (c cursor) endpoint() cursor {
	return c.object("load_assignment").first("endpoints").first("lb_endpoints").object("endpoint")
}

func (c cursor) object(key string) cursor {
	value, ok := c.value[key].(Object)
	return c.to(value, ok, key)
}

func (c cursor) first(key string) cursor {
	if list, ok := c.value[key].([]any); ok && len(list) > 0 {
		value, ok := list[0].(Object)
		return c.to(value, ok, key)
	}
	return c.to(nil, false, key)
}

func (c cursor) named(key, name string) cursor {
	list, _ := c.value[key].([]any)
	for _, item := range list {
		if value, ok := item.(Object); ok && value["name"] == name {
			return c.to(value, true, key)
		}
	}
	return c.to(nil, false, key+" "+name)
}

func (c cursor) to(value Object, found bool, what string) cursor {
	if !found && *c.err == nil {
		*c.err = fmt.Errorf("no %s", what)
	}
	return cursor{value, c.err}
}
