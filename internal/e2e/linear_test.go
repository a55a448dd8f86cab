package e2e

import (
	"strings"
	"testing"
	"time"
)

const (
	leastChecks  = 200_000
	leastChanges = 2_000
	// betweenUpsets is how many checks are made while all is well.
	betweenUpsets = 10_000
)

// TestEveryAnswerIsExplained asks two servers while the registry changes,
// through cuts and restarts. Each answer must be that of a state of the registry
// which is neither older than what its server had said that it applied when the
// check began, nor newer than all that had been written when it ended; and of
// one state: never of a client as it is beside a profile as it was.
func TestEveryAnswerIsExplained(t *testing.T) {
	r := newTrial(t)
	r.begin(6, 4)
	r.awaitChecks(betweenUpsets)
	upsets := r.upsets()
	for n := 0; n < len(upsets) || r.asked.Load() < leastChecks || r.commits() < leastChanges; n++ {
		r.endure(upsets[n%len(upsets)])
		r.awaitChecks(betweenUpsets)
	}
	r.end()

	s := r.states()
	r.wantAsStored(s)
	v := r.judge(s)
	t.Logf("%d checks and %d changes in %v; %d checks were told 503 while something was wrong, %d otherwise; for %d something changed that they depend on; %.1f states counted for one",
		v.checks, len(s.soonest)-1, r.now().Round(time.Millisecond), v.excused, v.refused, v.moved, float64(v.span)/float64(v.checks))
	t.Logf("reasons: %v", v.reasons)
	v.want(t)
	for _, m := range r.members {
		if strings.Contains(m.log.String(), "commits were lost") {
			t.Errorf("%s says that commits were lost", m.name)
		}
	}
}
