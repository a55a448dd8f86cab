package jwt

import (
	"strings"
)

// ofClaims adds claims that are missing, or of a wrong type.
func (l *refusalList) ofClaims() {
	valid, issued := validDraft(), issuedDraft()

	l.row = "lacks the subject claim"
	for _, sub := range []string{"", `null`, `1`, `""`, `["user-1"]`, `"user-2"`} {
		l.add("sub "+sub, issued.claim("sub", sub).text())
	}
	l.add("before exp", issued.claim("sub", "1").claim("exp", "").text())

	l.row = "lacks `exp`, `aud` or"
	l.add("exp", valid.claim("exp", "").text())
	l.add("aud", valid.claim("aud", "").text())
	l.add("iat", valid.claim("iat", "").text())
	l.add("exp of an issuer's", issued.claim("exp", "").text())
	l.add("aud of an issuer's", issued.claim("aud", "").text())
	l.add("exp, and aud is wrong", valid.claim("exp", "").claim("aud", "1").text())
	l.add("aud, and audiences are empty", valid.claim("aud", "").text(), func(w *world) { w.audiences = nil })

	l.row = "has an `exp`, `nbf` or `iat` that is no number"
	for _, name := range []string{"exp", "nbf", "iat"} {
		for _, date := range []string{`null`, `"1769860800"`, `true`, `[1769860800]`, `{}`, `-1`, `-0`, `-1e-9`, `9223372036854775808`, `18446744073709551616`, `1e19`, `1e999`, `1` + strings.Repeat("0", 400)} {
			l.add(name+" "+date[:min(len(date), 24)], valid.claim(name, date).text())
		}
	}

	l.row = "has a `sub` or `jti` that is no text"
	for _, name := range []string{"sub", "jti"} {
		for _, json := range []string{`null`, `1`, `["x"]`, `{}`} {
			l.add(name+" "+json, valid.claim(name, json).text())
		}
	}
	l.add("jti of an issuer's", issued.claim("jti", "7").text())
	for _, name := range []string{"scope", "scp"} {
		for _, json := range []string{`null`, `1`, `{}`, `true`, `["a",1]`, `[["a"]]`, `[null]`} {
			l.add(name+" "+json, valid.claim(name, json).text())
		}
		l.add(name+" of 513 scopes", valid.claim(name, `"`+strings.Repeat("a ", 513)+`"`).text())
	}
}

// ofAudience adds those that are meant for somebody else.
func (l *refusalList) ofAudience() {
	valid := validDraft()
	validText := valid.text()

	l.row = "has an `aud` that is neither"
	for _, aud := range []string{`null`, `1`, `{}`, `[]`, `[1]`, `["https://api.example.com",1]`, `[["https://api.example.com"]]`, `""`, `"https://api.example.com/"`, `"HTTPS://api.example.com"`, `["x","y"]`, `"https://other.example.com https://api.example.com"`} {
		l.add("aud "+aud, valid.claim("aud", aud).text())
	}
	l.add("no audiences", validText, func(w *world) { w.audiences = nil })
	l.add("not the route's", validText, func(w *world) { w.route = "https://pay.example.com" })
	l.add("the route's alone", valid.claim("aud", `"https://pay.example.com"`).text(), func(w *world) { w.route = "https://pay.example.com" })
	l.add("expired besides", valid.claim("aud", `"x"`).claim("exp", "1").text())
}

// ofBinding adds those that are not bound as they must be.
func (l *refusalList) ofBinding() {
	valid := validDraft()
	validText := valid.text()

	l.row = "has a `cnf` without"
	thumbprint := encode(testCertificate[:])
	shown := func(w *world) { w.certificate = testCertificate }
	for _, cnf := range []string{
		`null`, `1`, `"x"`, `[]`, `{}`, `{"jwk":{}}`, `{"jkt":"` + thumbprint + `"}`, `{"x5t":"` + thumbprint + `"}`, `{"x5t#s256":"` + thumbprint + `"}`,
		`{"x5t#S256":1}`, `{"x5t#S256":""}`, `{"x5t#S256":"` + thumbprint + `="}`, `{"x5t#S256":"` + thumbprint[:42] + `"}`,
		`{"x5t#S256":"` + encode(make([]byte, 32)) + `"}`, `{"x5t#S256":"` + loosened(thumbprint) + `"}`, `{"x5t#S256":"` + thumbprint + thumbprint + `"}`,
	} {
		l.add("cnf "+cnf, valid.claim("cnf", cnf).text(), shown)
		l.add("cnf "+cnf+", no certificate", valid.claim("cnf", cnf).text())
	}
	bound := valid.claim("cnf", `{"x5t#S256":"`+thumbprint+`"}`)
	l.add("another certificate", bound.text(), func(w *world) { w.certificate = ThumbprintOf([]byte("another")) })
	l.add("no certificate", bound.text())
	l.add("expired besides", bound.claim("exp", "1").text())

	l.row = "has no `cnf`, where"
	l.add("with a certificate", validText, func(w *world) { w.certificate, w.bound = testCertificate, true })
	l.add("without one", validText, func(w *world) { w.bound = true })
}

// ofTimes adds those that are not valid now.
func (l *refusalList) ofTimes() {
	valid, issued := validDraft(), issuedDraft()

	l.row = "has an `exp` that lies further back"
	l.add("at the instant", valid.claim("exp", seconds(-30)).text())
	l.add("a billionth of a second short", valid.claim("exp", seconds(-31)+".999999999").text())
	l.add("long ago", valid.claim("exp", "0").text())
	l.add("0.5", valid.claim("exp", "0.5").text())
	l.add("an exponent that makes it nothing", valid.claim("exp", "1e-99999").text())
	l.add("before nbf", valid.claim("exp", "1").claim("nbf", seconds(999)).text())

	l.row = "has an `nbf` or `iat` that lies"
	l.add("nbf", valid.claim("nbf", seconds(31)).text())
	l.add("nbf by a billionth of a second", valid.claim("nbf", seconds(30)+".000000001").text())
	l.add("nbf at the end of 64 bits", valid.claim("nbf", "9223372036854775807").text())
	l.add("nbf of the year 10000", valid.claim("nbf", "253402300800").text())
	l.add("iat", valid.claim("iat", seconds(31)).text())
	l.add("iat of an issuer's", issued.claim("iat", seconds(31)).text())
	l.add("iat, and nbf is past", valid.claim("iat", seconds(31)).claim("nbf", "0").text())
}
