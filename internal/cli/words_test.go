package cli

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"credence/internal/credential"
)

func TestTimesAsTablesHaveRoomFor(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		away time.Duration
		want string
	}{
		{0, "0s ago"},
		{-90 * time.Second, "90s ago"},
		{-2 * time.Minute, "2m ago"},
		{-119*time.Minute - 59*time.Second, "119m ago"},
		{-47 * time.Hour, "47h ago"},
		{-3*day - 23*time.Hour, "3d ago"},
		{-800 * day, "2y ago"},
		{time.Second, "in 1s"},
		{90*day - time.Second, "in 90d"},
		{90 * day, "in 90d"},
		{time.Hour - time.Second, "in 60m"},
		{10 * year, "in 10y"},
		{-150 * year, "150y ago"},
	}
	for _, test := range tests {
		if got := distance(now.Add(test.away), now); got != test.want {
			t.Errorf("%v away: got %q, want %q", test.away, got, test.want)
		}
	}
	for text, want := range map[string]string{"9999-12-31T23:59:59Z": "in 7973y", "0001-01-01T00:00:00Z": "2025y ago", "2300-01-01T00:00:00Z": "in 274y"} {
		at, err := time.Parse(time.RFC3339, text)
		if got := distance(at, now); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", text, got, err, want)
		}
	}
	if got := age(now.Add(time.Minute), now); got != "0s" {
		t.Errorf("the age of what another clock made in our future: got %q, want 0s", got)
	}
}

func TestShellWordsComeBack(t *testing.T) {
	for _, word := range []string{"acme", "", "two words", "it's", `"quoted"`, "$HOME", "a;b", "`id`", "back\\slash", "new\nline", "*", "~", "-x", "ü"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+shellWord(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q as %s: the shell gives %q, %v", word, shellWord(word), out, err)
		}
	}
}

func TestWordsForRedisCLI(t *testing.T) {
	for word, want := range map[string]string{
		"acme": "acme", "": `""`, "two words": `"two words"`, `say "hi"`: `"say \"hi\""`, `back\slash`: `"back\\slash"`,
		"new\nline": `"new\x0aline"`, "it's": `"it's"`, "ü": `"ü"`, "{credence}:x": "{credence}:x",
	} {
		if got := redisWord(word); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
}

func TestTokensDoNotPassThroughMessages(t *testing.T) {
	token := credential.NewToken("0123456789").Expose()
	for text, want := range map[string]string{
		"id " + token + " is no id":   "id crd_0123456789_[redacted] is no id",
		token[:40]:                    "crd_0123456789_[redacted]",
		"crd_0123456789":              "crd_0123456789",
		"client/acme: exists already": "client/acme: exists already",
	} {
		if got := redact(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, args := range [][]string{{"token", "revoke", token}, {"--label=" + token}, {"client", "get", "x" + token},
		{"--reason", "leaked: " + token + "0"}, {"--reason=" + token[:31]},
	} {
		if err := refuseSecrets(args); statusOf(err) != statusUsage || strings.Contains(err.Error(), token[15:31]) {
			t.Errorf("a token among the arguments: got %v", err)
		}
	}
	if err := refuseSecrets([]string{"token", "revoke", "0123456789", "--reason", "crd_0123456789", "crd_0123456789_short"}); err != nil {
		t.Errorf("the id of a token: got %v", err)
	}
}

func TestPrivateKeysDoNotPassThroughMessages(t *testing.T) {
	const body = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg"
	const d = "cHJpdmF0ZS1tZW1iZXItb2YtYS10ZXN0LW9ubHktMDE"
	jwk := `{"kty":"EC","d":"` + d + `","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}`
	keys := []string{jwk, strings.ReplaceAll(jwk, ":", ": "), strings.ReplaceAll(jwk, `"d"`, `"k"`)}
	for _, kind := range []string{"", "EC ", "RSA ", "ENCRYPTED ", "OPENSSH "} {
		head := "-----BEGIN " + kind + "PRIVATE KEY-----\n" + body + "\n"
		keys = append(keys, head, head+"-----END "+kind+"PRIVATE KEY-----\n")
	}
	for _, key := range keys {
		for _, text := range []string{key, "open " + key + ": no such file", strings.Join(strings.Fields(key), " "), strconv.Quote(key)} {
			if got := redact(text); !strings.Contains(got, "[redacted") || strings.Contains(got, body) || strings.Contains(got, d) {
				t.Errorf("%q: got %q", text, got)
			}
		}
		for _, args := range [][]string{{"key", "add", key}, {"jwt", "sign", "--from-file=" + key}, append([]string{"jwt", "sign", "--from-file"}, strings.Fields(key)...)} {
			if err := refuseSecrets(args); statusOf(err) != statusUsage || strings.Contains(err.Error(), body) || strings.Contains(err.Error(), d) {
				t.Errorf("a private key among the arguments %q: got %v", args, err)
			}
		}
	}
	public := "-----BEGIN PUBLIC KEY-----\n" + body + "\n-----END PUBLIC KEY-----\n"
	for _, text := range []string{public, `{"kty":"EC","x":"` + d + `","y":"` + d + `"}`, "no PRIVATE KEY here", `x={"d":"short"}`} {
		if got := redact(text); got != text || refuseSecrets([]string{text}) != nil {
			t.Errorf("%q is no private key: got %q, %v", text, got, refuseSecrets([]string{text}))
		}
	}
}

func TestTextActsOnNoTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"Acme & Söhne 会社": "Acme & Söhne 会社",
		"a\x1b[2Jb":       `a\u001b[2Jb`,
		"a\rb\x00":        `a\u000db\u0000`,
		"\u202egnp.exe":   `\u202egnp.exe`,
		"bad\xffutf8":     `bad\ufffdutf8`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestAddressHasNothingSecret(t *testing.T) {
	for url, want := range map[string]string{
		"redis://127.0.0.1:6379/0":    "127.0.0.1:6379",
		"redis://redis.internal":      "redis.internal:6379",
		"rediss://[::1]:6380/2":       "[::1]:6380/2",
		"unix:///run/redis.sock?db=1": "/run/redis.sock",
	} {
		if got := address(url); got != want {
			t.Errorf("%s: got %q, want %q", url, got, want)
		}
	}
}
