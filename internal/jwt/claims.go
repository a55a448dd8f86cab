package jwt

import (
	"slices"
	"strings"
	"time"
)

// Rules are what the claims of a JWT are held to. They differ by who signed it
// and by route.
type Rules struct {
	// SubjectClaim names the claim that an issuer's binding is found by; empty
	// for a client's own key, of which no subject is asked.
	SubjectClaim string
	// RequireIssued asks for iat.
	RequireIssued bool
	// Audiences are those of which a JWT must be meant for one; where there are
	// none, no JWT passes.
	Audiences []string
	// RouteAudience is one that it must be meant for besides; empty: none.
	RouteAudience string
	// Certificate is that of the connection; zero where none is known.
	Certificate Thumbprint
	// RequireBinding asks for a JWT that is bound to the certificate.
	RequireBinding bool
}

// Claims are what a JWT claims (RFC 7519 §4.1, RFC 8693 §4.2, RFC 7800).
type Claims struct {
	Issuer   string
	Subject  string // sub, or the claim that names the subject
	ID       string // jti; empty: none
	Audience []string
	// Times are in UTC, and none is later than the year 9999.
	Expires   time.Time
	NotBefore time.Time // zero: at once
	Issued    time.Time // zero: not said
	// Scopes are the most that the JWT asks for, where Narrows; else it says
	// nothing of scopes.
	Scopes       []string
	Narrows      bool
	Confirmation Confirmation
}

// Evaluate holds the claims to rules: issuer, subject, claims, audience,
// certificate, in this order. Times are left to who has a clock: see Window. It
// says nothing of who made the claims: Verify comes before it. Beside a Problem,
// Claims hold what could be read.
func (p Peeked) Evaluate(rules Rules) (Claims, Problem) {
	r := claimReader{claims: p.claims}
	c := Claims{
		Issuer:       p.Issuer(),
		Subject:      p.Subject(rules.subjectClaim()),
		ID:           r.text("jti"),
		Expires:      r.date("exp", true),
		NotBefore:    r.date("nbf", false),
		Issued:       r.date("iat", rules.RequireIssued),
		Confirmation: p.claims.get("cnf").confirmation(),
	}
	r.text("sub")
	c.Scopes, c.Narrows = r.scopes()
	audience, meant := r.audience()
	c.Audience = audience
	switch {
	case c.Issuer == "":
		return c, Problem{IssuerUnknown, "iss: is missing or no text"}
	case rules.SubjectClaim != "" && c.Subject == "":
		return c, Problem{SubjectUnknown, rules.SubjectClaim + ": is missing or no text"}
	case r.why != "":
		return c, Problem{BadClaims, r.why}
	case !meant:
		return c, Problem{BadAudience, "aud: is neither a text nor a list of texts"}
	}
	if problem := rules.judgeAudience(audience); problem.Fault != None {
		return c, problem
	}
	return c, rules.judgeBinding(c.Confirmation)
}

func (r Rules) subjectClaim() string {
	if r.SubjectClaim == "" {
		return "sub"
	}
	return r.SubjectClaim
}

func (r Rules) judgeAudience(audience []string) Problem {
	for _, ours := range r.Audiences {
		if !slices.Contains(audience, ours) {
			continue
		}
		if r.RouteAudience != "" && !slices.Contains(audience, r.RouteAudience) {
			return Problem{BadAudience, "aud: does not hold the route's audience"}
		}
		return Problem{}
	}
	return Problem{BadAudience, "aud: holds none of jwt.audiences"}
}

func (r Rules) judgeBinding(bound Confirmation) Problem {
	switch {
	case bound.Holds(r.Certificate, r.RequireBinding):
		return Problem{}
	case !bound.Present:
		return Problem{BadBinding, "cnf: is missing, and the key demands it"}
	case bound.Certificate == Thumbprint{}:
		return Problem{BadBinding, "cnf: holds no x5t#S256 that can be compared"}
	case r.Certificate == Thumbprint{}:
		return Problem{BadBinding, "cnf: names a certificate, and the connection showed none"}
	}
	return Problem{BadBinding, "cnf: names another certificate than the connection's"}
}

// Window gives the times that a JWT is valid between, widened by skew: from the
// first one on, and until just before the second. A zero first one: from ever.
func (c Claims) Window(skew time.Duration) (from, until time.Time) {
	from = c.NotBefore
	if c.Issued.After(from) {
		from = c.Issued
	}
	if !from.IsZero() {
		from = from.Add(-skew)
	}
	return from, c.Expires.Add(skew)
}

// A claimReader reads claims of which a wrong one is BadClaims, and keeps the
// first that is.
type claimReader struct {
	claims object
	why    string
}

func (r *claimReader) fail(name, why string) {
	if r.why == "" {
		r.why = name + ": " + why
	}
}

// text reads a claim that may be missing.
func (r *claimReader) text(name string) string {
	v := r.claims.get(name)
	text, ok := v.text()
	if v.kind != absent && !ok {
		r.fail(name, "is no text")
	}
	return text
}

// date reads a claim; the zero time where it is missing.
func (r *claimReader) date(name string, required bool) time.Time {
	v := r.claims.get(name)
	if v.kind == absent {
		if required {
			r.fail(name, "is missing")
		}
		return time.Time{}
	}
	date, ok := v.date()
	if !ok {
		r.fail(name, "is no date: want seconds since 1970, within 64 bits")
	}
	return date
}

// audience reads aud, which must be there; what else it is than a text or a
// list of texts is another fault than that it is missing.
func (r *claimReader) audience() (audience []string, ok bool) {
	v := r.claims.get("aud")
	if v.kind == absent {
		r.fail("aud", "is missing")
		return nil, true
	}
	if text, is := v.text(); is {
		return []string{text}, true
	}
	return v.texts()
}

// scopes reads scope and scp. Where both are there, a scope must be in both.
func (r *claimReader) scopes() (scopes []string, narrows bool) {
	scopes, narrows = r.scopesOf("scope")
	others, narrow := r.scopesOf("scp")
	switch {
	case !narrow:
		return scopes, narrows
	case !narrows:
		return others, true
	}
	both := make(map[string]bool, len(scopes))
	for _, scope := range scopes {
		both[scope] = true
	}
	return slices.DeleteFunc(others, func(scope string) bool { return !both[scope] }), true
}

// maxScopes is how many a claim may hold: as many as it may in a list.
const maxScopes = 512

// scopesOf reads one of the claims. In a text there are spaces between scopes
// (RFC 6749 §3.3); an element of a list is one as it stands.
func (r *claimReader) scopesOf(name string) (scopes []string, present bool) {
	v := r.claims.get(name)
	if v.kind == absent {
		return nil, false
	}
	text, isText := v.text()
	if !isText {
		scopes, ok := v.texts()
		if !ok {
			r.fail(name, "is neither a text nor a list of texts")
		}
		return scopes, true
	}
	for scope := range strings.SplitSeq(text, " ") {
		if scope == "" {
			continue
		}
		if len(scopes) == maxScopes {
			r.fail(name, "holds more than 512 scopes")
			return nil, true
		}
		scopes = append(scopes, scope)
	}
	return scopes, true
}
