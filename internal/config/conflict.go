package config

import (
	"fmt"
	"strings"

	"credence/internal/credential"
)

// A conflict is between values each of which is good.
type conflict struct {
	keys []string // those that it is about, the one to blame first
	what string
}

// settle tells of keys that are not built yet and of values that do not fit
// together. What a problem was told of already is not told again.
func (d *decoder) settle(c *Config) {
	defaults := Default()
	for i, byDefault := range schema(&defaults) {
		now, name := d.schema[i].write(), byDefault.name
		if !d.failed[name] && now != byDefault.write() && isUnder(name, d.unbuilt) {
			d.fail(d.lines[name], name, "not supported yet: it may only hold its default, %s", byDefault.write())
		}
	}
	for _, conflict := range c.conflicts() {
		if !d.anyFailed(conflict.keys) {
			d.fail(d.lineOf(conflict.keys), conflict.keys[0], "%s", conflict.what)
		}
	}
}

// isUnder tells whether a name is one of the keys or in one of the sections.
func isUnder(name string, keys []string) bool {
	for _, key := range keys {
		if name == key || strings.HasPrefix(name, key+".") {
			return true
		}
	}
	return false
}

func (d *decoder) anyFailed(keys []string) bool {
	for _, key := range keys {
		if d.failed[key] {
			return true
		}
	}
	return false
}

// lineOf gives the line of the first key that the file sets.
func (d *decoder) lineOf(keys []string) int {
	for _, key := range keys {
		if line, set := d.lines[key]; set {
			return line
		}
	}
	return 0
}

// conflicts lists the values that do not fit together.
func (c *Config) conflicts() []conflict {
	var all []conflict
	add := func(what string, keys ...string) { all = append(all, conflict{keys, what}) }

	c.listenConflicts(add)
	c.redisConflicts(add)
	c.digestConflicts(add)
	c.placeConflicts(add)
	c.issuerConflicts(add)
	if header := c.identityHeader(c.Peer.Header); header != "" {
		add("is an identity header ("+header+")", "peer.header", "identity.prefix", "identity.labels")
	}
	return all
}

func (c *Config) listenConflicts(add func(what string, keys ...string)) {
	l := c.Listen
	network, address := l.Address()
	if network == "tcp" && !isLoopback(address) && !l.InsecureNetwork && !l.TLS.IsSet() {
		add("plain TCP off loopback: others on the network can read tokens and forge requests; listen on loopback or a Unix socket, or set listen.tls, or listen.insecure_network: true",
			"listen.grpc", "listen.insecure_network", "listen.tls.cert_file")
	}
	if l.GRPC == l.Ops && !strings.HasSuffix(l.Ops, ":0") {
		add("is the address of listen.grpc too", "listen.ops", "listen.grpc")
	}
	l.TLS.conflicts(network, add)
}

// conflicts are those of TLS: all of it is set, or nothing. Without clients'
// certificates whoever reaches the port could try credentials.
func (t ListenTLS) conflicts(network string, add func(what string, keys ...string)) {
	const cert, key, authority, clients = "listen.tls.cert_file", "listen.tls.key_file", "listen.tls.client_ca_file", "listen.tls.allowed_clients"
	pair(add, cert, t.CertFile, key, t.KeyFile)
	if t.ClientCAFile != "" && len(t.AllowedClients) == 0 {
		add("needs "+clients+": else every certificate of that authority may ask", authority, clients)
	}
	if t.ClientCAFile == "" && len(t.AllowedClients) > 0 {
		add("needs "+authority+", which certificates are verified with", clients, authority)
	}
	if t.ClientCAFile != "" && t.CertFile == "" {
		add("needs "+cert, authority, cert)
	}
	if t.CertFile != "" && t.ClientCAFile == "" {
		add("needs "+authority+" and "+clients+": else whoever reaches the port may ask", cert, authority, clients)
	}
	if t.IsSet() && network == "unix" {
		add("is for TCP: a Unix socket is guarded by its mode, listen.socket_mode", cert, "listen.grpc")
	}
}

// pair demands that a certificate and its key are set together.
func pair(add func(what string, keys ...string), certKey, cert, keyKey, key string) {
	switch {
	case cert != "" && key == "":
		add("needs "+keyKey, certKey, keyKey)
	case cert == "" && key != "":
		add("needs "+certKey, keyKey, certKey)
	}
}

// redisConflicts are those that Override can make, too.
func (c *Config) redisConflicts(add func(what string, keys ...string)) {
	r := c.Redis
	pair(add, "redis.tls.cert_file", r.TLS.CertFile, "redis.tls.key_file", r.TLS.KeyFile)
	if strings.HasPrefix(r.URL, "rediss://") {
		return
	}
	for _, file := range []struct{ key, value string }{
		{"redis.tls.ca_file", r.TLS.CAFile},
		{"redis.tls.cert_file", r.TLS.CertFile},
	} {
		if file.value != "" {
			add("is for rediss:// only, and redis.url is "+r.URL, file.key, "redis.url")
		}
	}
}

func (c *Config) digestConflicts(add func(what string, keys ...string)) {
	for i, kind := range c.Credentials.Digests {
		if _, configured := c.Credentials.PepperFiles[kind]; !configured && kind != credential.PlainDigest {
			add(fmt.Sprintf("%s is not in credentials.pepper_files", kind),
				item("credentials.digests", i), "credentials.digests", "credentials.pepper_files")
		}
	}
}

func (c *Config) placeConflicts(add func(what string, keys ...string)) {
	const accept = "credentials.accept"
	places := c.Credentials.Accept
	if len(places) == 0 {
		add("is empty: nobody could present a credential", accept)
	}
	for i, place := range places {
		at := item(accept, i)
		if header := c.identityHeader(place.Header); header != "" {
			add(place.Header+" is an identity header ("+header+")", at, accept, "identity.prefix", "identity.labels")
		}
		if place.Header != "" && place.Header == c.Peer.Header {
			add(place.Header+" is peer.header too", at, accept, "peer.header")
		}
		for j, earlier := range places[:i] {
			if place.Header == "" || place.Header != earlier.Header {
				continue
			}
			if strings.EqualFold(place.Scheme, earlier.Scheme) {
				add(fmt.Sprintf("stands there twice, first as [%d]", j), at, accept)
			} else if place.Scheme == "" || earlier.Scheme == "" {
				add(fmt.Sprintf("%s is accepted with a scheme and without ([%d])", place.Header, j), at, accept)
			}
		}
	}
}

// issuerConflicts holds issuers apart: which keys a JWT is verified with must
// not be for the order of the list to say.
func (c *Config) issuerConflicts(add func(what string, keys ...string)) {
	const issuers = "jwt.issuers"
	first := map[string]int{}
	for i, issuer := range c.JWT.Issuers {
		if earlier, twice := first[issuer.Issuer]; twice {
			add(fmt.Sprintf("%s stands there twice, first as [%d]", written(issuer.Issuer), earlier), item(issuers, i), issuers)
			continue
		}
		first[issuer.Issuer] = i
	}
}
