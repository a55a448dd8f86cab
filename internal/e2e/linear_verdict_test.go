package e2e

import (
	"fmt"
	"testing"
)

// A verdict is what came of all checks.
type verdict struct {
	checks, excused, refused int // with 503 during upsets, and otherwise
	moved                    int // the answer was not the same in all states that count
	span                     int // states that count, of all checks
	reasons                  map[string]int
	faults                   []string
}

// judge holds every answer against the states.
func (r *trial) judge(s *states) verdict {
	v := verdict{reasons: make(map[string]int)}
	for _, reader := range r.readings {
		if reader.fault != nil {
			v.faults = append(v.faults, reader.fault.Error())
		}
		for _, a := range reader.asked {
			v.judge(reader.member, s, a)
		}
	}
	return v
}

func (v *verdict) judge(m *member, s *states, a asked) {
	v.checks++
	v.reasons[a.got.reason]++
	if a.got.isRefusal() {
		if m.isUpset(a.asked, a.told) {
			v.excused++
		} else {
			v.refused++
		}
		return
	}
	from, known := s.number[a.applied]
	e := s.explain(*a.question, a.got, from, s.newest(a.told))
	v.span += e.to - e.from + 1
	if e.moved {
		v.moved++
	}
	if e.explains && known && e.from <= e.to {
		return
	}
	text := fmt.Sprintf("%s, which had applied %s, was asked at %v, and told at %v, for %v: %+v; no state of %d to %d says so:", m.name, a.applied, a.asked, a.told, *a.question, a.got, e.from, e.to)
	for _, state := range append([]int{e.from - 1, e.from}, s.turns(e.from, e.to+2, a.question.token, a.question.client, a.question.profile)...) {
		text += fmt.Sprintf("\n\t%d (there at %v at the soonest): %+v", state, s.soonest[min(max(state, 0), len(s.soonest)-1)], s.decide(state, *a.question))
	}
	v.faults = append(v.faults, text)
}

// want fails unless the verdict is what a right server's is, and was worth the
// while.
func (v verdict) want(t *testing.T) {
	t.Helper()
	for _, fault := range v.faults[:min(len(v.faults), 5)] {
		t.Errorf("%s", fault)
	}
	if len(v.faults) > 5 {
		t.Errorf("and %d more", len(v.faults)-5)
	}
	for _, reason := range []string{"allowed", "token_unknown", "credential_revoked", "client_unknown", "client_disabled", "profile_unknown", "profile_disabled", "record_invalid", "kind_not_accepted", "peer_not_allowed"} {
		if v.reasons[reason] == 0 {
			t.Errorf("no check was told %s", reason)
		}
	}
	if calm := v.checks - v.excused; v.refused*100 > calm {
		t.Errorf("%d of %d checks were told 503 while nothing was wrong, want less than one in a hundred", v.refused, calm)
	}
	if v.moved*200 < v.checks {
		t.Errorf("only for %d of %d checks something changed that they depend on: nothing was proven", v.moved, v.checks)
	}
}
