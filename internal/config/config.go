package config

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"credence/internal/credential"
)

// Config is what credence.yaml says, with defaults for what it does not say.
// A Config from Default, Parse or Load is valid, and stays so under Override.
type Config struct {
	Listen      Listen      // where the server is asked
	Redis       Redis       // where the registry is
	Cache       Cache       // what a server keeps in memory
	Credentials Credentials // what callers may present, and how tokens are stored
	JWT         JWT         // what is demanded of JWTs
	Peer        Peer        // which address a request is judged by
	Routes      Routes      // what routes may ask for
	Answers     Answers     // what denied callers see
	Log         Log         // how the server tells what it does
	Identity    Identity    // what the upstream is told of a client
}

// Listen says where the server is asked.
type Listen struct {
	// GRPC is where Envoy asks: host:port, or unix: and an absolute path. A
	// port of 0 is any free one. Default 127.0.0.1:9001.
	GRPC string
	// SocketMode is the mode of a Unix socket. Default 0660.
	SocketMode fs.FileMode
	// InsecureNetwork lets GRPC be plain TCP off loopback. Default false.
	InsecureNetwork bool
	// Ops is where /livez, /readyz and /metrics are, as host:port. Default
	// 127.0.0.1:9002.
	Ops string
	// TLS is mutual TLS on GRPC, where that is TCP. Default none: plain.
	TLS ListenTLS
	// Drain is how long checks are still answered after the first signal.
	// Default 10s, at most 10m.
	Drain time.Duration
}

// Address gives GRPC as net.Listen takes it: "unix" and a path, or "tcp" and
// host:port.
func (l Listen) Address() (network, address string) {
	if path, isUnix := strings.CutPrefix(l.GRPC, "unix:"); isUnix {
		return "unix", path
	}
	return "tcp", l.GRPC
}

// ListenTLS is mutual TLS on the gRPC port. All of it is set, or nothing.
type ListenTLS struct {
	// CertFile and KeyFile hold the server's certificate and its key, in PEM.
	CertFile, KeyFile string
	// ClientCAFile holds the authorities of clients' certificates, in PEM.
	ClientCAFile string
	// AllowedClients are the URIs and the DNS names, these in lower case, that
	// may ask: a client's certificate must hold one of them.
	AllowedClients []string
}

// IsSet tells whether the port speaks TLS.
func (t ListenTLS) IsSet() bool { return t.CertFile != "" }

// Redis says where the registry is.
type Redis struct {
	// URL is redis://host:port/db, rediss://host:port/db or
	// unix:///path?db=n. It never holds a user name or a password. Default
	// redis://127.0.0.1:6379/0.
	URL string
	// Username of an ACL user. Default none: Redis' default user.
	Username string
	// PasswordFile holds the password, to be read again at every connection.
	// Default none; none too where Password is set.
	PasswordFile string
	// Password is the password from the environment, which only Override
	// sets: it has no key in the file. Default none.
	Password credential.Secret
	// TLS is for rediss:// only.
	TLS RedisTLS
	// Sentinel is how Sentinels are spoken to.
	Sentinel Sentinel
	// Prefix begins every key and holds one hash tag. Default "{credence}:".
	Prefix string
	// RegistryID, when set, is the only registry that is served. Default none.
	RegistryID string
	// Timeout bounds one lookup, 1ms to 10s. Default 50ms.
	Timeout time.Duration
	// Replicas is how many must acknowledge a write that is waited for, 0 to
	// 16. Default 0.
	Replicas int
}

// RedisTLS is how a rediss:// server is known, and how it knows us.
type RedisTLS struct {
	// CAFile holds the authorities to trust, in PEM. Default none: the
	// system's.
	CAFile string
	// CertFile and KeyFile hold our certificate and its key, in PEM; both or
	// none. Default none.
	CertFile, KeyFile string
}

// Sentinel is how Sentinels are spoken to.
type Sentinel struct {
	// Username and PasswordFile are the Sentinels' own. Default none.
	Username, PasswordFile string
}

// Cache bounds what a server keeps in memory.
type Cache struct {
	// MaxEntries is how many facts are kept, 1 to 10000000. Default 100000.
	MaxEntries int
	// TTL is when a fact is read again, 1s to 1d. Default 60s.
	TTL time.Duration
	// NegativeTTL is the same for the fact that there is no such record, 0s
	// to 1m. Default 5s.
	NegativeTTL time.Duration
	// StaleFor is how long known facts serve without contact to the registry,
	// 1s to 1d. Default 5m.
	StaleFor time.Duration
}

// Credentials says what callers may present, and how tokens are stored.
type Credentials struct {
	// PepperFiles are the files that hold the peppers, by kind (h1 to h99).
	// Default none.
	PepperFiles map[credential.DigestKind]string
	// Digests are the kinds of digest that a server accepts. Default none:
	// those that the registry names.
	Digests []credential.DigestKind
	// Accept lists the places where a credential may be; never empty, header
	// names in lower case. Default authorization with Bearer, api-token,
	// x-api-key.
	Accept []credential.Place
}

// LongestJWT is the most that JWT.MaxLifetime can be.
const LongestJWT = 365 * day

// JWT says what is demanded of JWTs.
type JWT struct {
	// Audiences are ours: a JWT must name one. Default none, which denies
	// every JWT.
	Audiences []string
	// MaxLifetime is the longest life of a JWT, 1s to 365d. Default 1h.
	MaxLifetime time.Duration
	// ClockSkew is how far the clocks of others may be off, 0s to 5m. Default
	// 30s.
	ClockSkew time.Duration
	// Issuers are trusted to make JWTs. Default none.
	Issuers []Issuer
}

// An Issuer is a party whose JWTs are trusted.
type Issuer struct {
	// Issuer is the URL that its JWTs hold in iss.
	Issuer string
	// JWKSURL or JWKSFile is where its keys are: exactly one is set.
	JWKSURL, JWKSFile string
	// CAFile holds the authorities to trust for an https JWKSURL, in PEM.
	// Default none: the system's.
	CAFile string
	// Algorithms are those that its keys may use. Empty: all that are
	// supported.
	Algorithms []string
	// SubjectClaim names the claim that a binding is found by. Empty: sub.
	SubjectClaim string
}

// Peer says which address a request is judged by.
type Peer struct {
	// TrustedProxies are the networks whose word on the peer is taken.
	// Default none.
	TrustedProxies []netip.Prefix
	// Header is where they say it, in lower case. Default x-forwarded-for.
	Header string
}

// The modes of routes.
const (
	RoutesEnforce = "enforce"
	RoutesObserve = "observe"
)

// Routes says what the context extensions of a route may ask for.
type Routes struct {
	// Mode is RoutesEnforce, or RoutesObserve to let denials pass on all
	// routes. Default enforce.
	Mode string
	// PermitObserve lets a route ask for mode observe. Default false.
	PermitObserve bool
	// PermitOptional lets a route ask for auth optional. Default true.
	PermitOptional bool
	// IgnoreExtensions are extensions of other systems. Default none.
	IgnoreExtensions []string
}

// Answers says what denied callers see.
type Answers struct {
	// Realm of the challenge: 1 to 128 characters of printable ASCII without
	// quote and backslash. Default credence.
	Realm string
}

// The formats of the log.
const (
	LogText = "text"
	LogJSON = "json"
)

// Log says how the server tells what it does.
type Log struct {
	// Level is the least level that is told. Default info.
	Level slog.Level
	// Format is LogText or LogJSON. Default text.
	Format string
}

// What of a client's own identity headers is stripped.
const (
	StripAll  = "all"
	StripSeen = "seen"
)

// Identity says what the upstream is told of a client.
type Identity struct {
	// Prefix of the headers: lower-case letters, digits and at most three
	// hyphens, the last at its end. Default x-client-.
	Prefix string
	// Labels are the keys of a client's labels that are forwarded, at most 8,
	// with at most one hyphen each. Default none.
	Labels []string
	// Strip is StripAll, or StripSeen where Envoy sends every header. Default
	// all.
	Strip string
}

// Default gives the configuration of an empty file.
func Default() Config {
	return Config{
		Listen: Listen{
			GRPC:       "127.0.0.1:9001",
			SocketMode: 0o660,
			Ops:        "127.0.0.1:9002",
			Drain:      10 * time.Second,
		},
		Redis: Redis{
			URL:     "redis://127.0.0.1:6379/0",
			Prefix:  "{credence}:",
			Timeout: 50 * time.Millisecond,
		},
		Cache: Cache{
			MaxEntries:  100000,
			TTL:         time.Minute,
			NegativeTTL: 5 * time.Second,
			StaleFor:    5 * time.Minute,
		},
		Credentials: Credentials{Accept: []credential.Place{
			{Header: "authorization", Scheme: "Bearer"},
			{Header: "api-token"},
			{Header: "x-api-key"},
		}},
		JWT:      JWT{MaxLifetime: time.Hour, ClockSkew: 30 * time.Second},
		Peer:     Peer{Header: "x-forwarded-for"},
		Routes:   Routes{Mode: RoutesEnforce, PermitOptional: true},
		Answers:  Answers{Realm: "credence"},
		Log:      Log{Level: slog.LevelInfo, Format: LogText},
		Identity: Identity{Prefix: "x-client-", Strip: StripAll},
	}
}

// Load reads the file at path; an empty path is Default. What is wrong in the
// file is one error of type Problems.
func Load(path string) (Config, error) {
	if path == "" {
		return Default(), nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("config: %w", err)
	}
	return Parse(path, text)
}

// Parse reads the text of a file. The name is what problems are told with; all
// that is wrong is one error of type Problems.
func Parse(name string, text []byte) (Config, error) {
	return parse(name, text, unbuilt)
}

// parse is Parse with the keys given that are not built yet.
func parse(name string, text []byte, unbuilt []string) (Config, error) {
	c := Default()
	d := newDecoder(name, schema(&c), unbuilt)
	if root := d.document(text); root != nil {
		d.mapping("", root, d.schema)
		d.settle(&c)
	}
	if len(d.problems) > 0 {
		return Config{}, inOrder(d.problems)
	}
	return c, nil
}
