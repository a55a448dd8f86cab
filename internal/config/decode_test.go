package config

import (
	"errors"
	"strings"
	"testing"
)

// mistakes are files in which something is wrong, and all that is told.
var mistakes = []struct{ name, text, want string }{
	// The file as a whole.
	{"list", "- listen\n", "1: want keys and values, have a list"},
	{"text", "listen\n", `1: want keys and values, have "listen"`},
	{"second document", "log: {level: info}\n---\nlog: {level: warn}\n", "2: a second document begins here: want one"},
	{"text after the end", "log: {level: info}\n...\nlog: {}\n", "3: not YAML: did not find expected <document start>"},
	{"tab", "listen:\n\tgrpc: 127.0.0.1:1\n", "2: not YAML: a tab cannot indent: use spaces"},
	{"tab on the first line", "\tlisten: {}\n", "1: not YAML: a tab cannot indent: use spaces"},
	{"tab after spaces", "listen:\n  grpc: 127.0.0.1:1\n \tops: 127.0.0.1:2\n", "3: not YAML: a tab cannot indent: use spaces"},
	{"too deep", "log:\n  level: info\n   format: text\n", "3: not YAML: mapping values are not allowed in this context"},
	{"not deep enough", "log:\n  level: info\n format: text\n", "3: not YAML: did not find expected key"},
	{"no colon", "log: {}\npeer: {}\nanswers\n", "3: not YAML: could not find expected ':'"},
	{"two colons", "log: {}\nanswers: realm: x\n", "2: not YAML: mapping values are not allowed in this context"},
	{"open bracket", "log: {}\ncredentials:\n  digests: [s1, h1\npeer: {}\n", "3: not YAML: did not find expected ',' or ']'"},
	{"open quote", "log: {}\nanswers: {realm: \"abc}\npeer: {}\n", "2: not YAML: found unexpected end of stream"},
	{"not UTF-8", "log: {}\nanswers: {realm: \xff}\n", "2: not UTF-8 text"},
	{"UTF-16", "\xff\xfel\x00", "1: not UTF-8 text"},
	{"control character", "log: {}\nanswers: {realm: \x01}\n", "2: not YAML: control characters are not allowed"},

	// Keys.
	{"unknown section", "lissten: {}\n", "1: lissten: unknown key (did you mean listen?)"},
	{"unknown key, long form meant", "listen:\n  tls:\n    client_ca: x\n", "3: listen.tls.client_ca: unknown key (did you mean client_ca_file?)"},
	{"unknown key, letters swapped", "listen: {gprc: 127.0.0.1:1}\n", "1: listen.gprc: unknown key (did you mean grpc?)"},
	{"key in the wrong section", "redis_url: x\nrealm: x\n", "1: redis_url: unknown key (did you mean redis?)\n2: realm: unknown key (did you mean answers.realm?)"},
	{"unknown and like none", "log: {colour: true}\n", "1: log.colour: unknown key (known here: level, format)"},
	{"name of two keys elsewhere", "prefix: x\n", "1: prefix: unknown key (known here: listen, redis, cache, credentials, jwt, peer, routes, answers, log, identity)"},
	{"key of spaces", "log: {\" \\n\": x}\n", `1: log." \n": unknown key (known here: level, format)`},
	{"case counts", "log: {Level: info}\n", "1: log.Level: unknown key (did you mean level?)"},
	{"twice", "log:\n  level: info\n  format: text\n  level: info\n", "4: log.level: stands there twice, first on line 2"},
	{"section twice", "log: {level: info}\npeer: {}\nlog: {}\n", "3: log: stands there twice, first on line 1"},
	{"list as key", "log: {[a]: b}\n", "1: log: want a name as key, have a list"},
	{"section is text", "log: info\n", `1: log: want keys and values, have "info"`},
	{"section is a list", "log: [level]\n", "1: log: want keys and values, have a list"},
	{"no value", "log:\n  level:\n\n  format: text\n", "2: log.level: has no value: want debug, info, warn or error, or leave the key out"},
	{"null", "log: {level: ~}\n", "1: log.level: has no value: want debug, info, warn or error, or leave the key out"},

	// YAML's machinery.
	{"anchor and alias", "listen:\n  grpc: &a 127.0.0.1:1\n  ops: *a\n", "2: listen.grpc: anchors (&a) are not accepted\n3: listen.ops: aliases (*a) are not accepted: write the value out"},
	{"anchor at the root", "&all\nlog: {}\n", "1: anchors (&all) are not accepted"},
	{"anchor on a section", "log: &l {level: info}\n", "1: log: anchors (&l) are not accepted"},
	{"anchor in a list", "credentials:\n  digests:\n    - &a s1\n", "3: credentials.digests[0]: anchors (&a) are not accepted"},
	{"unknown anchor", "log: {}\npeer: *p\n", "2: not YAML: unknown anchor 'p' referenced"},
	{"merge key", "log:\n  <<: {level: warn}\n", "2: log: merge keys (<<) are not accepted: write the values out"},
	{"tag", "log:\n  level: !!str info\n", "2: log.level: tags (!!str) are not accepted"},
	{"tag of its own", "log: !mine {}\n", "1: log: tags (!mine) are not accepted"},

	// Types.
	{"number for text", "answers: {realm: 42}\n", "1: answers.realm: want 1 to 128 characters of printable ASCII without quote and backslash, have 42: write it in quotes"},
	{"date for text", "redis: {registry_id: 2026-01-31}\n", "1: redis.registry_id: want visible ASCII, at most 128 characters, or empty, have 2026-01-31: write it in quotes"},
	{"list for text", "answers: {realm: [a]}\n", "1: answers.realm: want 1 to 128 characters of printable ASCII without quote and backslash, have a list"},
	{"mapping for text", "answers: {realm: {a: b}}\n", "1: answers.realm: want 1 to 128 characters of printable ASCII without quote and backslash, have keys and values"},
	{"text for truth", "routes: {permit_observe: yes}\n", `1: routes.permit_observe: want true or false, have "yes"`},
	{"other spelling of truth", "routes: {permit_observe: True}\n", "1: routes.permit_observe: want true or false, have True"},
	{"text for a list", "credentials: {digests: s1}\n", `1: credentials.digests: want a list, each item s1 or h1 to h99, have "s1"`},
	{"nothing in a list", "credentials:\n  digests:\n    -\n", "3: credentials.digests[0]: want s1 or h1 to h99, have nothing"},

	// Values that do not fit together.
	{"label's header is a place", "identity:\n  labels: [tier]\ncredentials:\n  accept:\n    - {header: api-token}\n    - {header: X-Client-Label_Tier}\n",
		"6: credentials.accept[1]: x-client-label_tier is an identity header (x-client-label-tier)"},
	{"prefix makes a place an identity header", "identity:\n  prefix: api-\ncredentials: {accept: [{header: api-id}]}\n",
		"3: credentials.accept[0]: api-id is an identity header (api-id)"},
	{"places of the message itself", "credentials:\n  accept:\n    - {header: Connection}\n    - {header: transfer-encoding}\n    - {header: te}\n    - {header: upgrade, scheme: Bearer}\n" +
		"    - {header: content-length}\n    - {header: Content-Type}\n    - {header: x-forwarded-proto}\n    - {header: X-Forwarded-For}\n",
		"3: credentials.accept[0]: connection is not a place for credentials\n" +
			"4: credentials.accept[1]: transfer-encoding is not a place for credentials\n" +
			"5: credentials.accept[2]: te is not a place for credentials\n" +
			"6: credentials.accept[3]: upgrade is not a place for credentials\n" +
			"7: credentials.accept[4]: content-length is not a place for credentials\n" +
			"8: credentials.accept[5]: content-type is not a place for credentials\n" +
			"9: credentials.accept[6]: x-forwarded-proto is not a place for credentials\n" +
			"10: credentials.accept[7]: x-forwarded-for is not a place for credentials"},
	{"default place meets the peer's header", "peer:\n  header: api-token\n", "2: credentials.accept[1]: api-token is peer.header too"},
	{"default address of checks is that of ops", "listen:\n\n  grpc: 127.0.0.1:9002\n", "3: listen.ops: is the address of listen.grpc too"},
	{"certificate without key", "redis:\n  url: rediss://h\n  tls:\n    key_file: k\n", "4: redis.tls.key_file: needs redis.tls.cert_file"},
	{"pepper that is wrong already", "credentials:\n  pepper_files: {h1: 5}\n  digests: [h1]\n", "2: credentials.pepper_files.h1: want a path, have 5: write it in quotes"},
	{"TLS for a URL that is wrong already", "redis: {tls: {ca_file: ca}, url: nowhere}\n",
		"1: redis.url: want a URL like redis://host:6379/0, rediss://host:6379/0 or unix:///path?db=0 (special characters in user name and password as %xx)"},
	{"numbers", "redis: {replicas: 17}\ncache: {max_entries: 0}\n",
		"1: redis.replicas: want a whole number from 0 to 16, have 17\n2: cache.max_entries: want a whole number from 1 to 10000000, have 0"},
	{"numbers in other words", "redis: {replicas: 0x1}\ncache: {max_entries: \"5\"}\n",
		"1: redis.replicas: want a whole number from 0 to 16, have 0x1\n2: cache.max_entries: want a whole number from 1 to 10000000, have \"5\""},
	{"durations", "cache: {ttl: 0s, negative_ttl: 2m, stale_for: 25h}\n",
		"1: cache.ttl: want a duration from 1s to 1d, have \"0s\"\n1: cache.negative_ttl: want a duration from 0s to 1m, have \"2m\"\n" +
			"1: cache.stale_for: want a duration from 1s to 1d, have \"25h\""},

	// Several at once, in the order of the lines.
	{"all at once", "log: {level: loud, format: xml}\nlisten:\n  grpc: nowhere\n  drian: 1s\nredis:\n  url: http://x\nlog: {}\n",
		"1: log.level: want debug, info, warn or error, have \"loud\"\n" +
			"1: log.format: want text or json, have \"xml\"\n" +
			"3: listen.grpc: want host:port or unix:/path, have \"nowhere\"\n" +
			"4: listen.drian: unknown key (did you mean drain?)\n" +
			"6: redis.url: want a URL like redis://host:6379/0, rediss://host:6379/0 or unix:///path?db=0 (special characters in user name and password as %xx)\n" +
			"7: log: stands there twice, first on line 1"},
	{"Windows line ends", "log:\r\n  level: loud\r\n", "2: log.level: want debug, info, warn or error, have \"loud\""},
}

func TestMistakes(t *testing.T) {
	for _, test := range mistakes {
		t.Run(test.name, func(t *testing.T) {
			checkMistake(t, unbuilt, test.text, test.want)
		})
	}
}

// checkMistake parses a text and compares all problems, written without the
// name of the file.
func checkMistake(t *testing.T, unbuilt []string, text, want string) {
	t.Helper()
	c, err := parse("c.yaml", []byte(text), unbuilt)
	if err == nil {
		t.Fatalf("Parse(%q) gave\n%s\nwant error\n%s", text, c.YAML(), want)
	}
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("Parse(%q): error %v is no Problems", text, err)
	}
	if got := strings.ReplaceAll("\n"+err.Error(), "\nc.yaml:", "\n")[1:]; got != want {
		t.Errorf("Parse(%q): error\n%s\nwant\n%s", text, got, want)
	}
}
