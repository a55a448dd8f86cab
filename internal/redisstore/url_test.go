package redisstore

import (
	"errors"
	"strings"
	"testing"

	"credence/internal/credential"
)

func TestParseTarget(t *testing.T) {
	tests := []struct {
		url      string
		want     target
		password string
	}{
		{"redis://127.0.0.1:6379/0", target{network: "tcp", address: "127.0.0.1:6379", host: "127.0.0.1"}, ""},
		{"redis://cache", target{network: "tcp", address: "cache:6379", host: "cache"}, ""},
		{"redis://cache/", target{network: "tcp", address: "cache:6379", host: "cache"}, ""},
		{"redis://cache:7000/15", target{network: "tcp", address: "cache:7000", host: "cache", database: 15}, ""},
		{"redis://[2001:db8::1]:7000", target{network: "tcp", address: "[2001:db8::1]:7000", host: "2001:db8::1"}, ""},
		{"redis://[::1]/2", target{network: "tcp", address: "[::1]:6379", host: "::1", database: 2}, ""},
		{"rediss://cache.example", target{network: "tcp", address: "cache.example:6379", host: "cache.example", tls: true}, ""},
		{"redis://:s%2Fcret@cache", target{network: "tcp", address: "cache:6379", host: "cache"}, "s/cret"},
		{"redis://app:s@cret@cache", target{network: "tcp", address: "cache:6379", host: "cache", username: "app"}, "s@cret"},
		{"unix:///run/redis.sock", target{network: "unix", address: "/run/redis.sock"}, ""},
		{"unix:///run/redis.sock?db=3", target{network: "unix", address: "/run/redis.sock", database: 3}, ""},
		{"unix://app:secret@/run/redis.sock", target{network: "unix", address: "/run/redis.sock", username: "app"}, "secret"},
	}
	for _, test := range tests {
		got, err := parseTarget(credential.NewSecret(test.url))
		if err != nil || got.password.Expose() != test.password {
			t.Errorf("%s: got password %q, error %v, want %q", test.url, got.password.Expose(), err, test.password)
		}
		got.password = credential.Secret{} // compared above
		if got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.url, got, test.want)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	tests := []struct {
		name, url string
		want      error
	}{
		{"nothing", "", errScheme},
		{"no scheme", "127.0.0.1:6379", errURL},
		{"another scheme", "http://cache", errScheme},
		{"scheme in place of a password", "hunter2:cache", errURL},
		{"sentinel", "redis+sentinel://:hunter2@s1:26379,s2:26379/mymaster", errNotBuilt},
		{"cluster", "redis+cluster://:hunter2@c1:7000", errNotBuilt},
		{"several hosts", "redis://:hunter2@h:1,h2:2/0", errOneHost},
		{"several hosts without ports", "redis://h1,h2", errOneHost},
		{"IPv6 without brackets", "redis://::1:6379", errOneHost},
		{"no host", "redis:///0", errURL},
		{"no host but a port", "redis://:6379", errURL},
		{"port too large", "redis://cache:65536", errPort},
		{"port 0", "redis://cache:0", errPort},
		{"password that is not encoded: slash", "redis://:hunter2/x@cache", errURL},
		{"password that is not encoded: hash", "redis://app:hunter2#x@cache", errURL},
		{"password that is not encoded: question mark", "redis://app:1?hunter2@cache", errParameter},
		{"password that is not encoded: number and slash", "redis://app:12/hunter2@cache", errDatabase},
		{"broken escape", "redis://:hunter2%zz@cache", errURL},
		{"control character", "redis://:hunter2\n@cache", errURL},
		{"fragment", "redis://cache/0#hunter2", errURL},
		{"database by name", "redis://cache/hunter2", errDatabase},
		{"database below zero", "redis://cache/-1", errDatabase},
		{"two databases", "redis://cache/0/1", errDatabase},
		{"database with a sign", "redis://cache/+1", errDatabase},
		{"a parameter of go-redis", "redis://cache?pool_size=5", errParameter},
		{"a parameter that weakens", "rediss://cache?skip_verify=true", errParameter},
		{"an empty query", "redis://cache?", errParameter},
		{"db beside the path", "redis://cache/1?db=2", errParameter},
		{"socket without a path", "unix://", errNoPath},
		{"socket with two slashes", "unix://run/redis.sock", errSocketHost},
		{"socket with an unknown parameter", "unix:///run/redis.sock?password=hunter2", errParameter},
		{"socket with two databases", "unix:///run/redis.sock?db=1&db=2", errParameter},
		{"socket with an empty database", "unix:///run/redis.sock?db=", errDatabase},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Open(Options{URL: credential.NewSecret(test.url), Prefix: "{credence}:"})
			if !errors.Is(err, test.want) {
				t.Errorf("%q: got error %v, want %v", test.url, err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q: the error tells the password: %v", test.url, err)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	password := func() (credential.Secret, error) { return credential.NewSecret("hunter2"), nil }
	tests := []struct {
		name    string
		options Options
		want    string
	}{
		{"no prefix", Options{Prefix: ""}, "hash tag"},
		{"a prefix without hash tag", Options{Prefix: "credence:"}, "hash tag"},
		{"an empty hash tag", Options{Prefix: "{}:"}, "hash tag"},
		{"two hash tags", Options{Prefix: "{a}{b}:"}, "hash tag"},
		{"a hash tag the wrong way round", Options{Prefix: "}a{:"}, "hash tag"},
		{"a prefix with a space", Options{Prefix: "{cre dence}:"}, "visible ASCII"},
		{"two passwords", Options{URL: credential.NewSecret("redis://:hunter2@cache"), Password: password}, "another is configured"},
		{"two users", Options{URL: credential.NewSecret("redis://one:hunter2@cache"), Username: "two"}, "keep one"},
		{"a user without a password", Options{Username: "app"}, "has no password"},
		{"TLS files without TLS", Options{TLS: TLSFiles{CA: "ca.pem"}}, "rediss://"},
		{"a certificate without its key", Options{URL: credential.NewSecret("rediss://cache"), TLS: TLSFiles{Cert: "cert.pem"}}, "certificate and its key"},
		{"authorities that are not there", Options{URL: credential.NewSecret("rediss://cache"), TLS: TLSFiles{CA: "no-such.pem"}}, "no-such.pem"},
		{"authorities that are none", Options{URL: credential.NewSecret("rediss://cache"), TLS: TLSFiles{CA: "url.go"}}, "no certificate in PEM"},
		{"a certificate that is none", Options{URL: credential.NewSecret("rediss://cache"), TLS: TLSFiles{Cert: "url.go", Key: "url.go"}}, "url.go"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			options := test.options
			if options.URL.Empty() {
				options.URL = credential.NewSecret("redis://cache")
			}
			if options.Prefix == "" && test.name != "no prefix" {
				options.Prefix = "{credence}:"
			}
			_, err := Open(options)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Open: got error %v, want one with %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}
