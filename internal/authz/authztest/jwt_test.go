package authztest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"credence/internal/credential"
	"credence/internal/jwt"
)

// jwtFor makes the JWT of a section.
func jwtFor(t testing.TB, section string) string {
	t.Helper()
	text, err := words{jwts: map[string]string{"": section}}.jwt("", noon)
	if err != nil {
		t.Fatalf("%s: %v", section, err)
	}
	return text
}

// contents gives the decoded parts of a JWT, by their number.
func contents(t testing.TB, text string, part int) string {
	t.Helper()
	decoded, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[part])
	if err != nil {
		t.Fatalf("part %d of %s: %v", part, text, err)
	}
	return string(decoded)
}

const goodClaims = `{"iss":"acme","aud":"https://api.example.com","iat":1772366400,"exp":1772366700}`

// TestJWTLines holds each line to what it changes.
func TestJWTLines(t *testing.T) {
	const goodHeader = `{"alg":"ES256","typ":"JWT","kid":"k1"}`
	for section, want := range map[string][2]string{
		"":                           {goodHeader, goodClaims},
		"key k2":                     {`{"alg":"ES256","typ":"JWT","kid":"k2"}`, goodClaims},
		"key k2 RS512":               {`{"alg":"RS512","typ":"JWT","kid":"k2"}`, goodClaims},
		"signed by k2 RS512":         {goodHeader, goodClaims},
		"header alg \"none\"":        {`{"alg":"none","typ":"JWT","kid":"k1"}`, goodClaims},
		"header crit [\"exp\"]":      {`{"alg":"ES256","typ":"JWT","kid":"k1","crit":["exp"]}`, goodClaims},
		"without header kid":         {`{"alg":"ES256","typ":"JWT"}`, goodClaims},
		"also header alg 1":          {`{"alg":"ES256","typ":"JWT","kid":"k1","alg":1}`, goodClaims},
		"raw header [1]":             {`[1]`, goodClaims},
		"raw claims":                 {goodHeader, ""},
		"claim iat {unix now-1h}.5":  {goodHeader, strings.Replace(goodClaims, "1772366400", "1772362800.5", 1)},
		`claim cnf {"a": {}}`:        {goodHeader, strings.TrimSuffix(goodClaims, "}") + `,"cnf":{"a": {}}}`},
		"without claim iat":          {goodHeader, strings.Replace(goodClaims, `"iat":1772366400,`, "", 1)},
		`also claim \u0065xp 1`:      {goodHeader, strings.TrimSuffix(goodClaims, "}") + `,"\u0065xp":1}`},
		"signature none\nparts 3":    {goodHeader, goodClaims},
		"signature flipped\nparts 5": {goodHeader, goodClaims},
	} {
		text := jwtFor(t, section)
		if header, claims := contents(t, text, 0), contents(t, text, 1); header != want[0] || claims != want[1] {
			t.Errorf("%s:\n%s %s, want\n%s %s", section, header, claims, want[0], want[1])
		}
	}
}

// TestJWTSignatures verifies what is signed here by those who judge it: all that
// is not spoilt is good, and what is spoilt is not.
func TestJWTSignatures(t *testing.T) {
	for alg := range algorithms {
		verify := func(section, key string) jwt.Fault {
			text, err := jwkOf(key)
			if err != nil {
				t.Fatal(err)
			}
			public, err := jwt.ParseJWK([]byte(text), jwt.AnyAlgorithm)
			if err != nil {
				t.Fatal(err)
			}
			peeked, problem := jwt.Peek(credential.NewSecret(jwtFor(t, section)))
			if problem.Fault != jwt.None {
				return problem.Fault
			}
			return jwt.Verify(peeked, public).Fault
		}
		for name, test := range map[string]struct {
			section, key string
			want         jwt.Fault
		}{
			"good":         {"key k1 " + alg, "k1 " + alg, jwt.None},
			"another key":  {"key k1 " + alg, "k2 " + alg, jwt.BadSignature},
			"by another":   {"key k1 " + alg + "\nsigned by k2 " + alg, "k1 " + alg, jwt.BadSignature},
			"flipped":      {"key k1 " + alg + "\nsignature flipped", "k1 " + alg, jwt.BadSignature},
			"none":         {"key k1 " + alg + "\nsignature none", "k1 " + alg, jwt.BadSignature},
			"with padding": {"key k1 " + alg + "\nappend signature =", "k1 " + alg, jwt.Malformed},
		} {
			if got := verify(test.section, test.key); got != test.want {
				t.Errorf("%s, %s: got %v, want %v", alg, name, got, test.want)
			}
		}
	}
}

// TestForgedIsSignedByNobody holds a forged case to the same JWT with another
// signature.
func TestForgedIsSignedByNobody(t *testing.T) {
	c := Case{words: words{jwts: map[string]string{"": "key k1"}}, request: "GET /\napi-token: {jwt}"}
	good, forged := c.Request(noon).Headers[0].Value, c.Forged().Request(noon).Headers[0].Value
	text, err := jwkOf("k1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwt.ParseJWK([]byte(text), jwt.AnyAlgorithm)
	if err != nil {
		t.Fatal(err)
	}
	for presented, want := range map[string]jwt.Fault{good: jwt.None, forged: jwt.BadSignature} {
		peeked, problem := jwt.Peek(credential.NewSecret(presented))
		if fault := jwt.Verify(peeked, key).Fault; problem.Fault != jwt.None || fault != want || contents(t, presented, 1) != goodClaims {
			t.Errorf("got %v and %v, want %v", problem.Fault, fault, want)
		}
	}
}

// TestJWTLengths tries lengths that base64 has, and each after the other.
func TestJWTLengths(t *testing.T) {
	for _, length := range []int{500, 501, 502, 503, 8191, 8192, 8193} {
		text := jwtFor(t, fmt.Sprintf("length %d", length))
		if len(text) != length {
			t.Errorf("%d: has %d characters", length, len(text))
		}
		if _, problem := jwt.Peek(credential.NewSecret(text)); (problem.Fault != jwt.None) != (length > 8192) {
			t.Errorf("%d: is %v", length, problem)
		}
	}
}

// TestJWTLinesRefused tries mistakes that would have a JWT be another than it
// seems.
func TestJWTLinesRefused(t *testing.T) {
	for _, section := range []string{
		"keys k1", "key k1 HS256", "signed by k1 none", "without claim nbf", "without header crit", "without nothing kid",
		"also signature kid 1", "raw signature x", "append tail x", "loosen claims", "signature other", "parts x", "parts 0", "parts 6",
		"length x", "length 10", "claim exp {unix x}", "claim exp {now+}",
	} {
		if text, err := (words{jwts: map[string]string{"": section}}).jwt("", noon); err == nil {
			t.Errorf("%s: accepted as %s", section, text)
		}
	}
}

// TestJWKs holds the forms of a JWK to what they say.
func TestJWKs(t *testing.T) {
	for rest, want := range map[string]bool{
		"k1": true, "k1 RS256": true, "k1 EdDSA": true, "k1 ES512 alg=": true,
		"k1 RS256 n=short": false, "k1 ES256 d=AAAA": false, "k1 ES256 use=enc": false, "k1 ES256 alg=ES384": false,
	} {
		text, err := jwkOf(rest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jwt.ParseJWK([]byte(text), jwt.AnyAlgorithm); (err == nil) != want {
			t.Errorf("%s: %s: %v", rest, text, err)
		}
	}
	for _, rest := range []string{"", "k1 ES999", "k1 ES256 alg", "k1 ES256 x=short y=short n=short"} {
		if text, err := jwkOf(rest); err == nil {
			t.Errorf("%s: accepted as %s", rest, text)
		}
	}
}
