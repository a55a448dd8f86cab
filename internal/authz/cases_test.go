package authz_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"credence/internal/authz"
	"credence/internal/authz/authztest"
	"credence/internal/cache"
	"credence/internal/cache/cachetest"
	"credence/internal/config"
	"credence/internal/jwks"
	"credence/internal/jwt"
	"credence/internal/registry"
)

// now is when the cases are judged here: an instant like any other.
var now = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// checkerFor makes a Checker over a registry in memory that holds what a case
// says.
func checkerFor(t *testing.T, c authztest.Case) *authz.Checker {
	t.Helper()
	memory := registry.NewMemory(func() time.Time { return now })
	for ref, fields := range c.Records(now) {
		memory.Put(ref, fields)
	}
	for _, ref := range c.OtherTypes() {
		memory.PutOtherType(ref.Key())
	}
	for _, jti := range c.Revoked() {
		memory.PutRevoked(jti, now.Add(time.Hour).Unix())
	}
	lookup := c.Lookup(t)
	return authz.NewChecker(c.Config.Policy(), authz.Sources{
		Directory: cachetest.Open(t, memory, cache.Options{
			Peppers: lookup.Peppers, Digests: lookup.Digests, RegistryID: lookup.RegistryID,
		}),
		Issuers: issuersOf(t, c.Config.JWT.Issuers),
	})
}

// issuersOf reads the keys of the issuers of a case, all of which are in files.
func issuersOf(t *testing.T, configured []config.Issuer) authz.Issuers {
	t.Helper()
	options := make([]jwks.Options, len(configured))
	for i, issuer := range configured {
		options[i] = jwks.Options{Issuer: issuer.Issuer, File: issuer.JWKSFile, Logger: slog.New(slog.DiscardHandler)}
		for _, name := range issuer.Algorithms {
			algorithm, err := jwt.ParseAlgorithm(name)
			if err != nil {
				t.Fatal(err)
			}
			options[i].Algorithms |= jwt.AlgorithmSet(algorithm)
		}
	}
	issuers, err := jwks.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	return issuers
}

// TestCases runs every case of testdata/decisions.
func TestCases(t *testing.T) {
	for _, c := range authztest.Load(t) {
		t.Run(c.Name, func(t *testing.T) {
			c.Check(t, checkerFor(t, c).Check(context.Background(), now, c.Request(now)))
		})
	}
}

// TestCasesAreMany holds the cases to the number that was promised.
func TestCasesAreMany(t *testing.T) {
	files, ofJWTs := make(map[string]bool), make(map[string]bool)
	for _, c := range authztest.Load(t) {
		files[c.File] = true
		if strings.HasPrefix(c.File, "jwt-") {
			ofJWTs[c.File] = true
		}
	}
	if len(files) < 600 || len(ofJWTs) < 200 {
		t.Errorf("%d files in testdata/decisions, %d of JWTs: want 600 at least, and 200", len(files), len(ofJWTs))
	}
}

// notByCases are the reasons that no case gives: they come from the state of a
// server.
var notByCases = map[authz.Reason]string{
	authz.Overloaded:    "of a server: TestOverloaded",
	authz.InternalError: "a fault of our own",
}

// TestCasesCoverEveryReason holds the cases to every reason that a credential
// can be denied, or allowed, for.
func TestCasesCoverEveryReason(t *testing.T) {
	covered := make(map[string]bool)
	for _, c := range authztest.Load(t) {
		covered[c.Want.Reason] = true
	}
	for _, reason := range authz.Reasons() {
		why, exempt := notByCases[reason]
		switch {
		case !covered[reason.String()] && !exempt:
			t.Errorf("no case gives %s", reason)
		case covered[reason.String()] && exempt:
			t.Errorf("a case gives %s, which is listed as given by none (%s)", reason, why)
		}
	}
}

// TestCasesCoverObserve holds the cases to the four reasons that observing does
// not soften, each tried on a route that observes, and to many that it does.
func TestCasesCoverObserve(t *testing.T) {
	observed, enforced := make(map[string]bool), make(map[string]bool)
	for _, c := range authztest.Load(t) {
		mode, _ := c.Request(now).Extensions.Get("mode")
		observes := c.Config.Routes.Mode == config.RoutesObserve || mode == "observe"
		switch {
		case c.Want.Reason == authz.AllowedObserved.String():
			observed[c.Want.Observed] = true
		case observes:
			enforced[c.Want.Reason] = true
		}
	}
	for _, always := range []authz.Reason{authz.ClientDisabled, authz.CredentialRevoked, authz.RequestInvalid, authz.RouteInvalid} {
		if observed[always.String()] || !enforced[always.String()] {
			t.Errorf("%s where the route observes: passes %v, is enforced by a case %v", always, observed[always.String()], enforced[always.String()])
		}
	}
	if len(observed) < 12 {
		t.Errorf("cases observe %d reasons, want 12 at least", len(observed))
	}
}

// exclusive are neighbors in the table that cannot both fail: they ask one
// thing in turn.
var exclusive = map[[2]string]string{
	{"withinSize", "presented"}:               "a JWT that is too large is there",
	{"presented", "jwtWellFormed"}:            "a JWT is there or is not",
	{"credentialValid", "jwtKeyFound"}:        "a record is there or is not",
	{"jwtVerifiedInTurn", "jwtSignatureGood"}: "what nobody verified is neither good nor bad",
	{"bindingInTurn", "bindingKnown"}:         "what nobody came to ask is not known to be unreadable",
	{"bindingKnown", "bindingValid"}:          "of what cannot be read nobody knows whether it is valid",
	{"bindingValid", "jwtSubjectKnown"}:       "a record is there or is not",
	{"jwtBoundAsClaimed", "tokenFound"}:       "a credential is a JWT or a token",
	{"tokenFound", "revokedInTurn"}:           "a credential is a token or a JWT",
	{"revokedInTurn", "revokedValid"}:         "what nobody came to ask is not known to be invalid",
	{"revokedValid", "revokedKnown"}:          "what cannot be read is not known to be invalid",
	{"revokedKnown", "notRevoked"}:            "of what cannot be read nobody knows what it names",
	{"youngEnough", "shortLived"}:             "a credential is a token or a JWT",
	{"clientKnown", "clientValid"}:            "of what cannot be read nobody knows whether it is valid",
	{"clientValid", "clientFound"}:            "a record is there or is not",
	{"clientFound", "clientActive"}:           "of an unknown client nothing is known",
	{"credentialInTurn", "credentialKnown"}:   "what nobody came to ask is not known to be unreadable",
	{"clientInTurn", "clientKnown"}:           "what nobody came to ask is not known to be unreadable",
	{"profileInTurn", "profileKnown"}:         "what nobody came to ask is not known to be unreadable",
	{"profileKnown", "profileValid"}:          "of what cannot be read nobody knows whether it is valid",
	{"profileValid", "profileFound"}:          "a record is there or is not",
	{"profileFound", "profileActive"}:         "of an unknown profile nothing is known",
}

// elsewhere are neighbors that no registry at rest has fail: other tests do.
var elsewhere = map[[2]string]string{
	{"hasTurn", "isHTTP"}:                      "TestOverloaded",
	{"jwtIssuerKnown", "credentialInTurn"}:     "TestJWTNeighborsElsewhere",
	{"jwtAlgorithmOfKey", "jwtVerifiedInTurn"}: "TestJWTNeighborsElsewhere",
	{"jwtSignatureGood", "bindingInTurn"}:      "TestJWTNeighborsElsewhere",
	{"alreadyValid", "clientInTurn"}:           "TestOwnerUnreadable",
	{"issuedLateEnough", "profileInTurn"}:      "TestJWTNeighborsElsewhere",
}

// TestCasesCoverNeighbors holds the cases to the order of the rules: for each
// two neighbors that can both fail there is a file in which the earlier
// decides, and the later once that is mended.
func TestCasesCoverNeighbors(t *testing.T) {
	type step struct{ earlier, later int }
	covered := make(map[step]string)
	first := -1
	for _, c := range authztest.Load(t) {
		place := checkerFor(t, c).DecidingRule(context.Background(), now, c.Request(now))
		if !c.Mended() {
			first = place
			continue
		}
		covered[step{first, place}] = c.File
		if first >= place {
			t.Errorf("%s: %s decides, and %s once that is mended: want a later rule", c.File, authz.RuleName(first), authz.RuleName(place))
		}
	}
	for place := range authz.RuleCount - 1 {
		names := [2]string{authz.RuleName(place), authz.RuleName(place + 1)}
		file, has := covered[step{place, place + 1}]
		exempt := exclusive[names] + elsewhere[names]
		switch {
		case has && exempt != "":
			t.Errorf("%s has %v both fail, which are listed as covered by no file (%s)", file, names, exempt)
		case !has && exempt == "":
			t.Errorf("no file has %v both fail", names)
		}
	}
	if first := covered[step{authz.RuleCount - 1, authz.RuleCount}]; first == "" {
		t.Error("no file has only the last rule fail")
	}
}
