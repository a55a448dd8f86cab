package jwt

import (
	"crypto"
	"crypto/hmac"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A refusal is a JWT that must be refused, in a world that differs as said.
type refusal struct {
	row  string // how the line of docs/jwt.md begins
	name string
	text string
	in   func(*world)
}

// refusals makes every line of the table in docs/jwt.md, mostly in several ways.
func refusals() []refusal {
	var all []refusal
	row := ""
	add := func(name, text string, in ...func(*world)) {
		r := refusal{row: row, name: name, text: text}
		if len(in) > 0 {
			r.in = in[0]
		}
		all = append(all, r)
	}
	valid, issued := validDraft(), issuedDraft()
	validText := valid.text()
	parts := strings.Split(validText, ".")

	row = "is longer than"
	long := valid.alsoClaim("x", `"`+strings.Repeat("x", MaxLength)+`"`).text()
	add("by far", long)
	add("with dots only", strings.Repeat(".", MaxLength+1))

	row = "is not three parts"
	add("two", parts[0]+"."+parts[1])
	add("one", parts[0])
	add("four", validText+".")
	add("five, as encrypted ones have", validText+".AA.AA")
	add("none", "")
	add("a dot before", "."+validText)

	row = "has a part that is not base64url"
	add("padding", parts[0]+"=."+parts[1]+"."+parts[2])
	add("padding of the signature", validText+"==")
	add("the other alphabet", strings.NewReplacer("-", "+", "_", "/").Replace(
		compact(jsonOf(valid.header), `{"a":"???>>>"}`, "\xfb\xff")))
	add("CR in the header", parts[0]+"\r."+parts[1]+"."+parts[2])
	add("LF in the claims", parts[0]+".\n"+parts[1]+"."+parts[2])
	add("CR and LF in the signature", validText[:len(validText)-4]+"\r\n"+validText[len(validText)-4:])
	add("a space", parts[0]+"."+parts[1]+"."+parts[2]+" ")
	add("a length of nothing", parts[0]+"."+parts[1]+"."+parts[2]+"AAA")
	add("loose bits", parts[0]+"."+parts[1]+"."+loosened(parts[2]))
	add("NUL", validText+"\x00")

	row = "has a header or claims that are not one JSON object"
	for name, text := range map[string]string{
		"empty": "", "null": "null", "list": `[]`, "text": `"x"`, "number": "1", "nested JWT": validText,
		"two objects": "{}{}", "trailing comma": `{"a":1,}`, "trailing data": `{} x`, "BOM": "\ufeff{}", "cut off": `{"iss":"acme"`,
		"single quotes": `{'a':1}`, "bare name": `{a:1}`, "comment": `{/**/}`, "leading zero": `{"a":01}`, "plus": `{"a":+1}`,
		"no fraction": `{"a":1.}`, "no exponent": `{"a":1e}`, "NaN": `{"a":NaN}`, "Infinity": `{"a":Infinity}`, "True": `{"a":True}`,
		"hex": `{"a":0x1}`, "control character": "{\"a\":\"\n\"}", "NUL": "{\"a\":\"\x00\"}", "bad escape": `{"a":"\x41"}`,
		"short escape": `{"a":"\u12"}`, "no UTF-8": "{\"a\":\"\xff\"}", "overlong UTF-8": "{\"a\":\"\xc0\x80\"}",
		"surrogate in UTF-8": "{\"a\":\"\xed\xa0\x80\"}", "high half": `{"a":"\ud800"}`, "low half": `{"a":"\udc00"}`,
		"two high halves": `{"a":"\ud800\ud800"}`, "high half and a letter": `{"a":"\ud800x"}`, "name with half": `{"\udfff":1}`,
		"form feed": "{\f}", "space of Unicode": "{\u00a0}", "missing comma": `{"a":1 "b":2}`, "missing colon": `{"a" 1}`,
		"number as name": `{1:1}`, "wrong bracket": `{"a":[1}}`, "unbalanced": `{"a":[1]}}`,
	} {
		add("claims: "+name, valid.payload(text))
		add("header: "+name, valid.rawHeader(text))
	}
	add("header: number beyond a float", valid.alsoHead("x", "1e999").text())

	row = "has a member twice"
	add("alg", valid.alsoHead("alg", `"ES256"`).text())
	add("kid", valid.alsoHead("kid", `"k1"`).text())
	add("exp", valid.alsoClaim("exp", seconds(200)).text())
	add("escaped", valid.alsoClaim(`\u0065xp`, seconds(200)).text())
	add("nested", valid.alsoClaim("x", `{"a":{"b":1,"c":2,"b":1}}`).text())
	add("in a list", valid.alsoClaim("x", `[{"b":1,"\u0062":1}]`).text())
	add("empty names", valid.alsoClaim("", "1").alsoClaim("", "1").text())
	add("in the header, nested", valid.alsoHead("jwk", `{"kty":1,"kty":1}`).text())

	row = "is nested deeper than 16"
	add("lists", valid.alsoClaim("x", strings.Repeat("[", 16)+strings.Repeat("]", 16)).text())
	add("objects", valid.alsoClaim("x", strings.Repeat(`{"a":`, 16)+"1"+strings.Repeat("}", 16)).text())
	add("header", valid.alsoHead("x", strings.Repeat("[", 16)+strings.Repeat("]", 16)).text())
	add("never closed", valid.alsoClaim("x", strings.Repeat("[", 5000)).text())
	add("values", valid.alsoClaim("x", "[1"+strings.Repeat(",1", 511)+"]").text())
	add("members", valid.alsoClaim("x", "{"+numbered(129)+"}").text())
	add("members of the claims", valid.payload("{"+numbered(129)+"}"))

	row = "has `crit` or `b64`"
	add("crit", valid.alsoHead("crit", `["exp"]`).alsoHead("exp", "1").text())
	add("crit empty", valid.alsoHead("crit", `[]`).text())
	add("crit null", valid.alsoHead("crit", `null`).text())
	add("b64 false", valid.alsoHead("b64", `false`).alsoHead("crit", `["b64"]`).text())
	add("b64 true", valid.alsoHead("b64", `true`).text())

	row = "has a `typ` other than"
	for _, typ := range []string{`"JOSE"`, `"dpop+jwt"`, `""`, `1`, `null`, `["JWT"]`, `"JWT "`, `"text/jwt"`, `"application/"`, `"application/application/jwt"`, `"at+jwt;v=1"`, `"logout+jwt"`} {
		add(typ, valid.head("typ", typ).text())
	}

	row = "has no `alg`"
	for _, alg := range []string{"", `""`, `null`, `1`, `["ES256"]`, `{}`} {
		add("alg "+alg, valid.head("alg", alg).text())
	}
	add("Alg", valid.head("alg", "").alsoHead("Alg", `"ES256"`).text())

	row = "has a `kid` that is no text"
	for _, kid := range []string{`null`, `1`, `["k1"]`, `{}`, `true`} {
		add("kid "+kid, valid.head("kid", kid).text())
	}

	row = "names another algorithm than RS"
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "hs256", "es256", "ES256K", "Ed25519", "Ed448", "ESP256", "RSA-OAEP", "dir", "A128KW", "ES256 ", " ES256", "SHA256"} {
		header := jsonOf(valid.head("alg", `"`+alg+`"`).header)
		add(alg, signed(ES256, p256Key(), header, jsonOf(valid.claims)))
		add(alg+", no signature", compact(header, jsonOf(valid.claims), ""))
	}
	add("none before what else is wrong", compact(`{"alg":"none"}`, "{}", ""))
	for name, secret := range publicForms() {
		text := encode([]byte(jsonOf(valid.head("alg", `"HS256"`).header))) + "." + encode([]byte(jsonOf(valid.claims)))
		mac := hmac.New(crypto.SHA256.New, secret)
		mac.Write([]byte(text))
		add("HS256 with the public key as "+name, text+"."+encode(mac.Sum(nil)))
	}

	row = "has no `iss`"
	for _, iss := range []string{"", `null`, `1`, `""`, `["acme"]`, `{}`, `"umbrella"`, `"ACME"`, `"acme "`, `"https://id.example.com/"`} {
		add("iss "+iss, valid.claim("iss", iss).text())
	}
	add("before the key", valid.claim("iss", `"umbrella"`).head("kid", "").text())

	row = "has no `kid`, or one that names no key"
	for _, kid := range []string{"", `""`, `"k2"`, `"K1"`, `"k1 "`} {
		add("kid "+kid, valid.head("kid", kid).text())
		add("issuer: kid "+kid, issued.head("kid", kid).text())
	}
	add("a client's kid of an issuer", issued.head("kid", `"k1"`).text())

	row = "names another algorithm than its key's"
	for _, says := range AnyAlgorithm.List() {
		for _, is := range AnyAlgorithm.List() {
			if says != is {
				d := valid.head("alg", `"`+says.String()+`"`).head("kid", `"`+is.String()+`"`)
				d.algorithm = is
				add(says.String()+" with the key for "+is.String(), d.text())
			}
		}
	}

	row = "was not signed with its key"
	header, claims := jsonOf(valid.header), jsonOf(valid.claims)
	add("another's key", signed(ES256, must(newP256()), header, claims))
	add("no signature", compact(header, claims, ""))
	add("half of it", parts[0]+"."+parts[1]+"."+parts[2][:44])
	add("zeros", compact(header, claims, strings.Repeat("\x00", 64)))
	add("other claims", parts[0]+"."+encode([]byte(jsonOf(valid.claim("iss", `"acme"`).claim("exp", seconds(99999)).claims)))+"."+parts[2])
	add("spaces in the claims", parts[0]+"."+encode([]byte(claims+" "))+"."+parts[2])
	add("DER for r and s", valid.derText())
	for _, pair := range [][2]Algorithm{{RS256, PS256}, {PS256, RS256}, {RS256, RS384}, {RS512, RS256}, {PS512, PS384}} {
		d := valid.head("alg", `"`+pair[0].String()+`"`).head("kid", `"`+pair[0].String()+`"`)
		d.algorithm = pair[1]
		add(pair[0].String()+", signed by "+pair[1].String(), d.text())
	}
	add("ES384 with SHA-256", valid.head("alg", `"ES384"`).head("kid", `"ES384"`).hashedText(ES256, p384Key()))
	add("RS256 of another key", signed(RS256, otherRSAKey(), jsonOf(valid.by(RS256).head("kid", `"RS256"`).header), claims))
	add("expired besides", signed(ES256, must(newP256()), header, jsonOf(valid.claim("exp", "1").claim("aud", "1").claims)))

	row = "lacks the subject claim"
	for _, sub := range []string{"", `null`, `1`, `""`, `["user-1"]`, `"user-2"`} {
		add("sub "+sub, issued.claim("sub", sub).text())
	}
	add("before exp", issued.claim("sub", "1").claim("exp", "").text())

	row = "lacks `exp`, `aud` or"
	add("exp", valid.claim("exp", "").text())
	add("aud", valid.claim("aud", "").text())
	add("iat", valid.claim("iat", "").text())
	add("exp of an issuer's", issued.claim("exp", "").text())
	add("aud of an issuer's", issued.claim("aud", "").text())
	add("exp, and aud is wrong", valid.claim("exp", "").claim("aud", "1").text())
	add("aud, and audiences are empty", valid.claim("aud", "").text(), func(w *world) { w.audiences = nil })

	row = "has an `exp`, `nbf` or `iat` that is no number"
	for _, name := range []string{"exp", "nbf", "iat"} {
		for _, date := range []string{`null`, `"1769860800"`, `true`, `[1769860800]`, `{}`, `-1`, `-0`, `-1e-9`, `9223372036854775808`, `18446744073709551616`, `1e19`, `1e999`, `1` + strings.Repeat("0", 400)} {
			add(name+" "+date[:min(len(date), 24)], valid.claim(name, date).text())
		}
	}

	row = "has a `sub` or `jti` that is no text"
	for _, name := range []string{"sub", "jti"} {
		for _, json := range []string{`null`, `1`, `["x"]`, `{}`} {
			add(name+" "+json, valid.claim(name, json).text())
		}
	}
	add("jti of an issuer's", issued.claim("jti", "7").text())
	for _, name := range []string{"scope", "scp"} {
		for _, json := range []string{`null`, `1`, `{}`, `true`, `["a",1]`, `[["a"]]`, `[null]`} {
			add(name+" "+json, valid.claim(name, json).text())
		}
		add(name+" of 513 scopes", valid.claim(name, `"`+strings.Repeat("a ", 513)+`"`).text())
	}

	row = "has an `aud` that is neither"
	for _, aud := range []string{`null`, `1`, `{}`, `[]`, `[1]`, `["https://api.example.com",1]`, `[["https://api.example.com"]]`, `""`, `"https://api.example.com/"`, `"HTTPS://api.example.com"`, `["x","y"]`, `"https://other.example.com https://api.example.com"`} {
		add("aud "+aud, valid.claim("aud", aud).text())
	}
	add("no audiences", validText, func(w *world) { w.audiences = nil })
	add("not the route's", validText, func(w *world) { w.route = "https://pay.example.com" })
	add("the route's alone", valid.claim("aud", `"https://pay.example.com"`).text(), func(w *world) { w.route = "https://pay.example.com" })
	add("expired besides", valid.claim("aud", `"x"`).claim("exp", "1").text())

	row = "has a `cnf` without"
	thumbprint := encode(testCertificate[:])
	shown := func(w *world) { w.certificate = testCertificate }
	for _, cnf := range []string{
		`null`, `1`, `"x"`, `[]`, `{}`, `{"jwk":{}}`, `{"jkt":"` + thumbprint + `"}`, `{"x5t":"` + thumbprint + `"}`, `{"x5t#s256":"` + thumbprint + `"}`,
		`{"x5t#S256":1}`, `{"x5t#S256":""}`, `{"x5t#S256":"` + thumbprint + `="}`, `{"x5t#S256":"` + thumbprint[:42] + `"}`,
		`{"x5t#S256":"` + encode(make([]byte, 32)) + `"}`, `{"x5t#S256":"` + loosened(thumbprint) + `"}`, `{"x5t#S256":"` + thumbprint + thumbprint + `"}`,
	} {
		add("cnf "+cnf, valid.claim("cnf", cnf).text(), shown)
		add("cnf "+cnf+", no certificate", valid.claim("cnf", cnf).text())
	}
	bound := valid.claim("cnf", `{"x5t#S256":"`+thumbprint+`"}`)
	add("another certificate", bound.text(), func(w *world) { w.certificate = ThumbprintOf([]byte("another")) })
	add("no certificate", bound.text())
	add("expired besides", bound.claim("exp", "1").text())

	row = "has no `cnf`, where"
	add("with a certificate", validText, func(w *world) { w.certificate, w.bound = testCertificate, true })
	add("without one", validText, func(w *world) { w.bound = true })

	row = "has an `exp` that lies further back"
	add("at the instant", valid.claim("exp", seconds(-30)).text())
	add("a billionth of a second short", valid.claim("exp", seconds(-31)+".999999999").text())
	add("long ago", valid.claim("exp", "0").text())
	add("0.5", valid.claim("exp", "0.5").text())
	add("an exponent that makes it nothing", valid.claim("exp", "1e-99999").text())
	add("before nbf", valid.claim("exp", "1").claim("nbf", seconds(999)).text())

	row = "has an `nbf` or `iat` that lies"
	add("nbf", valid.claim("nbf", seconds(31)).text())
	add("nbf by a billionth of a second", valid.claim("nbf", seconds(30)+".000000001").text())
	add("nbf at the end of 64 bits", valid.claim("nbf", "9223372036854775807").text())
	add("nbf of the year 10000", valid.claim("nbf", "253402300800").text())
	add("iat", valid.claim("iat", seconds(31)).text())
	add("iat of an issuer's", issued.claim("iat", seconds(31)).text())
	add("iat, and nbf is past", valid.claim("iat", seconds(31)).claim("nbf", "0").text())
	return all
}

// loosened gives another spelling of the same bytes, which a lax decoder takes.
func loosened(part string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, part[len(part)-1])
	return part[:len(part)-1] + string(alphabet[last+1])
}

func numbered(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = `"` + strings.Repeat("x", i) + `":1`
	}
	return strings.Join(members, ",")
}

// table gives the section of docs/jwt.md that says what is refused.
func table(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/jwt.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## What is refused\n")
	if !found {
		t.Fatal("docs/jwt.md does not say what is refused")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// TestRefusals makes every line of the table, and finds each in it.
func TestRefusals(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| (.+) \\| `([a-z_]+)` \\|$").FindAllStringSubmatch(table(t), -1)
	made := map[string]int{}
	for _, r := range refusals() {
		line := -1
		for i, row := range rows {
			if strings.HasPrefix(row[1], r.row) {
				line = i
			}
		}
		if line < 0 {
			t.Fatalf("%s … is no line of the table", r.row)
		}
		made[rows[line][1]]++
		w := testWorld(t)
		if r.in != nil {
			r.in(&w)
		}
		problem := w.judge(r.text)
		if got, want := reasons[problem.Fault], rows[line][2]; got != want {
			t.Errorf("%s: %s: %s (%s); want %s", r.row, r.name, got, problem.Why, want)
		}
		if problem.Fault != None && problem.Why == "" {
			t.Errorf("%s: %s: nobody is told why", r.row, r.name)
		}
	}
	for _, row := range rows {
		if made[row[1]] == 0 {
			t.Errorf("no test makes %q", row[1])
		}
	}
}

// TestReasonsAreAll holds the table to the faults there are.
func TestReasonsAreAll(t *testing.T) {
	text := table(t)
	var missing []string
	for fault := Malformed; fault <= NotYetValid; fault++ {
		if !strings.Contains(text, "`"+reasons[fault]+"`") {
			missing = append(missing, fault.String())
		}
	}
	if diff := cmp.Diff([]string(nil), missing); diff != "" {
		t.Errorf("faults that the table has no line for: %s", diff)
	}
}
