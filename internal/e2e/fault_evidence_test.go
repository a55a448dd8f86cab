package e2e

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"credence/internal/e2e/parts"
)

// Lines of /readyz.
const (
	servesKnown = "what is known serves for another "
	deniesAll   = "checks are denied with 503 until there is contact again"
)

// An evidence is what there was before a fault.
type evidence struct {
	logged  int // bytes
	metrics map[string]float64
}

// evidence gives how all stands now.
func (s *siege) evidence() evidence {
	s.t.Helper()
	e := evidence{logged: len(s.log.String()), metrics: make(map[string]float64)}
	for _, row := range outages(s.t) {
		for _, text := range quoted(row[columnMetrics]) {
			name, _, _ := strings.Cut(text, " ")
			e.metrics[name] = s.metric(name)
		}
	}
	return e
}

// logged gives what the server has said since the fault.
func (u *trouble) logged() string { return u.log.String()[u.evident.logged:] }

// wantEvidence waits until the server has told of the fault as docs/operations.md
// says: with one of the words in its log, and with each of the metrics, which
// has the value that stands there, or has risen.
func (u *trouble) wantEvidence() {
	u.t.Helper()
	row := rowOf(u.t, u.fault.row)
	words := quoted(row[columnLog])
	parts.Await(u.t, 20*time.Second, "what docs/operations.md says that tells of it", func() error {
		if said := u.logged(); len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(said, w) }) {
			return fmt.Errorf("the log has none of %q:\n%s", words, said)
		}
		for _, text := range quoted(row[columnMetrics]) {
			name, want, hasValue := strings.Cut(text, " ")
			got := u.metric(name)
			if hasValue && fmt.Sprint(got) != want || !hasValue && got <= u.evident.metrics[name] {
				return fmt.Errorf("%s is %v, and was %v", text, got, u.evident.metrics[name])
			}
		}
		return nil
	})
}

// wantReadiness fails unless /readyz says what the server answers now, and that
// it wants to be asked all the same.
func (u *trouble) wantReadiness(says string) {
	u.t.Helper()
	page := u.page("/readyz")
	for _, want := range []string{"ready\n", says} {
		if !strings.Contains(page, want) {
			u.traffic.complain("/readyz lacks %q:\n%s", want, page)
		}
	}
}

// wantTooOld fails unless the server says that what it knows is too old.
func (u *trouble) wantTooOld() {
	u.t.Helper()
	if said := u.logged(); !strings.Contains(said, tooOld) {
		u.traffic.complain("the log does not have %q:\n%s", tooOld, said)
	}
	u.wantReadiness(deniesAll)
	if age := u.metric("credence_registry_contact_age_seconds"); age < u.staleFor.Seconds() {
		u.traffic.complain("contact is %v seconds old, want more than %v", age, u.staleFor)
	}
}
