package jwt

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
)

// plain gives what a value says in the types of encoding/json, with its numbers
// as they are written.
func plain(v value) any {
	switch v.kind {
	case isText:
		text, _ := v.text()
		return text
	case isNumber:
		return json.Number(v.raw)
	case isBool:
		return v.raw == "true"
	case isList:
		list := []any{}
		for _, element := range v.elements() {
			list = append(list, plain(element))
		}
		return list
	case isObject:
		return plainObject(v.members())
	}
	return nil
}

func plainObject(o object) map[string]any {
	members := map[string]any{}
	for _, m := range o {
		members[m.name] = plain(m.value)
	}
	return members
}

// decoded reads an object by encoding/json.
func decoded(text string) (map[string]any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var members map[string]any
	err := decoder.Decode(&members)
	return members, err
}

// TestScanReadsAll compares what is read of every construct.
func TestScanReadsAll(t *testing.T) {
	for _, text := range []string{
		`{}`, ` { } `, `{"":""}`, `{"a":[]}`, `{"a":{}}`, `{"a":[{},[],"",0,true,false,null]}`,
		`{"a":"\"\\\/\b\f\n\r\t\u0000\u00e9\ud83d\ude00\uFFFF\uABCD\u1aBc"}`, `{"\u0061\n":1}`, `{"a":"é😀"}`, "{\"a\":\"\u007f\u2028\"}",
		`{"n":[0,-0,1,-1,10,0.5,-0.25,1e5,1E+5,1e-5,1.5e10,123456789012345678901234567890]}`,
		"{\r\n\t \"a\" \r\n\t : \r\n\t 1 \r\n\t , \"b\" : [ 1 , 2 ] }\n",
		`{"a":1,"A":2,"\u0000":3}`, `{"a":{"a":{"a":1}},"b":{"a":1}}`,
	} {
		members, why := scanObject(text, claimLimits)
		want, err := decoded(text)
		if why != "" || err != nil {
			t.Errorf("%s: %s; encoding/json: %v", text, why, err)
			continue
		}
		if diff := cmp.Diff(want, plainObject(members)); diff != "" {
			t.Errorf("%s (-encoding/json +ours):\n%s", text, diff)
		}
	}
}

// TestScanSays what a text is instead.
func TestScanSays(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "is no JSON object",
		"[]":                       "is no JSON object",
		"{}{}":                     "goes on after the JSON object",
		"{\"a\":\"\xff\"}":         "is not UTF-8",
		`{"a":1,"\u0061":2}`:       "has a member twice",
		`{"a":"\ud800"}`:           "has half of a surrogate pair",
		`{"a":"\ud800\u0041"}`:     "has half of a surrogate pair",
		`{"a":`:                    "is not JSON",
		`{"a":"` + "\x1f" + `"}`:   "is not JSON",
		`{"a":tru}`:                "is not JSON",
		`{"a":-}`:                  "is not JSON",
		strings.Repeat(`{"a":`, 9): "is nested too deep",
		`{"a":1,"b":1,"c":1}`:      "has too many members",
		`{"a":[1,2,3,4,5]}`:        "has too many values",
		`{"a":1e400}`:              "has a number beyond 64 bits",
		`{"a":[[[]]]}`:             "is nested too deep",
	} {
		if _, why := scanObject(text, limits{depth: 3, members: 2, values: 5, float: true}); why != want {
			t.Errorf("%.40s: %q; want %q", text, why, want)
		}
	}
}

// hostile are JWTs of up to 8 KiB that try to cost much. Their size is what is
// left of 8 KiB for the claims.
func hostile() map[string]string {
	const size = 5900
	fill := func(begin, repeat, end string) string {
		return begin + strings.Repeat(repeat, (size-len(begin)-len(end))/len(repeat)) + end
	}
	var distinct strings.Builder
	for i := 0; distinct.Len() < size-20; i++ {
		distinct.WriteString(`"` + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + `":1,`)
	}
	claims := map[string]string{
		"one member":       fill(`{"a":"`, "x", `"}`),
		"escapes":          fill(`{"a":"`, `\u00e9`, `"}`),
		"escaped name":     fill(`{"`, `\n`, `":1}`),
		"names":            "{" + strings.TrimSuffix(distinct.String(), ",") + "}",
		"aud":              fill(`{"aud":["`, `","`, `"]}`),
		"aud and scopes":   `{"aud":[` + fill("", `"",`, `""]`)[:2000] + `""],"scope":"` + strings.Repeat("a ", 1500) + `"}`,
		"aud in limits":    `{"aud":["` + strings.Repeat(`x","`, 500) + `"]}`,
		"lists in limits":  `{"aud":["` + strings.Repeat(`x","`, 160) + `"],"scope":["` + strings.Repeat(`y","`, 160) + `"],"scp":["` + strings.Repeat(`y","`, 160) + `"]}`,
		"scope in limits":  `{"scope":"` + strings.Repeat("a ", 511) + `","scp":"` + strings.Repeat("a ", 511) + `"}`,
		"names in limits":  `{` + numbered(100) + `,"a":{` + numbered(100)[:700] + `":1}}`,
		"scope":            fill(`{"scope":"`, "a ", `"}`),
		"scope and scp":    `{"scope":"` + strings.Repeat("a ", 1400) + `","scp":"` + strings.Repeat("b ", 1400) + `"}`,
		"lists":            fill(`{"a":[`, "[],", "[]]}"),
		"objects":          fill(`{"a":[`, "{},", "{}]}"),
		"deep":             fill(`{"a":`, "[", "]}"),
		"digits":           fill(`{"exp":`, "9", "}"),
		"digits after":     fill(`{"exp":0.`, "9", "}"),
		"exponent":         fill(`{"exp":1e`, "9", "}"),
		"spaces":           fill("{", " ", "}"),
		"empty signature":  "{}",
		"confirmation":     fill(`{"cnf":{"x5t#S256":"`, "A", `"}}`),
		"members in lists": fill(`{"a":[`, `{"a":1,"b":2},`, "{}]}"),
	}
	texts := map[string]string{
		"dots":          strings.Repeat(".", MaxLength),
		"one part":      strings.Repeat("A", MaxLength),
		"too long":      strings.Repeat("A", 64<<20),
		"header":        compact(fill(`{"alg":"ES256","x":"`, "x", `"}`), "{}", ""),
		"header names":  compact("{"+strings.TrimSuffix(distinct.String(), ",")+"}", "{}", ""),
		"signature":     compact(`{"alg":"ES256"}`, "{}", strings.Repeat("x", 6000)),
		"typ":           compact(fill(`{"alg":"ES256","typ":"application/`, "x", `"}`), "{}", ""),
		"alg":           compact(fill(`{"alg":"`, "x", `"}`), "{}", ""),
		"kid":           compact(fill(`{"alg":"ES256","kid":"`, `\u00e9`, `"}`), "{}", ""),
		"not in base64": strings.Repeat("!", 8000) + "..",
	}
	for name, payload := range claims {
		texts[name] = compact(`{"alg":"ES256","kid":"k"}`, payload, "")
	}
	return texts
}

// allocated gives how many bytes a call allocates, at least of some tries:
// others may allocate beside it.
func allocated(call func()) uint64 {
	least := ^uint64(0)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		call()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// most is what reading and evaluating any JWT may allocate, in bytes: some
// copies of 8 KiB.
const most = 96 << 10

// readAll does all that is done before a signature is verified, and after.
func readAll(text string) {
	peeked, _ := Peek(credential.NewSecret(text))
	_ = peeked.Issuer()
	_, _ = peeked.Evaluate(Rules{SubjectClaim: "sub", Audiences: []string{"x"}, RouteAudience: "y"})
}

// TestAllocationsAreBounded reads what tries to cost much.
func TestAllocationsAreBounded(t *testing.T) {
	for name, text := range hostile() {
		bytes := allocated(func() { readAll(text) })
		if len(text) > MaxLength && bytes > 1<<10 {
			t.Errorf("%s: %d bytes for a text that is too long", name, bytes)
		}
		if bytes > most {
			t.Errorf("%s: %d bytes for a text of %d; want at most %d", name, bytes, len(text), most)
		}
		t.Logf("%-17s %6d bytes", name, bytes)
	}
}
