package credential

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var testPlaces = NewPlaces([]Place{
	{Header: "authorization", Scheme: "Bearer"}, {Header: "api-token"},
	{Header: "authorization", Scheme: "Token"}, {Query: "api_key"}, {Query: "clé"},
})

const (
	foreign = "legacy-key-0123456789"
	jwt     = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJhY21lIn0.c2ln"
)

// headersOf makes header lines of text: one name: value a line.
func headersOf(text string) Headers {
	var headers Headers
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, found := strings.Cut(line, ":"); found {
			headers = append(headers, Header{name, strings.TrimPrefix(value, " ")})
		}
	}
	return headers
}

// What of a Presented can be compared and printed.
type presented struct {
	Kind          Kind
	Text, ID      string
	Header, Query string
}

func seenOf(p Presented) presented {
	return presented{p.Kind, p.Value.Expose(), string(p.ID), p.Header, p.Query}
}

func TestFind(t *testing.T) {
	ours := func(header string) presented { return presented{Token, vector, "0123456789", header, ""} }
	kindOnly := func(kind Kind) presented { return presented{Kind: kind} }
	mistyped := vector[:30] + "-" + vector[31:]
	for name, test := range map[string]struct {
		headers string
		target  string
		want    presented
		problem Problem
	}{
		"nothing":                        {"", "/", presented{}, Missing},
		"no target either":               {"", "", presented{}, Missing},
		"bearer":                         {"authorization: Bearer " + vector, "/", ours("authorization"), None},
		"second scheme, any case":        {"authorization: tOKEN " + vector, "/", ours("authorization"), None},
		"bare header":                    {"api-token: " + vector, "/", ours("api-token"), None},
		"foreign token":                  {"api-token: " + foreign, "/", presented{Token, foreign, "", "api-token", ""}, None},
		"jwt":                            {"authorization: Bearer " + jwt, "/", presented{JWT, jwt, "", "authorization", ""}, None},
		"query":                          {"", "/?a=1&api_key=" + foreign + "&b", presented{Token, foreign, "", "", "api_key"}, None},
		"query, spelt otherwise":         {"", "/?%61pi_key=" + foreign, presented{Token, foreign, "", "", "%61pi_key"}, None},
		"query, name not ASCII":          {"", "/?cl%C3%A9=" + foreign, presented{Token, foreign, "", "", "cl%C3%A9"}, None},
		"query, name decoded twice":      {"", "/?%2561pi_key=" + foreign, presented{}, Missing},
		"query, value with equals signs": {"", "/?api_key=" + foreign + "==", presented{Token, foreign + "==", "", "", "api_key"}, None},
		"query, value decoded once":      {"", "/?api_key=" + foreign + "%2541", presented{Token, foreign + "%41", "", "", "api_key"}, None},
		"query, second question mark":    {"", "/?x?api_key=" + foreign, presented{}, Missing},
		"query, semicolons join nothing": {"", "/?x;api_key=" + foreign, presented{}, Missing},
		"parameter in the path":          {"", "/api_key=" + foreign, presented{}, Missing},

		"two places":                     {"authorization: Bearer " + vector + "\napi-token: " + foreign, "/", presented{}, Ambiguous},
		"header and query":               {"api-token: " + foreign, "/?api_key=" + foreign, presented{}, Ambiguous},
		"two parameters":                 {"", "/?api_key=" + foreign + "&cl%C3%A9=" + foreign, presented{}, Ambiguous},
		"one parameter twice":            {"", "/?api_key=" + foreign + "&api_key=" + foreign, presented{}, Ambiguous},
		"two lines":                      {"api-token: " + vector + "\napi-token: " + vector, "/", presented{}, Ambiguous},
		"two lines, the second empty":    {"api-token: " + vector + "\napi-token:", "/", presented{}, Ambiguous},
		"comma":                          {"api-token: " + vector + "," + vector, "/", presented{}, Ambiguous},
		"comma at the end":               {"api-token: " + vector + ",", "/", presented{}, Ambiguous},
		"two schemes of ours":            {"authorization: Bearer " + vector + "\nauthorization: Token " + vector, "/", presented{}, Ambiguous},
		"foreign scheme, ours":           {"authorization: Basic a\nauthorization: Token " + vector, "/", presented{}, Ambiguous},
		"ours, foreign scheme":           {"authorization: Token " + vector + "\nauthorization: Basic a", "/", presented{}, Ambiguous},
		"ours without token, foreign":    {"authorization: Bearer\nauthorization: Basic a", "/", presented{}, Ambiguous},
		"joined, ours last":              {"authorization: Basic a,bearer " + vector, "/", presented{}, Ambiguous},
		"joined, ours with a tab":        {"authorization: Basic a,\tbearer\t" + vector, "/", presented{}, Ambiguous},
		"joined, ours alone":             {"authorization: Basic a, Token", "/", presented{}, Ambiguous},
		"ambiguous before in the URL":    {"api-token: a,b", "/" + vector, presented{}, Ambiguous},
		"in the path":                    {"", "/a/" + vector + "/b", presented{}, InURL},
		"in the query":                   {"", "/?api_key=" + vector, presented{}, InURL},
		"in the URL beside a good one":   {"api-token: " + foreign, "/" + vector, presented{}, InURL},
		"in the URL before malformed":    {"api-token:", "/" + vector, presented{}, InURL},
		"in the URL, partly encoded":     {"", "/crd%5f" + vector[4:], presented{}, InURL},
		"in the URL, encoded twice":      {"", "/crd%255f" + vector[4:], presented{}, Missing},
		"in the URL, mistyped":           {"", "/" + mistyped, presented{}, Missing},
		"empty header":                   {"api-token:", "/", presented{}, Malformed},
		"empty header beside a good one": {"api-token:\nauthorization: Bearer " + vector, "/", presented{}, Malformed},
		"empty parameter":                {"", "/?api_key=", presented{}, Malformed},
		"parameter without value":        {"", "/?api_key", presented{}, Malformed},
		"parameter with broken encoding": {"", "/?api_key=" + foreign + "%2", presented{}, Malformed},
		"parameter with a JWT":           {"", "/?api_key=" + jwt, kindOnly(JWT), Malformed},
		"parameter with a mistyped one":  {"", "/?api_key=" + mistyped, kindOnly(Token), Malformed},
		"single word":                    {"authorization: " + vector, "/", presented{}, Malformed},
		"single word beside a good one":  {"authorization: word\napi-token: " + vector, "/", presented{}, Malformed},
		"single word with a comma":       {"authorization: " + vector + "," + vector, "/", presented{}, Malformed},
		"scheme and spaces":              {"authorization: Bearer   ", "/", presented{}, Malformed},
		"scheme and tab":                 {"authorization: Bearer\t" + vector, "/", presented{}, Malformed},
		"leading space":                  {"authorization:  Bearer " + vector, "/", presented{}, Malformed},
		"scheme twice":                   {"authorization: Bearer Bearer " + vector, "/", kindOnly(Token), Malformed},
		"mistyped":                       {"api-token: " + mistyped, "/", kindOnly(Token), Malformed},
		"too short":                      {"api-token: " + foreign[:15], "/", kindOnly(Token), Malformed},
		"too long":                       {"api-token: " + strings.Repeat("x", 4097), "/", kindOnly(Token), Malformed},
		"large JWT":                      {"api-token: " + jwt + strings.Repeat("x", 8192), "/", kindOnly(JWT), MalformedJWT},
		"large JWT in a parameter":       {"", "/?api_key=" + jwt + strings.Repeat("x", 8192), kindOnly(JWT), MalformedJWT},
		"malformed before a large JWT":   {"api-token: " + jwt + strings.Repeat("x", 8192) + "\nauthorization:", "/", presented{}, Malformed},
		"foreign schemes":                {"authorization: Basic a\nauthorization: Digest b=\"c\", d=\"e\"", "/", presented{}, Missing},
		"foreign scheme and tab":         {"authorization: Basic\ta", "/", presented{}, Missing},
		"foreign scheme like ours":       {"authorization: BearerX " + vector, "/", presented{}, Missing},
	} {
		t.Run(name, func(t *testing.T) {
			got, problem := testPlaces.Find(headersOf(test.headers), test.target)
			if problem != test.problem {
				t.Errorf("problem %d, want %d", problem, test.problem)
			}
			if diff := cmp.Diff(test.want, seenOf(got)); diff != "" {
				t.Errorf("want (-) got (+):\n%s", diff)
			}
		})
	}
}

// TestFindNothingAccepted has no places at all: nothing is presented then, and
// a token in the URL is refused all the same.
// TestFindInManyLines holds looking through the lines of a header to what they
// are long together: that the first is long must not cost with each other one.
func TestFindInManyLines(t *testing.T) {
	const most, attempts = 20.0, 5
	lines := func(first int) Headers {
		headers := Headers{{"authorization", strings.Repeat("x", first)}}
		for range 10_000 {
			headers = append(headers, Header{"authorization", "x"})
		}
		return headers
	}
	took := func(headers Headers) float64 {
		begun := time.Now()
		testPlaces.Find(headers, "/")
		return float64(time.Since(begun))
	}
	short, long, ratio := lines(1), lines(100_000), 0.0
	for range attempts {
		if ratio = took(long) / took(short); ratio <= most {
			return
		}
	}
	t.Errorf("10,000 lines after one of 100,000 bytes take %.0f times what they take after one of a byte, want at most %v", ratio, most)
}

func TestFindNothingAccepted(t *testing.T) {
	for target, want := range map[string]Problem{"/": Missing, "/?t=" + vector: InURL} {
		if _, problem := (Places{}).Find(headersOf("authorization: Bearer "+vector), target); problem != want {
			t.Errorf("target %s: problem %d, want %d", target, problem, want)
		}
	}
}

func TestShapeOf(t *testing.T) {
	visible := "!\"#$%&'()*+-./0:;<=>?@A[\\]^_`a{|}~"
	for name, test := range map[string]struct {
		text    string
		kind    Kind
		problem Problem
	}{
		"ours":                        {vector, Token, None},
		"every visible character":     {visible, Token, None},
		"16 characters":               {strings.Repeat("x", 16), Token, None},
		"15 characters":               {strings.Repeat("x", 15), Token, Malformed},
		"4096 characters":             {strings.Repeat("x", 4096), Token, None},
		"4097 characters":             {strings.Repeat("x", 4097), Token, Malformed},
		"comma":                       {foreign + ",", Token, Malformed},
		"space":                       {foreign + " ", Token, Malformed},
		"delete":                      {foreign + "\x7f", Token, Malformed},
		"zero":                        {foreign + "\x00", Token, Malformed},
		"not ASCII":                   {foreign + "é", Token, Malformed},
		"jwt":                         {jwt, JWT, None},
		"jwt, empty parts":            {"e30..", JWT, None},
		"jwt, padded":                 {"e30=.e30.x", JWT, None},
		"jwt, white space in JSON":    {"IHsKfSA.e30.x", JWT, None},
		"jwt of 8192":                 {jwt + strings.Repeat("x", 8192-len(jwt)), JWT, None},
		"jwt of 8193":                 {jwt + strings.Repeat("x", 8193-len(jwt)), JWT, MalformedJWT},
		"two dots of 8193":            {"a.b." + strings.Repeat("x", 8189), JWT, MalformedJWT},
		"two dots of 8192":            {"a.b." + strings.Repeat("x", 8188), Token, Malformed},
		"one dot":                     {"e30.0123456789abcdef", Token, None},
		"three dots":                  {"e30.e30.x.0123456789", Token, None},
		"two dots, no JSON":           {"abc.0123456789.abcdef", Token, None},
		"two dots, an array":          {"W10.0123456789.abcdef", Token, None},
		"two dots, null":              {"bnVsbA.0123456789.abc", Token, None},
		"two dots, half an object":    {"eyJhIjo.0123456789.abc", Token, None},
		"two dots, of plain base64":   {"eyJhIjoi/+8ifQ.0123456789", Token, None},
		"two dots, nothing before":    {"..0123456789abcdef", Token, None},
		"object after JSON of others": {"W10ge30.0123456789.abc", Token, None},
	} {
		if kind, _, problem := shapeOf(test.text); kind != test.kind || problem != test.problem {
			t.Errorf("%s: kind %q, problem %d; want %q, %d", name, kind, problem, test.kind, test.problem)
		}
	}
}

func TestKindWords(t *testing.T) {
	for _, kind := range []Kind{Token, JWT} {
		if parsed, known := ParseKind(kind.String()); !known || parsed != kind {
			t.Errorf("kind %q is read as %q, %v", kind, parsed, known)
		}
	}
	for _, text := range []string{"", "Token", "JWT", "token ", "tokens"} {
		if kind, known := ParseKind(text); known || kind != NoKind {
			t.Errorf("%q is read as kind %q", text, kind)
		}
	}
}

func TestSingle(t *testing.T) {
	for text, want := range map[string]string{
		"x-a: 1": "1", "x-a:": "", "x-b: 2\nx-a: 1": "1",
	} {
		if got, ok := headersOf(text).Single("x-a"); !ok || got != want {
			t.Errorf("%q: got %q, %v; want %q", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "x-b: 1", "x-a: 1\nx-a: 1", "x-a: 1,2", "x-a: 1,"} {
		if got, ok := headersOf(text).Single("x-a"); ok {
			t.Errorf("%q: has the single value %q", text, got)
		}
	}
}

func TestHas(t *testing.T) {
	for text, want := range map[string]bool{"": false, "x-b: 1": false, "x-a:": true, "x-b: 1\nx-a: 1": true, "x-ab: 1": false} {
		if got := headersOf(text).Has("x-a"); got != want {
			t.Errorf("%q: has x-a %v, want %v", text, got, want)
		}
	}
}
