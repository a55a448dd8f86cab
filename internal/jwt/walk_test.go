package jwt

import (
	"strings"
	"testing"
	"time"

	"credence/internal/credential"
)

var (
	testNow         = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	testCertificate = ThumbprintOf([]byte("a certificate"))
)

const testSkew = 30 * time.Second

// A world is what a JWT is judged by.
type world struct {
	clients     map[string]map[string]*Key // by client and kid
	issuers     map[string]Set
	bindings    map[string]bool // subjects, of any issuer
	audiences   []string
	route       string
	certificate Thumbprint
	bound       bool // keys demand a binding
	now         time.Time
}

// testWorld has a client, acme, with a key for each algorithm (k1 is ES256's),
// and an issuer whose key i1 is ES256's too.
func testWorld(t testing.TB) world {
	t.Helper()
	keys := map[string]*Key{"k1": keyFor(t, ES256)}
	for _, a := range AnyAlgorithm.List() {
		keys[a.String()] = keyFor(t, a)
	}
	issued, err := ParseSet([]byte(`{"keys":[`+keyFor(t, ES256).JWK("i1")+`]}`), AnyAlgorithm)
	if err != nil {
		t.Fatal(err)
	}
	return world{
		clients:   map[string]map[string]*Key{"acme": keys},
		issuers:   map[string]Set{"https://id.example.com": issued},
		bindings:  map[string]bool{"user-1": true},
		audiences: []string{"https://other.example.com", "https://api.example.com"},
		now:       testNow,
	}
}

// reasons are what a decision says for each fault.
var reasons = map[Fault]string{
	None: "allowed", Malformed: "jwt_malformed", BadAlgorithm: "jwt_algorithm", IssuerUnknown: "jwt_issuer_unknown",
	KeyUnknown: "jwt_key_unknown", BadSignature: "jwt_signature", SubjectUnknown: "jwt_subject_unknown",
	BadClaims: "jwt_claims", BadAudience: "jwt_audience", BadBinding: "jwt_binding",
}

// judge walks the order that doc.go shows, and gives the reason and why. The last
// step is the caller's: package authz takes it by the same times, which
// testdata/decisions holds it to.
func (w world) judge(text string) (reason, why string) {
	claims, problem := w.evaluate(text)
	if problem.Fault != None {
		return reasons[problem.Fault], problem.Why
	}
	switch from, until := claims.Window(testSkew); {
	case !w.now.Before(until):
		return "credential_expired", "exp"
	case w.now.Before(from):
		return "credential_not_yet_valid", "nbf or iat"
	}
	return reasons[None], ""
}

// evaluate takes all steps that need no clock.
func (w world) evaluate(text string) (Claims, Problem) {
	peeked, problem := Peek(credential.NewSecret(text))
	if problem.Fault != None {
		return Claims{}, problem
	}
	rules := Rules{Audiences: w.audiences, RouteAudience: w.route, Certificate: w.certificate, RequireBinding: w.bound}
	var key *Key
	if set, isIssuer := w.issuers[peeked.Issuer()]; isIssuer {
		key = set.Find(peeked.KeyID, peeked.Algorithm)
		rules.SubjectClaim = "sub"
	} else {
		keys, isClient := w.clients[peeked.Issuer()]
		if !isClient {
			return Claims{}, Problem{IssuerUnknown, "iss: names nobody"}
		}
		key, rules.RequireIssued = keys[peeked.KeyID], true
	}
	if problem = Verify(peeked, key); problem.Fault != None {
		return Claims{}, problem
	}
	if rules.SubjectClaim != "" && !w.bindings[peeked.Subject(rules.SubjectClaim)] {
		return Claims{}, Problem{SubjectUnknown, "sub: no binding"}
	}
	return peeked.Evaluate(rules)
}

// TestAccepted holds the walk to letting pass what it should: all refusals start
// from one of these.
func TestAccepted(t *testing.T) {
	w := testWorld(t)
	w.certificate = testCertificate
	thumbprint := encode(testCertificate[:])
	type test struct {
		name string
		text string
	}
	tests := []test{
		{"a client's", validDraft().text()},
		{"an issuer's", issuedDraft().text()},
		{"an issuer's without iat", issuedDraft().claim("iat", "").text()},
		{"an issuer's kid is any text", issuedDraft().head("kid", `"\u0069\u0031"`).text()},
		{"no typ", validDraft().head("typ", "").text()},
		{"typ in lower case", validDraft().head("typ", `"jwt"`).text()},
		{"typ as a media type", validDraft().head("typ", `"application/jwt"`).text()},
		{"typ of access tokens", validDraft().head("typ", `"AT+JWT"`).text()},
		{"typ of access tokens as a media type", validDraft().head("typ", `"Application/at+jwt"`).text()},
		{"keys that the header brings", validDraft().alsoHead("jwk", `{"kty":"oct","k":"AA"}`).alsoHead("jku", `"https://evil.example"`).
			alsoHead("x5u", `"https://evil.example"`).alsoHead("x5c", `["MIIB"]`).alsoHead("x5t", `1`).text()},
		{"cty and members of nobody's", validDraft().alsoHead("cty", `"JWT"`).alsoHead("Crit", `["exp"]`).alsoHead("ALG", `"none"`).text()},
		{"claims in other case are others", validDraft().alsoClaim("EXP", "1").alsoClaim("Aud", "1").alsoClaim("CNF", "1").alsoClaim("Iss", "2").text()},
		{"aud as a list", validDraft().claim("aud", `["a","https://api.example.com"]`).text()},
		{"exp at the edge of the skew", validDraft().claim("iat", seconds(-90)).claim("exp", seconds(-29)).text()},
		{"exp a billionth of a second before the edge", validDraft().claim("exp", seconds(-30)+".000000001").text()},
		{"exp with a fraction and an exponent", validDraft().claim("exp", "1.76e18").text()},
		{"exp at the end of 64 bits", validDraft().claim("exp", "9223372036854775807").text()},
		{"nbf at the edge of the skew", validDraft().claim("nbf", seconds(30)).text()},
		{"nbf at zero", validDraft().claim("nbf", "0").text()},
		{"iat at the edge of the skew", validDraft().claim("iat", seconds(30)).text()},
		{"spaces about", validDraft().payload("\r\n\t " + jsonOf(validDraft().claims) + " \n")},
		{"other claims of any kind", validDraft().alsoClaim("x", `[null,true,{"a":[1e999,-0.5]},"\ud83d\ude00"]`).text()},
		{"nested 16 deep", validDraft().alsoClaim("x", strings.Repeat("[", 15)+strings.Repeat("]", 15)).text()},
		{"many beside each other", validDraft().alsoClaim("x", "[[]"+strings.Repeat(",[],{}", 20)+"]").text()},
		{"bound to the certificate", validDraft().claim("cnf", `{"x5t#S256":"`+thumbprint+`"}`).text()},
		{"bound to the certificate, and more", validDraft().claim("cnf", `{"jkt":"x","x5t#S256":"`+thumbprint+`"}`).text()},
		{"no jti", validDraft().claim("jti", "").text()},
	}
	for _, a := range AnyAlgorithm.List() {
		tests = append(tests, test{a.String(), validDraft().by(a).head("kid", `"`+a.String()+`"`).text()})
	}
	for _, test := range tests {
		if reason, why := w.judge(test.text); reason != reasons[None] {
			t.Errorf("%s: %s (%s); want allowed", test.name, reason, why)
		}
	}
}
