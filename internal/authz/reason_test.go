package authz

import (
	"regexp"
	"testing"
)

// TestReasonNames holds every reason to a name of its own, as logs, metrics
// and metadata can carry it.
func TestReasonNames(t *testing.T) {
	named := make(map[string]Reason)
	for _, reason := range append(Reasons(), Undecided) {
		name := reason.String()
		if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(name) {
			t.Errorf("reason %d is named %q", reason, name)
		}
		if before, taken := named[name]; taken {
			t.Errorf("reasons %d and %d are both named %q", before, reason, name)
		}
		named[name] = reason
	}
	if len(Reasons()) != int(InternalError) {
		t.Errorf("%d reasons, want all from %s to %s: %d", len(Reasons()), Allowed, InternalError, InternalError)
	}
	if got := Reason(255).String(); got != "undecided" {
		t.Errorf("a number that is no reason is named %q, want undecided", got)
	}
}

// TestReasonsThatAllow names the three that let a request pass; all else
// denies, also what is no reason at all.
func TestReasonsThatAllow(t *testing.T) {
	allows := map[Reason]bool{Allowed: true, AllowedAnonymous: true, AllowedObserved: true}
	for number := range 256 {
		if reason := Reason(number); reason.Allows() != allows[reason] {
			t.Errorf("%s (%d) allows %v, want %v", reason, number, reason.Allows(), allows[reason])
		}
	}
}

func TestZeroDecisionDenies(t *testing.T) {
	if (Decision{}).Allows() {
		t.Error("the zero Decision allows")
	}
	if (Decision{Observed: Allowed}).Allows() {
		t.Error("what was observed allows")
	}
}

// TestRulesDeny holds the table to reasons that deny: a rule that does not
// hold can never let pass.
func TestRulesDeny(t *testing.T) {
	for place, rule := range rules {
		if rule.otherwise.Allows() || rule.otherwise == Undecided {
			t.Errorf("rule %s gives %s", RuleName(place), rule.otherwise)
		}
	}
}

// TestReasonsStandInTheOrderOfRules holds the constants to the table, so that
// a list of reasons reads in the order in which they are decided.
func TestReasonsStandInTheOrderOfRules(t *testing.T) {
	last, given := Undecided, map[Reason]bool{}
	for place, rule := range rules {
		switch rule.otherwise {
		case Overloaded, RegistryUnavailable, RecordInvalid: // of several rules
			continue
		case JWTMalformed: // stands with its kind
			continue
		}
		if given[rule.otherwise] {
			continue // it stands where it is given first
		}
		given[rule.otherwise] = true
		if rule.otherwise < last {
			t.Errorf("rule %s gives %s, which is listed before %s", RuleName(place), rule.otherwise, last)
		}
		last = rule.otherwise
	}
}
