package config

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"credence/internal/credential"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var compare = cmp.Options{
	cmpopts.EquateComparable(netip.Prefix{}),
	cmp.Comparer(func(a, b credential.Secret) bool { return a.Expose() == b.Expose() }),
}

// contract is the file that the design shows.
const contract = `
listen:
  grpc: 127.0.0.1:9001
  socket_mode: "0660"
  insecure_network: false
  ops: 127.0.0.1:9002
  tls: {cert_file: "", key_file: "", client_ca_file: "", allowed_clients: []}
  drain: 10s
redis:
  url: redis://127.0.0.1:6379/0
  username: ""
  password_file: ""
  tls: {ca_file: "", cert_file: "", key_file: ""}
  sentinel: {username: "", password_file: ""}
  prefix: "{credence}:"
  registry_id: ""
  timeout: 50ms
  replicas: 0
cache: {max_entries: 100000, ttl: 60s, negative_ttl: 5s, stale_for: 5m}
credentials:
  pepper_files: {}
  digests: []
  accept:
    - {header: authorization, scheme: Bearer}
    - {header: api-token}
    - {header: x-api-key}
jwt:
  audiences: []
  max_lifetime: 1h
  clock_skew: 30s
  issuers: []
peer: {trusted_proxies: [], header: x-forwarded-for}
routes: {mode: enforce, permit_observe: false, permit_optional: true, ignore_extensions: []}
answers: {realm: credence}
log: {level: info, format: text}
identity: {prefix: x-client-, labels: [], strip: all}
`

// TestDefault: files that say nothing, and one that says all defaults.
func TestDefault(t *testing.T) {
	for _, test := range []struct{ name, text string }{
		{"empty", ""},
		{"comments", "# nothing\n\n# at all\n"},
		{"begin of a document", "---\n"},
		{"begin and end", "---\n...\n"},
		{"null", "null\n"},
		{"no keys", "{}\n"},
		{"sections of comments only", "log:\n  # level: warn\nlisten:\n  tls:\n"},
		{"byte order mark", "\ufefflog: {}\n"},
		{"the contract", contract},
		{"own YAML", Default().YAML()},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkParse(t, unbuilt, test.text, Default())
		})
	}
}

func checkParse(t *testing.T, unbuilt []string, text string, want Config) {
	t.Helper()
	got, err := parse("c.yaml", []byte(text), unbuilt)
	if err != nil {
		t.Fatalf("Parse(%q): error\n%v", text, err)
	}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
	}
	again, err := parse("again.yaml", []byte(got.YAML()), unbuilt)
	if err != nil {
		t.Fatalf("Parse of YAML\n%s\nerror\n%v", got.YAML(), err)
	}
	if diff := cmp.Diff(got, again, compare); diff != "" {
		t.Errorf("YAML and Parse (-before +after):\n%s", diff)
	}
}

// TestValues sets each key to a value that is not its default.
func TestValues(t *testing.T) {
	prefixes := func(texts ...string) (all []netip.Prefix) {
		for _, text := range texts {
			all = append(all, netip.MustParsePrefix(text))
		}
		return all
	}
	for _, test := range []struct {
		name, text string
		set        func(c *Config)
	}{
		{"loopback by name", "listen: {grpc: localhost:1}", func(c *Config) { c.Listen.GRPC = "localhost:1" }},
		{"loopback of IPv6", `listen: {grpc: "[::1]:1"}`, func(c *Config) { c.Listen.GRPC = "[::1]:1" }},
		{"loopback, mapped", `listen: {grpc: "[::ffff:127.0.0.1]:1"}`, func(c *Config) { c.Listen.GRPC = "[::ffff:127.0.0.1]:1" }},
		{"any port", "listen: {grpc: 127.0.0.1:0, ops: 127.0.0.1:0}", func(c *Config) { c.Listen.GRPC, c.Listen.Ops = "127.0.0.1:0", "127.0.0.1:0" }},
		{"Unix socket", "listen: {grpc: unix:/run/authz.sock, socket_mode: \"0600\"}", func(c *Config) {
			c.Listen.GRPC, c.Listen.SocketMode = "unix:/run/authz.sock", fs.FileMode(0o600)
		}},
		{"off loopback", `listen: {grpc: ":9001", insecure_network: true}`, func(c *Config) {
			c.Listen.GRPC, c.Listen.InsecureNetwork = ":9001", true
		}},
		{"ops off loopback", "listen: {ops: 0.0.0.0:9002}", func(c *Config) { c.Listen.Ops = "0.0.0.0:9002" }},
		{"no drain", "listen: {drain: 0}", func(c *Config) { c.Listen.Drain = 0 }},
		{"longest drain", "listen: {drain: 10m}", func(c *Config) { c.Listen.Drain = 10 * time.Minute }},
		{"drain in two units", "listen: {drain: 1m30s}", func(c *Config) { c.Listen.Drain = 90 * time.Second }},
		{"Redis with TLS", "redis: {url: \"rediss://r.internal/1\", username: u, password_file: p w, tls: {ca_file: ca, cert_file: c, key_file: k}}", func(c *Config) {
			c.Redis.URL, c.Redis.Username, c.Redis.PasswordFile = "rediss://r.internal/1", "u", "p w"
			c.Redis.TLS = RedisTLS{CAFile: "ca", CertFile: "c", KeyFile: "k"}
		}},
		{"replicas", "redis: {replicas: 2}", func(c *Config) { c.Redis.Replicas = 2 }},
		{"cache", "cache: {max_entries: 1, ttl: 1s, negative_ttl: 0s, stale_for: 1d}", func(c *Config) {
			c.Cache = Cache{MaxEntries: 1, TTL: time.Second, StaleFor: 24 * time.Hour}
		}},
		{"Redis on a socket", `redis: {url: "unix:///run/redis.sock?db=3"}`, func(c *Config) { c.Redis.URL = "unix:///run/redis.sock?db=3" }},
		{"Redis by IPv6", `redis: {url: "redis://[::1]:7000"}`, func(c *Config) { c.Redis.URL = "redis://[::1]:7000" }},
		{"other prefix", `redis: {prefix: "a:{b}", registry_id: 5f0c, timeout: 1ms}`, func(c *Config) {
			c.Redis.Prefix, c.Redis.RegistryID, c.Redis.Timeout = "a:{b}", "5f0c", time.Millisecond
		}},
		{"id like a number", `redis: {registry_id: "1e5"}`, func(c *Config) { c.Redis.RegistryID = "1e5" }},
		{"peppers", `credentials: {pepper_files: {h99: b, "h1": "a: b"}, digests: [h99, s1]}`, func(c *Config) {
			c.Credentials.PepperFiles = map[credential.DigestKind]string{"h1": "a: b", "h99": "b"}
			c.Credentials.Digests = []credential.DigestKind{"h99", "s1"}
		}},
		{"places", "credentials: {accept: [{header: Authorization, scheme: Bearer}, {header: authorization, scheme: Token}, {query: api.key}, {header: x_key}]}", func(c *Config) {
			c.Credentials.Accept = []credential.Place{
				{Header: "authorization", Scheme: "Bearer"}, {Header: "authorization", Scheme: "Token"}, {Query: "api.key"}, {Header: "x_key"},
			}
		}},
		{"identity header of another prefix", "credentials: {accept: [{header: x-client-id}]}\nidentity: {prefix: x-caller-}", func(c *Config) {
			c.Credentials.Accept, c.Identity.Prefix = []credential.Place{{Header: "x-client-id"}}, "x-caller-"
		}},
		{"other header with the prefix", "credentials: {accept: [{header: x-client-key}]}", func(c *Config) {
			c.Credentials.Accept = []credential.Place{{Header: "x-client-key"}}
		}},
		{"proxies as a list", `peer: {trusted_proxies: [10.0.0.0/8, 192.0.2.1, "::ffff:172.16.0.0/108", "2001:db8::/32", "::1"], header: True-Client-IP}`, func(c *Config) {
			c.Peer.TrustedProxies = prefixes("10.0.0.0/8", "192.0.2.1/32", "172.16.0.0/12", "2001:db8::/32", "::1/128")
			c.Peer.Header = "true-client-ip"
		}},
		{"proxies as a text", "peer:\n  trusted_proxies: 10.0.0.0/8 ::1", func(c *Config) { c.Peer.TrustedProxies = prefixes("10.0.0.0/8", "::1/128") }},
		{"no proxies as a text", `peer: {trusted_proxies: ""}`, func(*Config) {}},
		{"routes", "routes: {mode: observe, permit_observe: true, permit_optional: false, ignore_extensions: [tier, cost center]}", func(c *Config) {
			c.Routes = Routes{Mode: RoutesObserve, PermitObserve: true, PermitOptional: false, IgnoreExtensions: []string{"tier", "cost center"}}
		}},
		{"realm like a word of YAML", `answers: {realm: "yes"}`, func(c *Config) { c.Answers.Realm = "yes" }},
		{"realm with signs", `answers: {realm: "The API, v2: 'x' #1"}`, func(c *Config) { c.Answers.Realm = "The API, v2: 'x' #1" }},
		{"log", "log: {level: error, format: json}", func(c *Config) { c.Log = Log{Level: slog.LevelError, Format: LogJSON} }},
		{"identity", `identity: {prefix: a-b-c-, labels: [tier, cost-center, "1"], strip: seen}`, func(c *Config) {
			c.Identity = Identity{Prefix: "a-b-c-", Labels: []string{"tier", "cost-center", "1"}, Strip: StripSeen}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := Default()
			test.set(&want)
			checkParse(t, unbuilt, test.text, want)
		})
	}
}

func TestListenAddress(t *testing.T) {
	for _, test := range []struct{ grpc, network, address string }{
		{"127.0.0.1:9001", "tcp", "127.0.0.1:9001"},
		{":0", "tcp", ":0"},
		{"unix:/run/authz.sock", "unix", "/run/authz.sock"},
	} {
		if network, address := (Listen{GRPC: test.grpc}).Address(); network != test.network || address != test.address {
			t.Errorf("Address of %q = %s %s, want %s %s", test.grpc, network, address, test.network, test.address)
		}
	}
}

func TestLoad(t *testing.T) {
	if c, err := Load(""); err != nil || cmp.Diff(Default(), c, compare) != "" {
		t.Errorf("Load(\"\") = %+v, %v, want the defaults", c, err)
	}
	path := filepath.Join(t.TempDir(), "credence.yaml")
	if _, err := Load(path); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "config: open "+path) {
		t.Errorf("Load of no file: error %v, want one that names it", err)
	}
	if err := os.WriteFile(path, []byte("log: {level: warn}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(path); err != nil || c.Log.Level != slog.LevelWarn {
		t.Errorf("Load: level %v, error %v, want WARN", c.Log.Level, err)
	}
	if err := os.WriteFile(path, []byte("log: {level: 5}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := Problems{{File: path, Line: 1, Key: "log.level", What: "want debug, info, warn or error, have 5"}}
	_, err := Load(path)
	var got Problems
	if !errors.As(err, &got) || cmp.Diff(want, got) != "" {
		t.Errorf("Load: error %v, want %v", err, want)
	}
}
