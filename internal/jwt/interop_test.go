package jwt_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/jwt"
)

const ourAudience = "https://api.example.com"

var interopNow = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// claimsAround are those of a JWT that lives five minutes, of which one is over.
// A number is as JSON has it, so that what comes back can be compared.
func claimsAround(now time.Time, audience any) map[string]any {
	return map[string]any{
		"iss": "acme", "sub": "user-1", "jti": "b1946ac9", "aud": audience, "scope": "orders:read orders:write",
		"iat": float64(now.Unix() - 60), "nbf": float64(now.Unix() - 60), "exp": float64(now.Unix() + 240),
	}
}

// judge is the way from a JWT to what it claims, with the key in hand. Its times
// are claims to compare.
func judge(text string, key *jwt.Key) (jwt.Claims, jwt.Problem) {
	peeked, problem := jwt.Peek(credential.NewSecret(text))
	if problem.Fault != jwt.None {
		return jwt.Claims{}, problem
	}
	if problem = jwt.Verify(peeked, key); problem.Fault != jwt.None {
		return jwt.Claims{}, problem
	}
	return peeked.Evaluate(jwt.Rules{RequireIssued: true, Audiences: []string{ourAudience}})
}

func signedBy(t *testing.T, signer *parts.Signer, r parts.SignRequest) string {
	t.Helper()
	text, refusal := signer.Sign(t, r)
	if refusal.Error != "" {
		t.Fatalf("%s signs no %s: %s: %s", signer.Name, r.Algorithm, refusal.Error, refusal.Why)
	}
	return text
}

// strides are for algorithms that take their time: behind the header a bit is
// changed in each third byte, or ninth, and not in each.
var strides = map[jwt.Algorithm]int{jwt.ES384: 3, jwt.ES512: 9}

// TestSignedByOthers has each library sign by each algorithm, with keys in both
// forms, and a bit changed in each byte of what it has signed.
func TestSignedByOthers(t *testing.T) {
	signers := parts.Signers(t)
	for _, a := range jwt.AnyAlgorithm.List() {
		t.Run(a.String(), func(t *testing.T) {
			t.Parallel()
			pair := newPair(t, a)
			for _, signer := range signers {
				for form, private := range pair.private {
					audience := any(ourAudience)
					if form == "JWK" {
						audience = []any{"https://other.example.com", ourAudience}
					}
					text := signedBy(t, signer, parts.SignRequest{
						Algorithm: a.String(), Key: private,
						Header: map[string]any{"kid": "k1"}, Claims: claimsAround(interopNow, audience),
					})
					claims, problem := judge(text, pair.key)
					if problem != (jwt.Problem{}) {
						t.Errorf("%s with a %s: %v (%s); want accepted", signer.Name, form, problem.Fault, problem.Why)
						continue
					}
					want := jwt.Claims{
						Issuer: "acme", Subject: "user-1", ID: "b1946ac9", Audience: textsOf(audience),
						Expires: interopNow.Add(4 * time.Minute), NotBefore: interopNow.Add(-time.Minute), Issued: interopNow.Add(-time.Minute),
						Scopes: []string{"orders:read", "orders:write"}, Narrows: true,
					}
					if diff := cmp.Diff(want, claims); diff != "" {
						t.Errorf("%s with a %s: claims (-want +got):\n%s", signer.Name, form, diff)
					}
					if form == "PEM" {
						refuseChanged(t, signer.Name, text, pair.key, max(1, strides[a]))
					}
				}
			}
		})
	}
}

func textsOf(audience any) []string {
	if text, is := audience.(string); is {
		return []string{text}
	}
	var texts []string
	for _, text := range audience.([]any) {
		texts = append(texts, text.(string))
	}
	return texts
}

// refuseChanged changes one bit at a time: in each byte of what the parts say, in
// each character that they are written in, by stride, and all bits in the first and
// last byte of the signature and in the last character of each part.
func refuseChanged(t *testing.T, name, text string, key *jwt.Key, stride int) {
	t.Helper()
	allowed := [...][]jwt.Fault{
		{jwt.Malformed, jwt.BadAlgorithm, jwt.BadSignature},
		{jwt.Malformed, jwt.BadSignature},
		{jwt.BadSignature},
	}
	partNames := [...]string{"header", "payload", "signature"}
	written := strings.Split(text, ".")
	for i, part := range written {
		reached := 0 // the signature was looked at
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatalf("%s: %s: %v", name, partNames[i], err)
		}
		for at := range decoded {
			for bit := range 8 {
				ends := i == 2 && (at == 0 || at == len(decoded)-1)
				turn := bit == at%8 && (i == 0 || at%stride == 0)
				if !turn && !ends {
					continue
				}
				changed := slices.Clone(written)
				changed[i] = base64.RawURLEncoding.EncodeToString(flipped(decoded, at, bit))
				_, problem := judge(strings.Join(changed, "."), key)
				if !slices.Contains(allowed[i], problem.Fault) {
					t.Errorf("%s: %s with bit %d of byte %d changed: %v (%s); want one of %v",
						name, partNames[i], bit, at, problem.Fault, problem.Why, allowed[i])
				}
				if problem.Fault == jwt.BadSignature {
					reached++
				}
			}
		}
		if reached == 0 {
			t.Errorf("%s: %s: no change was found by the signature", name, partNames[i])
		}
	}
	for at := range text {
		for bit := range 8 {
			last := at == len(text)-1 || text[at+1] == '.'
			turn := bit == at%8 && at%stride == 0
			if !turn && !last {
				continue
			}
			_, problem := judge(string(flipped([]byte(text), at, bit)), key)
			if !slices.Contains(allowed[0], problem.Fault) {
				t.Errorf("%s: with bit %d of character %d changed: %v (%s); want one of %v",
					name, bit, at, problem.Fault, problem.Why, allowed[0])
			}
		}
	}
}

// flipped gives a copy with one bit changed.
func flipped(b []byte, at, bit int) []byte {
	b = slices.Clone(b)
	b[at] ^= 1 << bit
	return b
}

// TestHabitsOfOthers accepts times as each library writes them for those who use
// it as its own pages show.
func TestHabitsOfOthers(t *testing.T) {
	pair := newPair(t, jwt.ES256)
	habits := map[string][]string{
		"PyJWT":   {"datetime", "float", "int"},
		"joserfc": {"datetime", "float", "int"},
		"jose":    {"date", "float", "span"},
	}
	for _, signer := range parts.Signers(t) {
		texts, refusal := signer.Habits(t, parts.SignRequest{
			Algorithm: "ES256", Key: pair.private["PEM"], Claims: map[string]any{"iss": "acme", "aud": []string{ourAudience}},
		})
		if refusal.Error != "" {
			t.Errorf("%s: %s: %s", signer.Name, refusal.Error, refusal.Why)
		}
		for _, habit := range habits[signer.Name] {
			// A second may begin between two looks at the clock.
			claims, problem := judge(texts[habit], pair.key)
			lifetime := claims.Expires.Sub(claims.Issued)
			if problem != (jwt.Problem{}) || (lifetime-5*time.Minute).Abs() > time.Second {
				t.Errorf("%s, %s: %v (%s), with a lifetime of %v; want accepted, with 5m", signer.Name, habit, problem.Fault, problem.Why, lifetime)
			}
		}
		if len(texts) != len(habits[signer.Name]) {
			t.Errorf("%s has %d habits, want %v", signer.Name, len(texts), habits[signer.Name])
		}
	}
}

// TestSignedByOthersAndRefused holds what is well signed to all else.
func TestSignedByOthersAndRefused(t *testing.T) {
	rsaPair, ecPair := newPair(t, jwt.RS256), newPair(t, jwt.ES256)
	other := newPair(t, jwt.RS256)
	without := func(name string) map[string]any {
		claims := claimsAround(interopNow, ourAudience)
		delete(claims, name)
		return claims
	}
	valid := claimsAround(interopNow, ourAudience)
	tests := []struct {
		name      string
		algorithm jwt.Algorithm
		by        pair
		header    map[string]any
		claims    map[string]any
		key       *jwt.Key
		want      jwt.Fault
	}{
		{"nothing wrong", jwt.RS256, rsaPair, nil, valid, rsaPair.key, jwt.None},
		{"typ of access tokens", jwt.RS256, rsaPair, map[string]any{"typ": "at+jwt"}, valid, rsaPair.key, jwt.None},
		{"typ of something else", jwt.RS256, rsaPair, map[string]any{"typ": "dpop+jwt"}, valid, rsaPair.key, jwt.Malformed},
		{"PS by a key for RS", jwt.PS256, rsaPair, nil, valid, rsaPair.key, jwt.BadAlgorithm},
		{"RS512 by a key for RS256", jwt.RS512, rsaPair, nil, valid, rsaPair.key, jwt.BadAlgorithm},
		{"ES by an RSA key's name", jwt.ES256, ecPair, nil, valid, rsaPair.key, jwt.BadAlgorithm},
		{"another key", jwt.RS256, rsaPair, nil, valid, other.key, jwt.BadSignature},
		{"no exp", jwt.RS256, rsaPair, nil, without("exp"), rsaPair.key, jwt.BadClaims},
		{"no iat", jwt.RS256, rsaPair, nil, without("iat"), rsaPair.key, jwt.BadClaims},
		{"another audience", jwt.RS256, rsaPair, nil, claimsAround(interopNow, "https://other.example.com"), rsaPair.key, jwt.BadAudience},
	}
	for _, signer := range parts.Signers(t) {
		for _, test := range tests {
			// As PEM, since a JWK says for which algorithm it is.
			text := signedBy(t, signer, parts.SignRequest{
				Algorithm: test.algorithm.String(), Key: test.by.private["PEM"], Header: test.header, Claims: test.claims,
			})
			if _, problem := judge(text, test.key); problem.Fault != test.want {
				t.Errorf("%s: %s: %v (%s); want %v", signer.Name, test.name, problem.Fault, problem.Why, test.want)
			}
		}
	}
}

// TestOthersVerify has each library verify what Signer signs, and refuse what it
// should.
func TestOthersVerify(t *testing.T) {
	signers := parts.Signers(t)
	now := time.Now() // the libraries have no other clock
	for _, a := range jwt.AnyAlgorithm.List() {
		pair := newPair(t, a)
		ours, err := jwt.ReadSigner(credential.NewSecret(pair.private["JWK"]), jwt.AlgorithmSet(a))
		if err != nil {
			t.Fatalf("%s: %v", a, err)
		}
		sign := func(claims map[string]any) string {
			t.Helper()
			token, err := ours.Sign(a, "k1", claims)
			if err != nil {
				t.Fatalf("%s: %v", a, err)
			}
			return token.Expose()
		}
		valid := claimsAround(now, []any{"https://other.example.com", ourAudience})
		token, expired := sign(valid), sign(claimsAround(now.Add(-time.Hour), ourAudience))
		elsewhere := sign(claimsAround(now, "https://other.example.com"))
		for _, signer := range signers {
			for form, public := range pair.public {
				claims, refusal := signer.Verify(t, a.String(), public, ourAudience, token)
				if refusal.Error != "" {
					t.Errorf("%s, %s as %s: %s: %s; want verified", signer.Name, a, form, refusal.Error, refusal.Why)
				} else if diff := cmp.Diff(valid, claims); diff != "" {
					t.Errorf("%s, %s as %s: claims (-want +got):\n%s", signer.Name, a, form, diff)
				}
				for _, test := range []struct{ name, text, want string }{
					{"changed payload", changedIn(t, token, 1), refusals[signer.Name].signature},
					{"changed signature", changedIn(t, token, 2), refusals[signer.Name].signature},
					{"expired", expired, refusals[signer.Name].expired},
					{"another audience", elsewhere, refusals[signer.Name].audience},
				} {
					if _, refusal := signer.Verify(t, a.String(), public, ourAudience, test.text); refusal.Error != test.want {
						t.Errorf("%s, %s as %s: %s: %q (%s); want %s", signer.Name, a, form, test.name, refusal.Error, refusal.Why, test.want)
					}
				}
			}
			if a == jwt.RS256 { // the key verifies by both, and who asks allows one
				if _, refusal := signer.Verify(t, "PS256", pair.public["PEM"], ourAudience, token); refusal.Error != refusals[signer.Name].algorithm {
					t.Errorf("%s: RS256 where PS256 is allowed: %q (%s); want %s", signer.Name, refusal.Error, refusal.Why, refusals[signer.Name].algorithm)
				}
			}
		}
	}
}

// refusals are the libraries' names for them.
var refusals = map[string]struct{ signature, expired, audience, algorithm string }{
	"PyJWT":   {"InvalidSignatureError", "ExpiredSignatureError", "InvalidAudienceError", "InvalidAlgorithmError"},
	"joserfc": {"BadSignatureError", "ExpiredTokenError", "InvalidClaimError", "UnsupportedAlgorithmError"},
	"jose":    {"ERR_JWS_SIGNATURE_VERIFICATION_FAILED", "ERR_JWT_EXPIRED", "ERR_JWT_CLAIM_VALIDATION_FAILED", "ERR_JOSE_ALG_NOT_ALLOWED"},
}

// changedIn changes a bit of a part that leaves it readable: of the text acme in
// the payload, in the middle of the signature.
func changedIn(t *testing.T, text string, part int) string {
	t.Helper()
	written := strings.Split(text, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(written[part])
	if err != nil {
		t.Fatal(err)
	}
	at := len(decoded) / 2
	if part < 2 {
		at = strings.Index(string(decoded), "acme")
	}
	decoded = flipped(decoded, at, 0)
	if part < 2 && !json.Valid(decoded) {
		t.Fatalf("changed to what is no JSON: %s", decoded)
	}
	written[part] = base64.RawURLEncoding.EncodeToString(decoded)
	return strings.Join(written, ".")
}
