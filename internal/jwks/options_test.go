package jwks

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"credence/internal/jwt"
)

// TestRefused tries Options that are no good: the error says which issuer's, and
// nothing secret.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	at := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	good := at("good.json", jwks(jwkED("a")))
	const i = issuerName
	for _, test := range []struct {
		name    string
		options Options
		want    string
	}{
		{"no issuer", Options{URL: issuerURL}, "has no name"},
		{"no place", Options{Issuer: i}, "want either a URL or a file of a JWKS"},
		{"two places", Options{Issuer: i, URL: issuerURL, File: good}, "want either a URL or a file of a JWKS"},
		{"no URL", Options{Issuer: i, URL: "s3cret\n"}, "want https://host/path, without user name, password and fragment"},
		{"no host", Options{Issuer: i, URL: "https:///s3cret"}, "want https://host/path"},
		{"password", Options{Issuer: i, URL: "https://u:s3cret@i.example/"}, "want https://host/path"},
		{"fragment", Options{Issuer: i, URL: "https://i.example/#s3cret"}, "want https://host/path"},
		{"plain http", Options{Issuer: i, URL: "http://i.example/s3cret"}, "plain http is for loopback only"},
		{"plain http, a name like it", Options{Issuer: i, URL: "http://localhost.i.example/"}, "plain http is for loopback only"},
		{"another scheme", Options{Issuer: i, URL: "file://localhost/s3cret"}, "want https"},
		{"authorities for a file", Options{Issuer: i, File: good, CAFile: good}, "authorities are for an https URL"},
		{"authorities for plain http", Options{Issuer: i, URL: "http://127.0.0.1/", CAFile: good}, "authorities are for an https URL"},
		{"no authorities", Options{Issuer: i, URL: issuerURL, CAFile: dir + "/none"}, "authorities: open " + dir + "/none: no such file"},
		{"authorities of another kind", Options{Issuer: i, URL: issuerURL, CAFile: good}, "authorities: " + good + ": no certificate in PEM"},
		{"no file", Options{Issuer: i, File: dir + "/none"}, dir + "/none: no such file"},
		{"directory", Options{Issuer: i, File: dir}, "is no regular file"},
		{"pipe", Options{Issuer: i, File: pipe}, "is no regular file"},
		{"file of HTML", Options{Issuer: i, File: at("html", "<html>s3cret")}, "JWKS: is no JSON object"},
		{"file without keys", Options{Issuer: i, File: at("empty", jwks())}, "has no key that can be used, and 0 that cannot"},
		{"file of other algorithms", Options{Issuer: i, File: good, Algorithms: jwt.AlgorithmSet(jwt.ES256)}, "has no key that can be used, and 1 that cannot"},
	} {
		test.options.Logger = (&log{}).logger()
		_, err := New(Options{Issuer: "https://good.example", File: good, Logger: test.options.Logger}, test.options)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: error %v, want one with %q and without secrets", test.name, err, test.want)
		}
		if prefix := "jwks: issuer " + shownURL(test.options.Issuer) + ": "; err != nil && !strings.HasPrefix(err.Error(), prefix) {
			t.Errorf("%s: error %v, want it to begin with %q", test.name, err, prefix)
		}
	}
	twice := Options{Issuer: i, File: good, Logger: (&log{}).logger()}
	if _, err := New(twice, twice); err == nil || !strings.Contains(err.Error(), "configured twice") {
		t.Errorf("the same issuer twice: error %v", err)
	}
}

// TestRefusedFileTells has the log say why no key of a file can be used.
func TestRefusedFileTells(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(path, []byte(jwks(`{"kty":"oct","kid":"s","k":"AAAA"}`)), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &log{}
	if _, err := New(Options{Issuer: issuerName, File: path, Logger: log.logger()}); err == nil {
		t.Error("no error")
	}
	lines := log.take(t, "causes")
	if len(lines) != 1 || !strings.Contains(lines[0], `key "s": JWK: is a symmetric key`) {
		t.Errorf("log %q, want why key s is not used", lines)
	}
}

func TestShownURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://i.example/keys":                 "https://i.example/keys",
		"https://u:p@i.example:1/a%2Fb?key=s#f":  "https://i.example:1/a%2Fb",
		"https://[::1]:8080/":                    "https://[::1]:8080/",
		"https://i.example/\x00":                 "a URL that cannot be read",
		"mailto:s3cret@i.example":                "mailto:",
		"https://i.example/a\u2028b?x=\u2028\"'": "https://i.example/a%E2%80%A8b",
	} {
		if got := shownURL(text); got != want {
			t.Errorf("shownURL(%q): %q, want %q", text, got, want)
		}
	}
}
