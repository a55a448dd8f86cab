package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"credence/internal/credential"

	"github.com/google/go-cmp/cmp"
)

func TestOverride(t *testing.T) {
	type environment = map[string]string
	for _, test := range []struct {
		name string
		file string
		env  environment
		flag string
		want Redis // URL, Username, Password and PasswordFile only
		err  string
	}{
		{name: "nothing", want: Redis{URL: "redis://127.0.0.1:6379/0"}},
		{name: "empty variables", env: environment{EnvRedisURL: "", EnvRedisPassword: "\n"}, want: Redis{URL: "redis://127.0.0.1:6379/0"}},
		{name: "variable over file", file: "redis: {url: redis://a, username: u, password_file: f}", env: environment{EnvRedisURL: "redis://b:1/2"},
			want: Redis{URL: "redis://b:1/2", Username: "u", PasswordFile: "f"}},
		{name: "flag over variable", file: "redis: {url: redis://a}", env: environment{EnvRedisURL: "redis://b"}, flag: "redis://c",
			want: Redis{URL: "redis://c"}},
		{name: "user and password of the variable", file: "redis: {username: u, password_file: f}", env: environment{EnvRedisURL: "rediss://v:open%2Fsesame@b"},
			want: Redis{URL: "rediss://b", Username: "v", Password: credential.NewSecret("open/sesame")}},
		{name: "password of the variable only", file: "redis: {username: u, password_file: f}", env: environment{EnvRedisURL: "redis://:open@b"},
			want: Redis{URL: "redis://b", Username: "u", Password: credential.NewSecret("open")}},
		{name: "user of the variable only", file: "redis: {username: u, password_file: f}", env: environment{EnvRedisURL: "redis://v@b"},
			want: Redis{URL: "redis://b", Username: "v", PasswordFile: "f"}},
		{name: "password of the variable does not go to the flag's server", env: environment{EnvRedisURL: "redis://v:open@b"}, flag: "redis://c",
			want: Redis{URL: "redis://c"}},
		{name: "password over file", file: "redis: {password_file: f}", env: environment{EnvRedisPassword: " open \r\n"},
			want: Redis{URL: "redis://127.0.0.1:6379/0", Password: credential.NewSecret(" open ")}},
		{name: "password beside a flag", env: environment{EnvRedisURL: "redis://:other@b", EnvRedisPassword: "open"}, flag: "redis://v@c",
			want: Redis{URL: "redis://c", Username: "v", Password: credential.NewSecret("open")}},
		{name: "socket", env: environment{EnvRedisURL: "unix://:open@/run/redis.sock?db=1"},
			want: Redis{URL: "unix:///run/redis.sock?db=1", Password: credential.NewSecret("open")}},

		{name: "two passwords", env: environment{EnvRedisURL: "redis://:open-a@b", EnvRedisPassword: "open-b"},
			err: "config: CREDENCE_REDIS_PASSWORD: CREDENCE_REDIS_URL holds a password too: want one of them"},
		{name: "password in the flag", flag: "redis://u:open-sesame@b",
			err: "config: --redis: a password must not be an argument, which other users can see: use redis.password_file or CREDENCE_REDIS_PASSWORD"},
		{name: "bad variable", env: environment{EnvRedisURL: "redis://u:open-#sesame@b"}, err: "config: CREDENCE_REDIS_URL: " + wantURL},
		{name: "bad flag", flag: "http://b", err: "config: --redis: " + wantURL},
		{name: "not built", env: environment{EnvRedisURL: "redis+sentinel://u:open@b"}, err: "config: CREDENCE_REDIS_URL: redis+sentinel:// is not supported yet"},
		{name: "TLS files and a plain server", file: "redis: {url: rediss://a, tls: {ca_file: ca}}", flag: "redis://b",
			err: "config: redis.tls.ca_file: is for rediss:// only, and redis.url is redis://b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := Parse("c.yaml", []byte(test.file))
			if err != nil {
				t.Fatal(err)
			}
			before := c
			err = c.Override(func(name string) string { return test.env[name] }, test.flag)
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("Override: error %v\nwant %s", err, test.err)
				}
				if diff := cmp.Diff(before, c, compare); diff != "" {
					t.Errorf("Override failed and changed (-before +after):\n%s", diff)
				}
				return
			}
			if err != nil {
				t.Fatalf("Override: %v", err)
			}
			got := Redis{URL: c.Redis.URL, Username: c.Redis.Username, Password: c.Redis.Password, PasswordFile: c.Redis.PasswordFile}
			if diff := cmp.Diff(test.want, got, compare); diff != "" {
				t.Errorf("Override (-want +got):\n%s", diff)
			}
			c.Redis = before.Redis
			if diff := cmp.Diff(before, c, compare); diff != "" {
				t.Errorf("Override changed other sections (-before +after):\n%s", diff)
			}
		})
	}
}

// TestPasswordIsNotPrinted prints a configuration in every way there is.
func TestPasswordIsNotPrinted(t *testing.T) {
	const password = "open-sesame"
	c := Default()
	if err := c.Override(func(name string) string {
		return map[string]string{EnvRedisURL: "redis://u:" + password + "@h:6379/0"}[name]
	}, ""); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
		fmt.Fprintf(&out, verb+"\n", c)
		fmt.Fprintf(&out, verb+"\n", &c.Redis)
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("configured", "config", c, "redis", c.Redis, "password", c.Redis.Password)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&out, string(text), c.YAML())
	for _, leak := range []string{password, fmt.Sprintf("%x", password), fmt.Sprintf("%X", password), fmt.Sprintf("%d", []byte(password))} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q is printed in:\n%s", leak, out.String())
		}
	}
	if got := c.Redis.Password.Expose(); got != password {
		t.Errorf("Redis.Password = %q, want %q", got, password)
	}
}

// TestPasswordIsNotRepeated puts a password into a URL in ways that are wrong,
// and looks for it in what is told.
func TestPasswordIsNotRepeated(t *testing.T) {
	for _, url := range []string{
		"redis://u:open-sesame@h:6379/0", "redis://u:open-sesame/x@h", "redis://u:open-sesame#x@h", "redis://u:open-sesame?x@h",
		"redis://u:open-sesame%zz@h", "redis://open-sesame", "redis://h/open-sesame", "redis://h?password=open-sesame", "open-sesame://h",
		"redis:open-sesame", "open-sesame@h:6379", "redis://u:open-sesame@h:port", "redis+cluster://u:open-sesame@h", "://open-sesame",
	} {
		_, err := Parse("c.yaml", []byte("redis:\n  url: \""+url+"\"\n"))
		c := Default()
		flagErr := c.Override(func(string) string { return "" }, url)
		if url == "redis://open-sesame" { // a host
			continue
		}
		for _, err := range []error{err, flagErr} {
			if err == nil || strings.Contains(err.Error(), "open-sesame") {
				t.Errorf("%q: error %v, want one that does not repeat it", url, err)
			}
		}
	}
}
