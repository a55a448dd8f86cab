package jwt

import (
	"strings"
)

// ofText adds what is refused before any of it is read as JSON.
func (l *refusalList) ofText() {
	valid := validDraft()
	validText := valid.text()
	parts := strings.Split(validText, ".")

	l.row = "is longer than"
	long := valid.alsoClaim("x", `"`+strings.Repeat("x", MaxLength)+`"`).text()
	l.add("by far", long)
	l.add("with dots only", strings.Repeat(".", MaxLength+1))

	l.row = "is not three parts"
	l.add("two", parts[0]+"."+parts[1])
	l.add("one", parts[0])
	l.add("four", validText+".")
	l.add("five, as encrypted ones have", validText+".AA.AA")
	l.add("none", "")
	l.add("a dot before", "."+validText)

	l.row = "has a part that is not base64url"
	l.add("padding", parts[0]+"=."+parts[1]+"."+parts[2])
	l.add("padding of the signature", validText+"==")
	l.add("the other alphabet", strings.NewReplacer("-", "+", "_", "/").Replace(
		compact(jsonOf(valid.header), `{"a":"???>>>"}`, "\xfb\xff")))
	l.add("CR in the header", parts[0]+"\r."+parts[1]+"."+parts[2])
	l.add("LF in the claims", parts[0]+".\n"+parts[1]+"."+parts[2])
	l.add("CR and LF in the signature", validText[:len(validText)-4]+"\r\n"+validText[len(validText)-4:])
	l.add("a space", parts[0]+"."+parts[1]+"."+parts[2]+" ")
	l.add("a length of nothing", parts[0]+"."+parts[1]+"."+parts[2]+"AAA")
	l.add("loose bits", parts[0]+"."+parts[1]+"."+loosened(parts[2]))
	l.add("NUL", validText+"\x00")
}

// ofJSON adds what is refused as JSON, in the header or in the claims.
func (l *refusalList) ofJSON() {
	valid := validDraft()
	validText := valid.text()

	l.row = "has a header or claims that are not one JSON object"
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
		l.add("claims: "+name, valid.payload(text))
		l.add("header: "+name, valid.rawHeader(text))
	}
	l.add("header: number beyond a float", valid.alsoHead("x", "1e999").text())

	l.row = "has a member twice"
	l.add("alg", valid.alsoHead("alg", `"ES256"`).text())
	l.add("kid", valid.alsoHead("kid", `"k1"`).text())
	l.add("exp", valid.alsoClaim("exp", seconds(200)).text())
	l.add("escaped", valid.alsoClaim(`\u0065xp`, seconds(200)).text())
	l.add("nested", valid.alsoClaim("x", `{"a":{"b":1,"c":2,"b":1}}`).text())
	l.add("in a list", valid.alsoClaim("x", `[{"b":1,"\u0062":1}]`).text())
	l.add("empty names", valid.alsoClaim("", "1").alsoClaim("", "1").text())
	l.add("in the header, nested", valid.alsoHead("jwk", `{"kty":1,"kty":1}`).text())

	l.row = "is nested deeper than 16"
	l.add("lists", valid.alsoClaim("x", strings.Repeat("[", 16)+strings.Repeat("]", 16)).text())
	l.add("objects", valid.alsoClaim("x", strings.Repeat(`{"a":`, 16)+"1"+strings.Repeat("}", 16)).text())
	l.add("header", valid.alsoHead("x", strings.Repeat("[", 16)+strings.Repeat("]", 16)).text())
	l.add("never closed", valid.alsoClaim("x", strings.Repeat("[", 5000)).text())
	l.add("values", valid.alsoClaim("x", "[1"+strings.Repeat(",1", 511)+"]").text())
	l.add("members", valid.alsoClaim("x", "{"+numbered(129)+"}").text())
	l.add("members of the claims", valid.payload("{"+numbered(129)+"}"))
}

// ofHeader adds what a header is refused for.
func (l *refusalList) ofHeader() {
	valid := validDraft()

	l.row = "has `crit` or `b64`"
	l.add("crit", valid.alsoHead("crit", `["exp"]`).alsoHead("exp", "1").text())
	l.add("crit empty", valid.alsoHead("crit", `[]`).text())
	l.add("crit null", valid.alsoHead("crit", `null`).text())
	l.add("b64 false", valid.alsoHead("b64", `false`).alsoHead("crit", `["b64"]`).text())
	l.add("b64 true", valid.alsoHead("b64", `true`).text())

	l.row = "has a `typ` other than"
	for _, typ := range []string{`"JOSE"`, `"dpop+jwt"`, `""`, `1`, `null`, `["JWT"]`, `"JWT "`, `"text/jwt"`, `"application/"`, `"application/application/jwt"`, `"at+jwt;v=1"`, `"logout+jwt"`} {
		l.add(typ, valid.head("typ", typ).text())
	}

	l.row = "has no `alg`"
	for _, alg := range []string{"", `""`, `null`, `1`, `["ES256"]`, `{}`} {
		l.add("alg "+alg, valid.head("alg", alg).text())
	}
	l.add("Alg", valid.head("alg", "").alsoHead("Alg", `"ES256"`).text())

	l.row = "has a `kid` that is no text"
	for _, kid := range []string{`null`, `1`, `["k1"]`, `{}`, `true`} {
		l.add("kid "+kid, valid.head("kid", kid).text())
	}
}
