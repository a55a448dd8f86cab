package authz

import (
	"context"
	"reflect"
	"runtime"
	"strings"
	"time"
)

// RuleCount is how many rules there are.
const RuleCount = len(rules)

// RuleName gives the name of the rule at that place in the table: isHTTP.
func RuleName(place int) string {
	if place == RuleCount {
		return "none"
	}
	function := runtime.FuncForPC(reflect.ValueOf(rules[place].holds).Pointer()).Name()
	return function[strings.LastIndexByte(function, '.')+1:]
}

// DecidingRule gives the place in the table of the first rule that does not
// hold for a request, and RuleCount where all do.
func (c *Checker) DecidingRule(ctx context.Context, now time.Time, request Request) int {
	q := question{Request: request, now: now, maxLifetime: c.policy.JWT.MaxLifetime}
	_ = c.inform(ctx, &q)
	for place, rule := range rules {
		if !rule.holds(&q) {
			return place
		}
	}
	return RuleCount
}

// RuleReason gives the reason of the rule at that place in the table.
func RuleReason(place int) Reason { return rules[place].otherwise }
