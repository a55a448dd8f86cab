package config

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// unbuilt are the keys and sections whose feature is not built yet: they may
// only hold their default. Who builds one deletes its row.
var unbuilt = []string{
	"redis.sentinel",
}

// unbuiltSchemes are the schemes of redis.url that are not built yet.
var unbuiltSchemes = []string{
	"redis+sentinel", "rediss+sentinel",
	"redis+cluster", "rediss+cluster",
}

// A row is one key: how it is read and written, and what it is for.
type row struct {
	name  string // dotted
	want  string
	about string
	read  func(d *decoder, path string, node *yaml.Node)
	write func() string
}

// key binds a key to the place where its value is kept. A value that cannot
// be read leaves what is there.
func key[T any](name string, into *T, c codec[T], about string) row {
	return row{
		name:  name,
		want:  c.want,
		about: about,
		read: func(d *decoder, path string, node *yaml.Node) {
			if value, ok := c.read(d, path, node); ok {
				*into = value
			}
		},
		write: func() string { return c.write(*into) },
	}
}

const day = 24 * time.Hour

// schema is the table of all keys, bound to a Config, in the order in which
// they are shown. Keys of one section stand together.
func schema(c *Config) []row {
	return slices.Concat(
		listenRows(&c.Listen), redisRows(&c.Redis), cacheRows(&c.Cache), credentialRows(&c.Credentials),
		jwtRows(&c.JWT), peerRows(&c.Peer), routeRows(&c.Routes), answerRows(&c.Answers), logRows(&c.Log),
		identityRows(&c.Identity),
	)
}

func listenRows(l *Listen) []row {
	return []row{
		key("listen.grpc", &l.GRPC, listenAddress, "Where Envoy asks. Port 0 is any free one."),
		key("listen.socket_mode", &l.SocketMode, fileMode, "Mode of a Unix socket: Envoy must be able to write to it."),
		key("listen.insecure_network", &l.InsecureNetwork, boolean, "Let grpc be plain TCP off loopback, where others can read tokens and forge requests. Better: listen.tls."),
		key("listen.ops", &l.Ops, hostPort, "Where /livez, /readyz and /metrics are. No secret is told there."),
		key("listen.tls.cert_file", &l.TLS.CertFile, path, "Certificate of the server (PEM, the chain behind it) for mutual TLS on grpc, where that is TCP. All three files are read again when they change."),
		key("listen.tls.key_file", &l.TLS.KeyFile, path, "Key of that certificate (PEM)."),
		key("listen.tls.client_ca_file", &l.TLS.ClientCAFile, path, "Authorities of the clients' certificates (PEM). Every client must show one."),
		key("listen.tls.allowed_clients", &l.TLS.AllowedClients, list(certificateName), "Who may ask: URIs and DNS names, of which a client's certificate must hold one, exactly, as a subject alternative name."),
		key("listen.drain", &l.Drain, duration(0, 10*time.Minute), "How long checks are still answered after the first signal, while health fails. A second signal ends it."),
	}
}

func redisRows(r *Redis) []row {
	return []row{
		key("redis.url", &r.URL, redisURL, "Where the registry is, without user name and password."),
		key("redis.username", &r.Username, line("an ACL user"), "User of Redis' ACL; empty is Redis' default user."),
		key("redis.password_file", &r.PasswordFile, path, "File with the password, read again at every connection. Or set "+EnvRedisPassword+"."),
		key("redis.tls.ca_file", &r.TLS.CAFile, path, "Authorities to trust for rediss:// (PEM); empty is the system's."),
		key("redis.tls.cert_file", &r.TLS.CertFile, path, "Our certificate for rediss:// (PEM)."),
		key("redis.tls.key_file", &r.TLS.KeyFile, path, "Key of that certificate (PEM)."),
		key("redis.sentinel.username", &r.Sentinel.Username, line("an ACL user"), "User of the Sentinels' own ACL."),
		key("redis.sentinel.password_file", &r.Sentinel.PasswordFile, path, "File with the Sentinels' own password."),
		key("redis.prefix", &r.Prefix, text("visible ASCII with one hash tag, like {credence}:", parsePrefix), "Begins every key. The hash tag keeps a registry in one slot, so that every write is atomic."),
		key("redis.registry_id", &r.RegistryID, text("visible ASCII, at most 128 characters, or empty", parseRegistryID), "Pin: no other registry is ever served. `credence init` prints it."),
		key("redis.timeout", &r.Timeout, duration(time.Millisecond, 10*time.Second), "Of one lookup. Commands take 5s."),
		key("redis.replicas", &r.Replicas, integer(0, 16), "How many replicas must acknowledge a write under --wait."),
	}
}

func cacheRows(c *Cache) []row {
	return []row{
		key("cache.max_entries", &c.MaxEntries, integer(1, 10_000_000), "How many facts are kept in memory."),
		key("cache.ttl", &c.TTL, duration(time.Second, day), "When a known fact is read again."),
		key("cache.negative_ttl", &c.NegativeTTL, duration(0, time.Minute), "When the fact that there is no such token is read again."),
		key("cache.stale_for", &c.StaleFor, duration(time.Second, day), "How long known facts serve without contact to the registry."),
	}
}

func credentialRows(c *Credentials) []row {
	return []row{
		key("credentials.pepper_files", &c.PepperFiles, pepperFiles, "Files with the peppers that digests of tokens are keyed with, kept outside Redis: {h1: FILE}."),
		key("credentials.digests", &c.Digests, list(digestKind), "The only kinds of digest to accept, like [h1]: then nobody who can write to Redis can bring in unpeppered tokens. Empty is what the registry names."),
		key("credentials.accept", &c.Accept, list(place), "Where a credential may be. {query: api_key} accepts tokens of another system in a query parameter."),
	}
}

func jwtRows(j *JWT) []row {
	return []row{
		key("jwt.audiences", &j.Audiences, list(word("an audience")), "A JWT must name one of them; empty denies every JWT."),
		key("jwt.max_lifetime", &j.MaxLifetime, duration(time.Second, LongestJWT), "The longest life of a JWT."),
		key("jwt.clock_skew", &j.ClockSkew, duration(0, 5*time.Minute), "How far the clocks of others may be off."),
		key("jwt.issuers", &j.Issuers, list(issuer), "Who is trusted to make JWTs."),
	}
}

func peerRows(p *Peer) []row {
	return []row{
		key("peer.trusted_proxies", &p.TrustedProxies, networks, "Networks whose word on the peer is taken. Quote an address that begins with a colon."),
		key("peer.header", &p.Header, text("the name of a header", parseHeaderName), "Where they say it: x-forwarded-for, or a header with a single address."),
	}
}

func routeRows(r *Routes) []row {
	return []row{
		key("routes.mode", &r.Mode, oneOf(RoutesEnforce, RoutesObserve), "observe lets denials pass on every route and only records them. It protects nothing."),
		key("routes.permit_observe", &r.PermitObserve, boolean, "May a route ask for mode observe?"),
		key("routes.permit_optional", &r.PermitOptional, boolean, "May a route ask for auth optional?"),
		key("routes.ignore_extensions", &r.IgnoreExtensions, list(text("the name of a foreign extension", parseForeignExtension)), "Context extensions of other systems; any other unknown one denies."),
	}
}

func answerRows(a *Answers) []row {
	return []row{
		key("answers.realm", &a.Realm, text("1 to 128 characters of printable ASCII without quote and backslash", parseRealm), "Realm of the challenge that a 401 carries."),
	}
}

func logRows(l *Log) []row {
	return []row{
		key("log.level", &l.Level, logLevel, "The least level that is told."),
		key("log.format", &l.Format, oneOf(LogText, LogJSON), "Lines for people, or for programs."),
	}
}

func identityRows(i *Identity) []row {
	return []row{
		key("identity.prefix", &i.Prefix, text("lower-case letters, digits and at most 3 hyphens, from a letter to a hyphen, like x-client-", parseIdentityPrefix), "Begins the headers that tell the upstream who the client is."),
		key("identity.labels", &i.Labels, labels, "Labels of a client to forward as x-client-label-KEY."),
		key("identity.strip", &i.Strip, oneOf(StripAll, StripSeen), "Which spellings of these headers a client cannot smuggle: all there are, or, where Envoy sends every header, those seen."),
	}
}
