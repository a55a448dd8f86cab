package config

import (
	"strings"
	"testing"
)

const (
	wantURL   = "want a URL like redis://host:6379/0, rediss://host:6379/0 or unix:///path?db=0 (special characters in user name and password as %xx)"
	noUser    = "user name and password do not belong here: use redis.username, and redis.password_file or CREDENCE_REDIS_PASSWORD"
	plainTCP  = "plain TCP off loopback: others on the network can read tokens and forge requests; listen on loopback or a Unix socket, or set listen.tls, or listen.insecure_network: true"
	noSocket  = " names no socket: want unix: and an absolute path of at most 107 bytes, like unix:/run/credence/authz.sock"
	wantTag   = " holds no hash tag, or more than one: want one, like {credence}"
	aPattern  = ` holds a character of patterns (*?[]^\): rights in Redis' ACL would reach beyond the prefix`
	wantLabel = " is no key of a label: want [a-z0-9][a-z0-9-]{0,30}"
)

// TestBadValues tries a value that each key refuses. A want that begins with
// "want" is followed by the value itself.
func TestBadValues(t *testing.T) {
	long := strings.Repeat("x", 130)
	for _, test := range []struct{ key, value, want string }{
		{"listen.grpc", `""`, `want host:port or unix:/path, have ""`},
		{"listen.grpc", `localhost`, `want host:port or unix:/path, have "localhost"`},
		{"listen.grpc", `"::1:9001"`, `want host:port or unix:/path, have "::1:9001"`},
		{"listen.grpc", `127.0.0.1:`, `"" is no port: want 0 to 65535`},
		{"listen.grpc", `127.0.0.1:65536`, `"65536" is no port: want 0 to 65535`},
		{"listen.grpc", `127.0.0.1:+1`, `"+1" is no port: want 0 to 65535`},
		{"listen.grpc", `127.0.0.1:http`, `"http" is no port: want 0 to 65535`},
		{"listen.grpc", `"a b:1"`, `"a b" is no host: want an IP address or a name, then a port`},
		{"listen.grpc", `http://127.0.0.1:9001`, `want host:port or unix:/path, have "http://127.0.0.1:9001"`},
		{"listen.grpc", `unix:run/x.sock`, `"unix:run/x.sock"` + noSocket},
		{"listen.grpc", `unix:///run/x.sock`, `"unix:///run/x.sock"` + noSocket},
		{"listen.grpc", `unix:/`, `"unix:/"` + noSocket},
		{"listen.grpc", `"unix:@abstract"`, `"unix:@abstract"` + noSocket},
		{"listen.grpc", `unix:/` + long, `"unix:/` + long[:54] + `"…` + noSocket},
		{"listen.grpc", `0.0.0.0:9001`, plainTCP},
		{"listen.grpc", `":9001"`, plainTCP},
		{"listen.grpc", `"[::]:9001"`, plainTCP},
		{"listen.grpc", `10.0.0.1:9001`, plainTCP},
		{"listen.grpc", `credence.internal:9001`, plainTCP},
		{"listen.ops", `unix:/run/ops.sock`, `"/run/ops.sock" is no port: want 0 to 65535`},
		{"listen.ops", `127.0.0.1:9001`, `is the address of listen.grpc too`},
		{"listen.socket_mode", `0660`, `want a file mode like "0660", have 0660: write it in quotes`},
		{"listen.socket_mode", `432`, `want a file mode like "0660", have 432`},
		{"listen.socket_mode", `"432"`, `want a file mode like "0660", have "432"`},
		{"listen.socket_mode", `"0888"`, `want a file mode like "0660", have "0888"`},
		{"listen.socket_mode", `"1777"`, `want a file mode like "0660", have "1777"`},
		{"listen.socket_mode", `"0060"`, `"0060" locks the server itself out: want read and write for the owner`},
		{"listen.insecure_network", `1`, `want true or false, have 1`},
		{"listen.drain", `10`, `want a duration from 0s to 10m, have 10: the unit is missing`},
		{"listen.drain", `"10"`, `want a duration from 0s to 10m, have 10: the unit is missing`},
		{"listen.drain", `soon`, `want a duration from 0s to 10m, have "soon"`},
		{"listen.drain", `-1s`, `want a duration from 0s to 10m, have "-1s"`},
		{"listen.drain", `10m1ns`, `want a duration from 0s to 10m, have "10m1ns"`},
		{"listen.drain", `1.5`, `want a duration from 0s to 10m, have 1.5`},
		{"redis.timeout", `0s`, `want a duration from 1ms to 10s, have "0s"`},
		{"redis.timeout", `999us`, `want a duration from 1ms to 10s, have "999us"`},
		{"redis.timeout", `1d`, `want a duration from 1ms to 10s, have "1d"`},

		{"redis.url", `""`, wantURL},
		{"redis.url", `127.0.0.1:6379`, wantURL},
		{"redis.url", `redis:127.0.0.1`, wantURL},
		{"redis.url", `redis://`, wantURL},
		{"redis.url", `redis://:6379`, wantURL},
		{"redis.url", `redis://h:`, wantURL},
		{"redis.url", `redis://h:0`, wantURL},
		{"redis.url", `"redis://h:1,h2:2/0"`, wantURL},
		{"redis.url", `"redis://::1:6379"`, wantURL},
		{"redis.url", `redis://h/x`, wantURL},
		{"redis.url", `redis://h/01`, wantURL},
		{"redis.url", `redis://h/1000001`, wantURL},
		{"redis.url", `redis://h/0/1`, wantURL},
		{"redis.url", `redis://h/-1`, wantURL},
		{"redis.url", `"redis://h/0?read_timeout=0"`, wantURL},
		{"redis.url", `"rediss://h?skip_verify=true"`, wantURL},
		{"redis.url", `"redis://h/0#1"`, wantURL},
		{"redis.url", `"redis://h/0#"`, wantURL},
		{"redis.url", `unix://run/redis.sock`, wantURL},
		{"redis.url", `"unix:///run/redis.sock?db=x"`, wantURL},
		{"redis.url", `"unix:///run/redis.sock?db=1&db=2"`, wantURL},
		{"redis.url", `"redis+sentinel://:open-sesame@s1:26379,s2:26379/main"`, "redis+sentinel:// is not supported yet"},
		{"redis.url", `rediss+cluster://h:6379`, "rediss+cluster:// is not supported yet"},
		{"redis.url", `redis+cluster://h:6379`, "redis+cluster:// is not supported yet"},
		{"redis.url", `redis://u@h:6379/0`, noUser},
		{"redis.url", `redis://:open-sesame@h:6379/0`, noUser},
		{"redis.url", `redis://u:open-sesame@h:6379/0`, noUser},
		{"redis.url", `redis://@h:6379/0`, noUser},
		{"redis.url", `unix://u:open-sesame@/run/redis.sock`, noUser},
		{"redis.url", `"redis://u:open-sesame/1@h:6379/0"`, wantURL},
		{"redis.url", `"redis://u:open-sesame%zz@h:6379/0"`, wantURL},
		{"redis.prefix", `""`, `want visible ASCII with one hash tag, like {credence}:, have ""`},
		{"redis.prefix", `"{a b}:"`, `want visible ASCII with one hash tag, like {credence}:, have "{a b}:"`},
		{"redis.prefix", `"{é}:"`, `want visible ASCII with one hash tag, like {credence}:, have "{é}:"`},
		{"redis.prefix", `"credence:"`, `"credence:"` + wantTag},
		{"redis.prefix", `"{}:"`, `"{}:"` + wantTag},
		{"redis.prefix", `"{a}{b}:"`, `"{a}{b}:"` + wantTag},
		{"redis.prefix", `"{{a}}:"`, `"{{a}}:"` + wantTag},
		{"redis.prefix", `"a}:{b"`, `"a}:{b"` + wantTag},
		{"redis.prefix", `"{a}*"`, `"{a}*"` + aPattern},
		{"redis.registry_id", `"a b"`, `want visible ASCII, at most 128 characters, or empty, have "a b"`},
		{"redis.username", `"a\nb"`, `want an ACL user, or empty, have "a\nb"`},
		{"redis.password_file", `"a\tb"`, `want a path, or empty, have "a\tb"`},
		{"redis.tls.ca_file", `ca.pem`, "is for rediss:// only, and redis.url is redis://127.0.0.1:6379/0"},

		{"credentials.pepper_files", `[h1]`, "want paths by kind, h1 to h99, have a list"},
		{"credentials.pepper_files", `{h1: ""}`, `[h1] want a path, have ""`},
		{"credentials.pepper_files", `{h0: a}`, `[h0] "h0" is no kind of digest: want s1, or h1 to h99`},
		{"credentials.pepper_files", `{h01: a}`, `[h01] "h01" is no kind of digest: want s1, or h1 to h99`},
		{"credentials.pepper_files", `{h100: a}`, `[h100] "h100" is no kind of digest: want s1, or h1 to h99`},
		{"credentials.pepper_files", `{s1: a}`, `[s1] s1 takes no pepper: want h1 to h99`},
		{"credentials.pepper_files", `{h1: a, h1: b}`, `[h1] stands there twice, first on line 1`},
		{"credentials.digests", `[s2]`, `[0] "s2" is no kind of digest: want s1, or h1 to h99`},
		{"credentials.digests", `[s1, s1]`, `[1] s1 stands there twice, first as [0]`},
		{"credentials.digests", `[s1, h2]`, `[1] h2 is not in credentials.pepper_files`},

		{"credentials.accept", `[]`, "is empty: nobody could present a credential"},
		{"credentials.accept", `[x-api-key]`, `[0] want {header: NAME}, {header: NAME, scheme: WORD} or {query: NAME}, have "x-api-key"`},
		{"credentials.accept", `[{}]`, "[0] names neither a header nor a query parameter"},
		{"credentials.accept", `[{header: a, query: b}]`, "[0] names a header and a query parameter: want one of them, and the other as an item of its own"},
		{"credentials.accept", `[{query: a, scheme: b}]`, "[0] a query parameter has no scheme"},
		{"credentials.accept", `[{header: authorization}]`, "[0] authorization needs a scheme, like Bearer (RFC 9110 §11.6.2)"},
		{"credentials.accept", `[{headr: a}]`, "[0].headr unknown key (did you mean header?)"},
		{"credentials.accept", `[{header: }]`, "[0].header has no value: want the name of a header, or leave the key out"},
		{"credentials.accept", `[{header: "a b"}]`, `[0].header want the name of a header, have "a b"`},
		{"credentials.accept", `[{header: Host}]`, `[0].header "Host" cannot be used: Envoy lets nobody remove it`},
		{"credentials.accept", `[{header: ":path"}]`, `[0].header ":path" cannot be used: Envoy lets nobody remove it`},
		{"credentials.accept", `[{header: a, scheme: "b c"}]`, `[0].scheme want a scheme like Bearer, have "b c"`},
		{"credentials.accept", `[{query: "a=b"}]`, `[0].query want the name of a query parameter, decoded: visible ASCII without & = # % + ;, have "a=b"`},
		{"credentials.accept", `[{header: a}, {header: A}]`, `[1] {header: a} stands there twice, first as [0]`},
		{"credentials.accept", `[{header: a, scheme: X}, {header: a, scheme: x}]`, `[1] stands there twice, first as [0]`},
		{"credentials.accept", `[{header: a, scheme: X}, {header: a}]`, `[1] a is accepted with a scheme and without ([0])`},
		{"credentials.accept", `[{query: a}, {query: a}]`, `[1] {query: a} stands there twice, first as [0]`},
		{"credentials.accept", `[{header: X_Client.ID}]`, `[0] x_client.id is an identity header (x-client-id)`},
		{"credentials.accept", `[{header: x-client-credential-kind}]`, `[0] x-client-credential-kind is an identity header (x-client-credential-kind)`},
		{"credentials.accept", `[{header: X-Forwarded-For}]`, `[0] x-forwarded-for is not a place for credentials`},

		{"peer.trusted_proxies", `5`, "want a list, each item an address or network, have 5"},
		{"peer.trusted_proxies", `[10.0.0.1/8]`, `[0] "10.0.0.1/8" has host bits set: did you mean 10.0.0.0/8?`},
		{"peer.trusted_proxies", `[10.0.0.0/33]`, `[0] "10.0.0.0/33" is no network: want an address or CIDR`},
		{"peer.trusted_proxies", `[gateway]`, `[0] "gateway" is no network: want an address or CIDR`},
		{"peer.trusted_proxies", `[fe80::1%eth0]`, `[0] "fe80::1%eth0" is no network: want an address or CIDR`},
		{"peer.trusted_proxies", `[10.0.0.0/8, "::ffff:10.0.0.0/104"]`, `[1] 10.0.0.0/8 stands there twice, first as [0]`},
		{"peer.trusted_proxies", `10.0.0.0/8  10.1.0.0/16`, `[1] "" is no network: want an address or CIDR`},
		{"peer.header", `""`, `want the name of a header, have ""`},
		{"peer.header", `host`, `"host" cannot be used: Envoy lets nobody remove it`},
		{"peer.header", `X-Client_Scopes`, "is an identity header (x-client-scopes)"},
		{"peer.header", `x-client-name`, "is an identity header (x-client-name)"},

		{"routes.mode", `monitor`, `want enforce or observe, have "monitor"`},
		{"routes.ignore_extensions", `[""]`, `[0] want the name of a foreign extension, have ""`},
		{"routes.ignore_extensions", `[tier, scopes]`, `[1] scopes is credence's own extension: to ignore it could open a route`},
		{"routes.ignore_extensions", `[tier, tier]`, `[1] tier stands there twice, first as [0]`},
		{"answers.realm", `'a"b'`, `want 1 to 128 characters of printable ASCII without quote and backslash, have "a\"b"`},
		{"answers.realm", `'a\b'`, `want 1 to 128 characters of printable ASCII without quote and backslash, have "a\\b"`},
		{"answers.realm", `é`, `want 1 to 128 characters of printable ASCII without quote and backslash, have "é"`},
		{"answers.realm", long, `want 1 to 128 characters of printable ASCII without quote and backslash, have "` + long[:60] + `"…`},
		{"log.level", `INFO`, `want debug, info, warn or error, have "INFO"`},
		{"log.format", `logfmt`, `want text or json, have "logfmt"`},

		{"identity.prefix", `x-client`, `want lower-case letters, digits and at most 3 hyphens, from a letter to a hyphen, like x-client-, have "x-client"`},
		{"identity.prefix", `X-Client-`, `want lower-case letters, digits and at most 3 hyphens, from a letter to a hyphen, like x-client-, have "X-Client-"`},
		{"identity.prefix", `1-`, `want lower-case letters, digits and at most 3 hyphens, from a letter to a hyphen, like x-client-, have "1-"`},
		{"identity.prefix", `a-b-c-d-`, `want lower-case letters, digits and at most 3 hyphens, from a letter to a hyphen, like x-client-, have "a-b-c-d-"`},
		{"identity.prefix", `a_b-`, `want lower-case letters, digits and at most 3 hyphens, from a letter to a hyphen, like x-client-, have "a_b-"`},
		{"identity.prefix", `x-envoy-`, "headers that begin with x-envoy- belong to Envoy"},
		{"identity.prefix", `x-forwarded-client-`, "headers that begin with x-forwarded- belong to Envoy"},
		{"identity.prefix", `x-request-`, "headers that begin with x-request- belong to Envoy"},
		{"identity.labels", `[A]`, `[0] "A"` + wantLabel},
		{"identity.labels", `["a b"]`, `[0] "a b"` + wantLabel},
		{"identity.labels", `["a=b"]`, `[0] "a=b"` + wantLabel},
		{"identity.labels", `[""]`, `[0] ""` + wantLabel},
		{"identity.labels", `[` + long[:32] + `]`, `[0] "` + long[:32] + `"` + wantLabel},
		{"identity.labels", `[a-b-c]`, `[0] "a-b-c" has more than one hyphen: its header could be spelt in too many ways`},
		{"identity.labels", `[a, a]`, `[1] a stands there twice, first as [0]`},
		{"identity.labels", `[a, b, c, d, e, f, g, h, i]`, `9 labels: want at most 8`},
		{"identity.strip", `none`, `want all or seen, have "none"`},
	} {
		t.Run(test.key+": "+test.value, func(t *testing.T) {
			checkMistake(t, unbuilt, setting(test.key, test.value), "1: "+under(test.key, test.want))
		})
	}
}

// setting gives a file of one line that sets one key.
func setting(key, value string) string {
	words := strings.Split(key, ".")
	last := len(words) - 1
	return strings.Join(words[:last], ": {") + ": {" + words[last] + ": " + value + strings.Repeat("}", last) + "\n"
}

// under puts what is told under a key, or below it where the text begins with
// the rest of a path: [0], [0].header, or [h1] for a name.
func under(key, told string) string {
	rest, what, _ := strings.Cut(told, " ")
	if !strings.HasPrefix(rest, "[") {
		return key + ": " + told
	}
	if name := strings.Trim(rest, "[]"); name[0] == 'h' || name[0] == 's' {
		rest = "." + name
	}
	return key + rest + ": " + what
}
