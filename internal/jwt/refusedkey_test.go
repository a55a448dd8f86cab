package jwt

import (
	"crypto"
	"crypto/hmac"
	"strings"
)

// ofAlgorithm adds algorithms that nobody's key is for.
func (l *refusalList) ofAlgorithm() {
	valid := validDraft()

	l.row = "names another algorithm than RS"
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "hs256", "es256", "ES256K", "Ed25519", "Ed448", "ESP256", "RSA-OAEP", "dir", "A128KW", "ES256 ", " ES256", "SHA256"} {
		header := jsonOf(valid.head("alg", `"`+alg+`"`).header)
		l.add(alg, signed(ES256, p256Key(), header, jsonOf(valid.claims)))
		l.add(alg+", no signature", compact(header, jsonOf(valid.claims), ""))
	}
	l.add("none before what else is wrong", compact(`{"alg":"none"}`, "{}", ""))
	for name, secret := range publicForms() {
		text := encode([]byte(jsonOf(valid.head("alg", `"HS256"`).header))) + "." + encode([]byte(jsonOf(valid.claims)))
		mac := hmac.New(crypto.SHA256.New, secret)
		mac.Write([]byte(text))
		l.add("HS256 with the public key as "+name, text+"."+encode(mac.Sum(nil)))
	}
}

// ofKey adds those whose key is not found, or is for something else.
func (l *refusalList) ofKey() {
	valid, issued := validDraft(), issuedDraft()

	l.row = "has no `iss`"
	for _, iss := range []string{"", `null`, `1`, `""`, `["acme"]`, `{}`, `"umbrella"`, `"ACME"`, `"acme "`, `"https://id.example.com/"`} {
		l.add("iss "+iss, valid.claim("iss", iss).text())
	}
	l.add("before the key", valid.claim("iss", `"umbrella"`).head("kid", "").text())

	l.row = "has no `kid`, or one that names no key"
	for _, kid := range []string{"", `""`, `"k2"`, `"K1"`, `"k1 "`} {
		l.add("kid "+kid, valid.head("kid", kid).text())
		l.add("issuer: kid "+kid, issued.head("kid", kid).text())
	}
	l.add("a client's kid of an issuer", issued.head("kid", `"k1"`).text())

	l.row = "names another algorithm than its key's"
	for _, says := range AnyAlgorithm.List() {
		for _, is := range AnyAlgorithm.List() {
			if says != is {
				d := valid.head("alg", `"`+says.String()+`"`).head("kid", `"`+is.String()+`"`)
				d.algorithm = is
				l.add(says.String()+" with the key for "+is.String(), d.text())
			}
		}
	}
}

// ofSignature adds those that do not verify.
func (l *refusalList) ofSignature() {
	valid := validDraft()
	parts := strings.Split(valid.text(), ".")

	l.row = "was not signed with its key"
	header, claims := jsonOf(valid.header), jsonOf(valid.claims)
	l.add("another's key", signed(ES256, must(newP256()), header, claims))
	l.add("no signature", compact(header, claims, ""))
	l.add("half of it", parts[0]+"."+parts[1]+"."+parts[2][:44])
	l.add("zeros", compact(header, claims, strings.Repeat("\x00", 64)))
	l.add("other claims", parts[0]+"."+encode([]byte(jsonOf(valid.claim("iss", `"acme"`).claim("exp", seconds(99999)).claims)))+"."+parts[2])
	l.add("spaces in the claims", parts[0]+"."+encode([]byte(claims+" "))+"."+parts[2])
	l.add("DER for r and s", valid.derText())
	for _, pair := range [][2]Algorithm{{RS256, PS256}, {PS256, RS256}, {RS256, RS384}, {RS512, RS256}, {PS512, PS384}} {
		d := valid.head("alg", `"`+pair[0].String()+`"`).head("kid", `"`+pair[0].String()+`"`)
		d.algorithm = pair[1]
		l.add(pair[0].String()+", signed by "+pair[1].String(), d.text())
	}
	l.add("ES384 with SHA-256", valid.head("alg", `"ES384"`).head("kid", `"ES384"`).hashedText(ES256, p384Key()))
	l.add("RS256 of another key", signed(RS256, otherRSAKey(), jsonOf(valid.by(RS256).head("kid", `"RS256"`).header), claims))
	l.add("expired besides", signed(ES256, must(newP256()), header, jsonOf(valid.claim("exp", "1").claim("aud", "1").claims)))
}
