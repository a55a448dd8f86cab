package authztest

import (
	"os"
	"strings"
	"testing"
	"time"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

const goodFile = `Why it is so.

-- registry --
client:acme
  id acme
  name ""
profile:partner (another type)
-- config --
routes: {permit_observe: true}
-- request --
GET /orders?x=1
api-token: {token acme}
accept:{tab}a
-- envoy --
source: 2001:db8::7
extension mode: observe
-- decision --
reason client_disabled
kind token
client acme
status 403
code client_disabled
`

func TestParseFile(t *testing.T) {
	steps, err := parseFile("good.txtar", []byte(goodFile), peppers{}, t.TempDir())
	if err != nil || len(steps) != 1 {
		t.Fatalf("%d steps, %v; want 1", len(steps), err)
	}
	c := steps[0]
	if c.Name != "good" || c.Sentence != "Why it is so." || !c.Config.Routes.PermitObserve || c.MemoryOnly || c.Mended() {
		t.Errorf("name %q, sentence %q, permits observe %v, memory only %v, mended %v", c.Name, c.Sentence, c.Config.Routes.PermitObserve, c.MemoryOnly, c.Mended())
	}
	wantRecords := map[registry.Ref]registry.Fields{
		registry.RootRef:           {"id": "decisions", "schema": "1", "seq": "1", "digests": "s1", "created_at": "2025-12-01T12:00:00Z"},
		registry.ClientRef("acme"): {"id": "acme", "name": ""},
	}
	if diff := cmp.Diff(wantRecords, c.Records(noon)); diff != "" {
		t.Errorf("records: want (-) got (+):\n%s", diff)
	}
	if diff := cmp.Diff([]registry.Ref{registry.ProfileRef("partner")}, c.OtherTypes()); diff != "" {
		t.Errorf("other types: want (-) got (+):\n%s", diff)
	}
	wantRequest := authz.Request{
		HTTP: true, Method: "GET", Scheme: "https", Target: "/orders?x=1", Source: "2001:db8::7",
		Headers:    credential.Headers{{Name: "api-token", Value: tokenOf("acme")}, {Name: "accept", Value: "\ta"}},
		Extensions: authz.Extensions{{Key: "mode", Value: "observe"}},
	}
	if diff := cmp.Diff(wantRequest, c.Request(noon)); diff != "" {
		t.Errorf("request: want (-) got (+):\n%s", diff)
	}
	wantDecided := Decided{Reason: "client_disabled", Kind: "token", Client: "acme"}
	if diff := cmp.Diff(wantDecided, c.Want.Decided); diff != "" || c.Want.Status != 403 || c.Want.Allows() {
		t.Errorf("status %d, decision: want (-) got (+):\n%s", c.Want.Status, diff)
	}
}

// TestParseFileMended holds the second step to what it says again, and to what
// the first said elsewhere.
func TestParseFileMended(t *testing.T) {
	steps, err := parseFile("good.txtar", []byte(goodFile+`
-- mended registry --
client:acme
  id acme
  state active
-- mended decision --
reason allowed
`), peppers{}, t.TempDir())
	if err != nil || len(steps) != 2 {
		t.Fatalf("%d steps, %v; want 2", len(steps), err)
	}
	second := steps[1]
	if !second.Mended() || second.Want.Reason != "allowed" || !second.Config.Routes.PermitObserve {
		t.Errorf("mended %v, reason %s, permits observe %v", second.Mended(), second.Want.Reason, second.Config.Routes.PermitObserve)
	}
	if got := second.Records(noon)[registry.ClientRef("acme")]; got["state"] != "active" || len(second.OtherTypes()) != 1 {
		t.Errorf("client %v, other types %v: want the new client and the old profile", got, second.OtherTypes())
	}
	if diff := cmp.Diff(steps[0].Request(noon), second.Request(noon)); diff != "" {
		t.Errorf("the request changed, was (-) is (+):\n%s", diff)
	}
}

// TestParseFileRefuses tries mistakes that would have a case say something
// else than it seems to.
func TestParseFileRefuses(t *testing.T) {
	for name, change := range map[string][2]string{
		"no sentence":               {"Why it is so.", ""},
		"unknown section":           {"-- envoy --", "-- envoys --"},
		"section twice":             {"-- envoy --", "-- request --"},
		"unknown macro":             {"{token acme}", "{tokens acme}"},
		"key of no kind":            {"client:acme", "clients:acme"},
		"key twice":                 {"profile:partner (another type)", "client:acme"},
		"unknown remark":            {"(another type)", "(a string)"},
		"field twice":               {`name ""`, "id acme"},
		"no request":                {"GET /orders?x=1\napi-token: {token acme}\naccept:{tab}a\n", ""},
		"header in upper case":      {"api-token", "Api-Token"},
		"header without colon":      {"accept:{tab}a", "accept"},
		"unknown word of envoy":     {"source: ", "from: "},
		"configuration unknown":     {"permit_observe", "permit_all"},
		"reason that is none":       {"reason client_disabled", "reason disabled"},
		"no reason":                 {"reason client_disabled\n", ""},
		"reason twice":              {"kind token", "reason token_unknown"},
		"unknown word of decision":  {"client acme", "customer acme"},
		"denial without status":     {"status 403\n", ""},
		"status that is no number":  {"status 403", "status forbidden"},
		"allowed with a status":     {"reason client_disabled", "reason allowed"},
		"value that is missing":     {"kind token", "kind"},
		"joined map of no use":      {"-- envoy --", "-- headers --\na: b\n-- envoy --"},
		"joined map that is needed": {"source: 2001:db8::7", "form: both"},
		"unknown word of run":       {"-- request --", "-- run --\nsometimes\n-- request --"},
	} {
		text := strings.Replace(goodFile, change[0], change[1], 1)
		if text == goodFile {
			t.Fatalf("%s: %q is not in the file", name, change[0])
		}
		if _, err := parseFile("bad.txtar", []byte(text), peppers{}, t.TempDir()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMacros(t *testing.T) {
	world := words{peppers: peppers{dir: "/peppers", byName: map[string]string{"h1": "pepper one"}}}
	for text, want := range map[string]string{
		"{now}":              "2026-03-01T12:00:00Z",
		"{now-1h}/{now+30s}": "2026-03-01T11:00:00Z/2026-03-01T12:00:30Z",
		"{now-90d}":          "2025-12-01T12:00:00Z",
		"{now+1ns}":          "2026-03-01T12:00:00.000000001Z",
		"a{tab}b{space}c":    "a\tb c",
		"{long 3}":           "xxx",
		"{pepper h1}":        "/peppers/h1",
		"{check h1}":         "2d0e3ae0587aea13", // by Python: hmac of "credence pepper check"
		"{text any thing}":   "any thing",
		"{digest text abc}":  "s1:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", // FIPS 180-2, B.1
		"{encoded acme}":     percentEncoded(tokenOf("acme")),
		"a{cr}b{lf}c":        "a\rb\nc",
		"{unix now-1h}":      "1772362800", // by date -d
		`{"a": {"b": {}}}`:   `{"a": {"b": {}}}`,
		"{jti acme 1}":       "6a98b5398c105c76fca7fa386b1410c6a1a186a240d1d25749e7a6f15ead4348", // by sha256sum
		"no macro":           "no macro",
	} {
		if got, err := world.expand(text, noon); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"{now*1h}", "{now-}", "{now-1}", "{long 0}", "{long x}", "{jwt other}", "{jwk k1 HS256}", "{jwks none}", "{unix x}", "{digest h2 acme}", "{digest jwt x}", "{x}"} {
		if got, err := world.expand(text, noon); err == nil {
			t.Errorf("%s: accepted as %q", text, got)
		}
	}
}

// TestTokensAreWhole holds what is derived here to the form of tokens, and
// names to tokens of their own.
func TestTokensAreWhole(t *testing.T) {
	seen := make(map[string]bool)
	for _, name := range []string{"acme", "other", "a-name-that-is-rather-longer-than-the-others"} {
		token := tokenOf(name)
		if id, whole := credential.IdentifyToken(credential.NewSecret(token)); !whole || string(id) != idOf(name) || seen[token] {
			t.Errorf("token of %s is %s: id %s, whole %v, seen before %v", name, token, id, whole, seen[token])
		}
		if _, whole := credential.IdentifyToken(credential.NewSecret(typoIn(token))); whole || typoIn(token) == token {
			t.Errorf("a typo in the token of %s leaves %s", name, typoIn(token))
		}
		seen[token] = true
	}
}

// TestReadmeNamesEverything holds the page on the format to the words that are
// read.
func TestReadmeNamesEverything(t *testing.T) {
	text, err := os.ReadFile("../../../testdata/decisions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	words := append([]string{
		"{token ", "{typo ", "{encoded ", "{encoded-twice ", "{id ", "{foreign ", "{long ", "{text ", "{jwt}", "{digest ", "{check ", "{pepper ", "{tab}", "{space}", "{cr}", "{lf}",
		"{jwt ", "{unix ", "{jwk ", "{jwks ", "{binding ", "{jti ", "{x5t ", "`jwt NAME`", "`jwks NAME`", "`certificate: NAME`",
		"`key NAME`", "`signed by NAME`", "`header MEMBER JSON`", "`claim MEMBER JSON`", "`without header MEMBER`", "`also claim MEMBER JSON`",
		"`raw header TEXT`", "`append signature TEXT`", "`loosen signature`", "`signature none`", "`signature flipped`", "`signature hmac`", "`signature der`",
		"`parts N`", "`length N`",
		"`reason`", "`observed`", "`presented`", "`challenge`", "`sets ", "`removes ", "`keeps ", "`removes_query ", "`metadata ", "`no_metadata ",
	}, sections...)
	for _, word := range words {
		if !strings.Contains(string(text), word) {
			t.Errorf("testdata/decisions/README.md does not name %s", word)
		}
	}
}
