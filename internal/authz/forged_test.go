package authz_test

import (
	"context"
	"reflect"
	"testing"

	"credence/internal/answer"
	"credence/internal/authz"
	"credence/internal/authz/authztest"
	"credence/internal/credential"
)

// unproven are the public codes for who has proven nothing: his credential is
// invalid, or nobody can tell.
var unproven = map[string]bool{"credential_invalid": true, "unavailable": true}

// rulePlace gives the place of a rule in the table.
func rulePlace(t *testing.T, name string) int {
	t.Helper()
	for place := range authz.RuleCount {
		if authz.RuleName(place) == name {
			return place
		}
	}
	t.Fatalf("no rule is named %s", name)
	return 0
}

// TestNothingSpecificBeforeTheSignature holds the rules that a JWT can break
// before its signature has been verified to public codes that tell nothing.
func TestNothingSpecificBeforeTheSignature(t *testing.T) {
	first, last := rulePlace(t, "jwtWellFormed"), rulePlace(t, "jwtSignatureGood")
	if last-first < 8 {
		t.Fatalf("%d rules stand between, too few to mean anything", last-first)
	}
	for place := first; place <= last; place++ {
		reason := authz.RuleReason(place)
		if code := answer.Of(reason).Code; !unproven[code] {
			t.Errorf("rule %s gives %s, whose public code is %s", authz.RuleName(place), reason, code)
		}
	}
}

// TestForged presents the JWT of every case again, signed by nobody that the
// case knows: a rule up to the one on the signature decides, the caller is told
// nothing specific, and no fact is part of the decision.
func TestForged(t *testing.T) {
	first, last := rulePlace(t, "jwtWellFormed"), rulePlace(t, "jwtSignatureGood")
	given := make(map[authz.Reason]int)
	for _, c := range authztest.Load(t) {
		checker, request := checkerFor(t, c), c.Forged().Request(now)
		got := checker.Check(context.Background(), now, request)
		place := checker.DecidingRule(context.Background(), now, request)
		if got.Kind != credential.JWT || place < first {
			continue
		}
		reason := got.Reason
		if reason == authz.AllowedObserved {
			reason = got.Observed
		}
		given[reason]++
		if place > last || !unproven[answer.Of(reason).Code] || !reflect.ValueOf(got.Facts).IsZero() {
			t.Errorf("%s, forged: %s by rule %s, public code %s, facts %+v", c.Name, reason, authz.RuleName(place), answer.Of(reason).Code, got.Facts)
		}
	}
	for reason, least := range map[authz.Reason]int{
		authz.JWTMalformed: 20, authz.JWTAlgorithm: 10, authz.JWTIssuerUnknown: 5, authz.JWTKeyUnknown: 5,
		authz.JWTSignature: 150, authz.RecordInvalid: 5, authz.RegistryUnavailable: 1,
	} {
		if given[reason] < least {
			t.Errorf("%d forged JWTs were denied with %s, want %d at least", given[reason], reason, least)
		}
	}
}
