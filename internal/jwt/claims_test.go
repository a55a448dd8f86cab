package jwt

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestClaims(t *testing.T) {
	peeked := peek(t, validDraft().claim("sub", `"m\u00fcller"`).claim("nbf", seconds(-10)).claim("aud", `["https://api.example.com","b"]`).
		claim("scope", `"orders:read  orders:write "`).claim("cnf", `{"x5t#S256":"`+encode(testCertificate[:])+`"}`).text())
	got, problem := peeked.Evaluate(Rules{Audiences: []string{"b"}, RequireIssued: true, Certificate: testCertificate})
	if problem.Fault != None {
		t.Fatal(problem)
	}
	want := Claims{
		Issuer: "acme", Subject: "müller", ID: "b1946ac9", Audience: []string{"https://api.example.com", "b"},
		Expires: testNow.Add(240 * time.Second), NotBefore: testNow.Add(-10 * time.Second), Issued: testNow.Add(-60 * time.Second),
		Scopes: []string{"orders:read", "orders:write"}, Narrows: true,
		Confirmation: Confirmation{true, testCertificate},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

// TestScopes tells what a JWT asks for at most.
func TestScopes(t *testing.T) {
	for _, test := range []struct {
		scope, scp string
		want       []string
		narrows    bool
	}{
		{"", "", nil, false},
		{`"a b"`, "", []string{"a", "b"}, true},
		{`" a  b "`, "", []string{"a", "b"}, true},
		{`["a","b"]`, "", []string{"a", "b"}, true},
		{`["a b"]`, "", []string{"a b"}, true}, // one scope, which no profile can have
		{`"a\tb"`, "", []string{"a\tb"}, true},
		{`""`, "", nil, true},
		{`" "`, "", nil, true},
		{`[]`, "", nil, true},
		{"", `"a"`, []string{"a"}, true},
		{"", `["b","a"]`, []string{"b", "a"}, true},
		{`"a b c"`, `["c","a","d"]`, []string{"c", "a"}, true},
		{`"a"`, `["b"]`, nil, true},
		{`""`, `["b"]`, nil, true},
		{`"a"`, `[]`, nil, true},
	} {
		d := validDraft().claim("scope", test.scope).claim("scp", test.scp)
		if test.scope == "" {
			d = validDraft().claim("scp", test.scp)
			if test.scp == "" {
				d = validDraft()
			}
		} else if test.scp == "" {
			d = validDraft().claim("scope", test.scope)
		}
		claims, problem := peek(t, d.text()).Evaluate(Rules{Audiences: []string{"https://api.example.com"}})
		got := append([]string(nil), claims.Scopes...)
		if diff := cmp.Diff(test.want, got); problem.Fault != None || claims.Narrows != test.narrows || diff != "" {
			t.Errorf("scope %s, scp %s: %v, narrows %v, %+v; want %v, %v", test.scope, test.scp, got, claims.Narrows, problem, test.want, test.narrows)
		}
	}
}

// TestSubjectClaim tells by which claim a subject is found.
func TestSubjectClaim(t *testing.T) {
	peeked := peek(t, issuedDraft().claim("azp", `"app"`).claim("groups", `["x"]`).text())
	for claim, want := range map[string]string{"": "user-1", "sub": "user-1", "azp": "app"} {
		claims, problem := peeked.Evaluate(Rules{SubjectClaim: claim, Audiences: []string{"https://api.example.com"}})
		if problem.Fault != None || claims.Subject != want {
			t.Errorf("subject claim %q: subject %q, %+v; want %q", claim, claims.Subject, problem, want)
		}
	}
	for _, claim := range []string{"groups", "client_id", "AZP"} {
		if _, problem := peeked.Evaluate(Rules{SubjectClaim: claim, Audiences: []string{"https://api.example.com"}}); problem.Fault != SubjectUnknown {
			t.Errorf("subject claim %q: %+v; want it unknown", claim, problem)
		}
	}
	other := peek(t, issuedDraft().claim("sub", "1").claim("azp", `"app"`).text())
	if _, problem := other.Evaluate(Rules{SubjectClaim: "azp", Audiences: []string{"https://api.example.com"}}); problem.Fault != BadClaims {
		t.Errorf("sub of a wrong type beside another subject claim: %+v; want the claims bad", problem)
	}
}

// TestWindow tells between which times a JWT is valid.
func TestWindow(t *testing.T) {
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
	for _, test := range []struct {
		claims      Claims
		skew        time.Duration
		from, until time.Time
	}{
		{Claims{Expires: at(100)}, 0, time.Time{}, at(100)},
		{Claims{Expires: at(100)}, 30 * time.Second, time.Time{}, at(130)},
		{Claims{Expires: at(100), NotBefore: at(50)}, 30 * time.Second, at(20), at(130)},
		{Claims{Expires: at(100), NotBefore: at(50), Issued: at(60)}, 30 * time.Second, at(30), at(130)},
		{Claims{Expires: at(100), NotBefore: at(70), Issued: at(60)}, 0, at(70), at(100)},
		{Claims{Expires: at(0), NotBefore: at(0)}, 30 * time.Second, at(-30), at(30)},
	} {
		from, until := test.claims.Window(test.skew)
		if !from.Equal(test.from) || !until.Equal(test.until) {
			t.Errorf("%+v, skew %v: from %v until %v; want %v, %v", test.claims, test.skew, from, until, test.from, test.until)
		}
	}
}

// TestConfirmation holds zero thumbprints to being nobody's.
func TestConfirmation(t *testing.T) {
	other := ThumbprintOf([]byte("another"))
	for _, test := range []struct {
		bound       Confirmation
		certificate Thumbprint
		required    bool
		want        bool
	}{
		{Confirmation{}, Thumbprint{}, false, true},
		{Confirmation{}, other, false, true},
		{Confirmation{}, Thumbprint{}, true, false},
		{Confirmation{}, other, true, false},
		{Confirmation{true, other}, other, false, true},
		{Confirmation{true, other}, other, true, true},
		{Confirmation{true, other}, testCertificate, false, false},
		{Confirmation{true, other}, Thumbprint{}, false, false},
		{Confirmation{true, Thumbprint{}}, Thumbprint{}, false, false},
		{Confirmation{true, Thumbprint{}}, other, false, false},
	} {
		if got := test.bound.Holds(test.certificate, test.required); got != test.want {
			t.Errorf("%+v by %x, required %v: %v; want %v", test.bound, test.certificate[:4], test.required, got, test.want)
		}
	}
}
