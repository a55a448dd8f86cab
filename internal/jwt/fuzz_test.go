package jwt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
)

// FuzzPeek reads anything: nothing panics or costs much, what is read is read
// as golang-jwt reads it, and has no other spelling.
func FuzzPeek(f *testing.F) {
	for _, r := range refusals() {
		f.Add(r.text)
	}
	for _, text := range hostile() {
		if len(text) <= MaxLength {
			f.Add(text)
		}
	}
	for _, v := range vectors {
		f.Add(v.text)
	}
	f.Add(validDraft().text())
	f.Fuzz(func(t *testing.T, text string) {
		if bytes := allocated(func() { readAll(text) }); bytes > most {
			t.Errorf("%d bytes for a text of %d", bytes, len(text))
		}
		peeked, problem := Peek(credential.NewSecret(text))
		if problem.Fault == None == (peeked.Algorithm == NoAlgorithm) || (problem.Fault == None) != (problem.Why == "") {
			t.Fatalf("algorithm %s beside %+v", peeked.Algorithm, problem)
		}
		if problem.Fault != None {
			return
		}
		token, _, err := golangjwt.NewParser(golangjwt.WithJSONNumber(), golangjwt.WithStrictDecoding()).ParseUnverified(text, golangjwt.MapClaims{})
		if err != nil {
			t.Fatalf("golang-jwt refuses what is accepted: %v", err)
		}
		sameAsGolang(t, peeked, token)
		if again := compact(peeked.Header(), peeked.Payload(), peeked.signature.Expose()); again != text {
			t.Errorf("%q has another spelling, %q", text, again)
		}
	})
}

// sameAsGolang compares all that can be read of a JWT.
func sameAsGolang(t *testing.T, peeked Peeked, token *golangjwt.Token) {
	t.Helper()
	kid, _ := token.Header["kid"].(string)
	if token.Method.Alg() != peeked.Algorithm.String() || kid != peeked.KeyID {
		t.Errorf("algorithm %s and kid %q; golang-jwt has %s, %q", peeked.Algorithm, peeked.KeyID, token.Method.Alg(), kid)
	}
	theirs := map[string]any(token.Claims.(golangjwt.MapClaims))
	if diff := cmp.Diff(theirs, plainObject(peeked.claims)); diff != "" {
		t.Errorf("claims (-golang-jwt +ours):\n%s", diff)
	}
	if !bytes.Equal(token.Signature, []byte(peeked.signature.Expose())) {
		t.Errorf("signature %x; golang-jwt has %x", peeked.signature.Expose(), token.Signature)
	}
}

// FuzzAgainstGolangJWT signs any header and any claims. What is accepted here,
// golang-jwt accepts too, and reads the same in it. It may accept more.
func FuzzAgainstGolangJWT(f *testing.F) {
	ours := fuzzKey()
	for _, r := range refusals() {
		parts := strings.Split(r.text, ".")
		if len(parts) == 3 && len(r.text) < 2*MaxLength {
			header, _ := decode(parts[0])
			claims, _ := decode(parts[1])
			f.Add([]byte(strings.ReplaceAll(string(header), "ES256", "EdDSA")), claims)
		}
	}
	d := validDraft().by(EdDSA)
	f.Add([]byte(jsonOf(d.header)), []byte(jsonOf(d.claims)))
	f.Add([]byte(`{"alg":"EdDSA"}`), []byte(fuzzedClaims))
	f.Add([]byte(`{"alg":"EdDSA"}`), []byte(strings.Replace(fuzzedClaims, "831", "770.5", 1)))
	f.Fuzz(func(t *testing.T, header, claims []byte) {
		text := signed(EdDSA, ours.private, string(header), string(claims))
		peeked, problem := Peek(credential.NewSecret(text))
		if problem.Fault == None {
			problem = Verify(peeked, ours.key)
		}
		if problem.Fault != None {
			return
		}
		token, err := golangjwt.NewParser(golangjwt.WithJSONNumber(), golangjwt.WithoutClaimsValidation(), golangjwt.WithValidMethods([]string{"EdDSA"})).
			Parse(text, ours.keyfunc)
		if err != nil {
			t.Fatalf("golang-jwt refuses what is verified: %v", err)
		}
		sameAsGolang(t, peeked, token)
		sameVerdict(t, text, peeked, ours)
	})
}

// fuzzedClaims are valid by the rules of sameVerdict, at the edge of the skew.
const fuzzedClaims = `{"iss":"a","aud":["x","y"],"exp":1769860831,"iat":1769860830,"nbf":1769860829.5,"scope":"a b","scp":["b"]}`

type fuzzed struct {
	private ed25519.PrivateKey
	key     *Key
	keyfunc golangjwt.Keyfunc
}

// fuzzKey is the same in all of a fuzzer's processes, and signs nothing else.
func fuzzKey() fuzzed {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	key := must(newKey("", private.Public(), AnyAlgorithm))
	return fuzzed{private, key, func(*golangjwt.Token) (any, error) { return private.Public(), nil }}
}

// sameVerdict evaluates by the same rules. golang-jwt reads dates as floats, and
// cuts them down to seconds: it is given one second more.
func sameVerdict(t *testing.T, text string, peeked Peeked, ours fuzzed) {
	t.Helper()
	claims, problem := peeked.Evaluate(Rules{Audiences: []string{"x"}, RouteAudience: "y", RequireIssued: true})
	from, until := claims.Window(testSkew)
	valid := problem.Fault == None && !testNow.Before(from) && testNow.Before(until)
	if peeked.Payload() == fuzzedClaims && !valid {
		t.Fatalf("%s: %+v, from %v until %v; without it nothing is compared", fuzzedClaims, problem, from, until)
	}
	if !valid || claims.Expires.Unix() == lastSecond {
		return
	}
	parser := golangjwt.NewParser(golangjwt.WithJSONNumber(), golangjwt.WithValidMethods([]string{"EdDSA"}),
		golangjwt.WithTimeFunc(func() time.Time { return testNow }), golangjwt.WithLeeway(testSkew+time.Second), golangjwt.WithIssuedAt(),
		golangjwt.WithExpirationRequired(), golangjwt.WithAllAudiences("x", "y"), golangjwt.WithIssuer(claims.Issuer))
	if _, err := parser.Parse(text, ours.keyfunc); err != nil {
		t.Errorf("golang-jwt refuses %s, which is valid: %v", peeked.Payload(), err)
	}
}

// FuzzScan compares with encoding/json: what is read here is read the same
// there, and what only it reads is one of the things that it is known for.
func FuzzScan(f *testing.F) {
	for _, text := range []string{`{}`, `{"a":[1,-0.5e+7,"\ud83d\ude00",null,true,{"b":{}}]}`, `{"a":1,"a":2}`, `{"a":"\ud800"}`, `{"a":01}`, "{\"\xff\":1}", `{"a":1e999}`, `{} {}`, ` {"a" : 1 } `} {
		f.Add(text)
	}
	known := map[string]bool{
		"is not UTF-8": true, "has a member twice": true, "has half of a surrogate pair": true, "is nested too deep": true,
		"has too many members": true, "has too many values": true, "is no JSON object": true,
	}
	f.Fuzz(func(t *testing.T, text string) {
		members, why := scanObject(text, claimLimits)
		switch {
		case why == "":
			want, err := decoded(text)
			if diff := cmp.Diff(want, plainObject(members)); !json.Valid([]byte(text)) || err != nil || diff != "" {
				t.Errorf("%q: encoding/json: %v\n%s", text, err, diff)
			}
		case json.Valid([]byte(text)) && !known[why]:
			t.Errorf("%q %s; encoding/json reads it", text, why)
		}
	})
}

// FuzzKeys reads anything as keys: what is one reads back as the same one, and
// has no private member.
func FuzzKeys(f *testing.F) {
	for _, a := range AnyAlgorithm.List() {
		f.Add([]byte(keyFor(f, a).JWK("k1")))
	}
	f.Add([]byte(jwks(keyFor(f, ES256).JWK("a"), keyFor(f, EdDSA).JWK("b"))))
	f.Add([]byte(jwks(`{"kty":"oct","k":"AQAB"}`, `{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}`)))
	f.Add(publicPEM(p256Key().Public()))
	f.Add(pemOf("CERTIFICATE", certificateOf(edKey())))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := ReadKeys(text, AnyAlgorithm)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("%d keys and %v", len(keys), err)
		}
		for _, key := range keys {
			again, err := ParseJWK([]byte(key.JWK(key.ID())), key.Algorithms())
			if err != nil || again.Sum() != key.Sum() || again.ID() != key.ID() {
				t.Errorf("%s reads back as %v, %v", key.JWK(key.ID()), again, err)
			}
			if bytes.Contains(text, []byte("PRIVATE KEY-----")) {
				t.Errorf("a key from what holds a private one")
			}
		}
		if _, err := ParseJWK(text, AnyAlgorithm); err == nil && bytes.Contains(text, []byte(`"d"`)) {
			if members, _ := scanObject(string(text), jwkLimits); members.get("d").kind != absent {
				t.Errorf("a public key from a private one")
			}
		}
		if _, err := ParseSet(text, AnyAlgorithm); errors.Is(err, ErrPrivateKey) {
			t.Errorf("a set is refused for one of its keys: %v", err)
		}
	})
}
