package authztest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"credence/internal/registry"
)

// The peppers of the cases by the names of their files. What is derived here is
// derived anew, and not with internal/credential: that is what the cases judge.
type peppers struct {
	dir    string
	byName map[string]string
}

func readPeppers(t testing.TB, dir string) peppers {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatalf("authztest: %v", err)
	}
	held := peppers{dir: dir, byName: make(map[string]string)}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			t.Fatalf("authztest: %v", err)
		}
		held.byName[file.Name()] = strings.TrimSpace(string(text))
	}
	return held
}

// words are what the words in braces are made of.
type words struct {
	peppers
	jwts    map[string]string // sections jwt by name
	jwks    map[string]string // paths of files, by the names of their sections
	forgers bool              // no JWT is signed by whom it should be
}

var (
	anyMacro   = regexp.MustCompile(`\{([^{}"]+)\}`) // with a quote it is JSON
	knownMacro = regexp.MustCompile(`\{((?:pepper|id|check|jwks) [^{}]*)\}`)

	pepperedKind = regexp.MustCompile(`^h[0-9]+$`)
)

// expand replaces each {macro}. Braces that hold none are a mistake.
func (w words) expand(text string, now time.Time) (string, error) {
	var failed error
	expanded := anyMacro.ReplaceAllStringFunc(text, func(braced string) string {
		value, err := w.macro(strings.Trim(braced, "{}"), now)
		if err != nil && failed == nil {
			failed = fmt.Errorf("%s: %w", braced, err)
		}
		return value
	})
	return expanded, failed
}

// expandKnown is expand for YAML, where braces have a meaning of their own.
func (w words) expandKnown(text string) string {
	return knownMacro.ReplaceAllStringFunc(text, func(braced string) string {
		value, err := w.macro(strings.Trim(braced, "{}"), time.Time{})
		if err != nil {
			return braced
		}
		return value
	})
}

func (w words) macro(text string, now time.Time) (string, error) {
	word, rest, _ := strings.Cut(text, " ")
	switch {
	case strings.HasPrefix(word, "now"):
		return relative(strings.TrimPrefix(word, "now"), now)
	case word == "id":
		return idOf(rest), nil
	case word == "digest":
		return w.digest(rest)
	case word == "check":
		return w.check(rest)
	case word == "pepper":
		return filepath.Join(w.dir, rest), nil
	case word == "tab":
		return "\t", nil
	case word == "space":
		return " ", nil
	case word == "cr":
		return "\r", nil
	case word == "lf":
		return "\n", nil
	case word == "jwt":
		return w.jwt(rest, now)
	}
	if value, known, err := w.ofJWTs(word, rest, now); known {
		return value, err
	}
	return presented(word, rest)
}

// ofJWTs gives what records and claims of JWTs hold.
func (w words) ofJWTs(word, rest string, now time.Time) (value string, known bool, err error) {
	switch word {
	case "unix":
		value, err = unixOf(rest, now)
	case "jwk":
		value, err = jwkOf(rest)
	case "jwks":
		path, there := w.jwks[rest]
		if !there {
			err = fmt.Errorf("no section jwks %s", rest)
		}
		value = path
	case "jti", "binding":
		issuer, name, _ := strings.Cut(rest, " ")
		value = sumOf(issuer + "\n" + name)
	case "x5t":
		value = thumbprintOf(certificateOf(rest))
	default:
		return "", false, nil
	}
	return value, true, err
}

// presented gives what a caller may present.
func presented(word, rest string) (string, error) {
	switch word {
	case "token":
		return tokenOf(rest), nil
	case "typo":
		return typoIn(tokenOf(rest)), nil
	case "encoded":
		return percentEncoded(tokenOf(rest)), nil
	case "encoded-twice":
		return strings.ReplaceAll(percentEncoded(tokenOf(rest)), "%", "%25"), nil
	case "foreign":
		return "legacy-" + sumOf("foreign " + rest)[:40], nil
	case "text":
		return rest, nil
	case "long":
		n, err := strconv.Atoi(rest)
		if err != nil || n < 1 {
			return "", fmt.Errorf("want a length")
		}
		return strings.Repeat("x", n), nil
	}
	return "", fmt.Errorf("no macro of that name")
}

// relative gives now, or a time before or after it.
func relative(offset string, now time.Time) (string, error) {
	if offset == "" {
		return registry.FormatTime(now), nil
	}
	d, err := registry.ParseDuration(offset[1:])
	switch {
	case err != nil:
		return "", err
	case offset[0] == '-':
		return registry.FormatTime(now.Add(-d)), nil
	case offset[0] == '+':
		return registry.FormatTime(now.Add(d)), nil
	}
	return "", fmt.Errorf("want now, now-1h or now+1h")
}

const (
	base36 = "0123456789abcdefghijklmnopqrstuvwxyz"
	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// tokenOf makes the token of a name: crd_<id>_<secret><check>.
func tokenOf(name string) string {
	body := "crd_" + idOf(name) + "_" + letters(base62, "secret "+name, 32)
	check := make([]byte, 6)
	for i, sum := len(check)-1, crc32.ChecksumIEEE([]byte(body)); i >= 0; i-- {
		check[i] = base62[sum%62]
		sum /= 62
	}
	return body + string(check)
}

func idOf(name string) string { return letters(base36, "id "+name, 10) }

// letters derives n letters from a seed, 32 at most.
func letters(alphabet, seed string, n int) string {
	sum := sha256.Sum256([]byte(seed))
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(text)
}

// typoIn changes one letter in the middle of the secret.
func typoIn(token string) string {
	const at = 30
	changed := byte('a')
	if token[at] == changed {
		changed = 'b'
	}
	return token[:at] + string(changed) + token[at+1:]
}

func percentEncoded(text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, "%%%02X", text[i])
	}
	return b.String()
}

// digest gives the digest of what a macro gives, of a token where only a name
// is given: {digest acme}, {digest h1 acme}, {digest h1 foreign portal}.
func (p peppers) digest(rest string) (string, error) {
	kind := "s1"
	if first, after, found := strings.Cut(rest, " "); found && pepperedKind.MatchString(first) {
		kind, rest = first, after
	}
	word, argument, found := strings.Cut(rest, " ")
	if !found {
		word, argument = "token", word
	}
	text, err := presented(word, argument)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(text))
	if kind == "s1" {
		return "s1:" + hex.EncodeToString(sum[:]), nil
	}
	keyed, err := p.mac(kind, sum[:])
	return kind + ":" + hex.EncodeToString(keyed), err
}

func (p peppers) check(kind string) (string, error) {
	sum, err := p.mac(kind, []byte("credence pepper check"))
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(sum)[:16], nil
}

func (p peppers) mac(name string, message []byte) ([]byte, error) {
	pepper, found := p.byName[name]
	if !found {
		return nil, fmt.Errorf("no pepper of that name")
	}
	mac := hmac.New(sha256.New, []byte(pepper))
	mac.Write(message)
	return mac.Sum(nil), nil
}

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
