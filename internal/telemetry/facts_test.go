package telemetry

import (
	"testing"
	"time"

	"credence/internal/cache"
)

func TestFactsTellHowACacheStands(t *testing.T) {
	state, tracked := cache.State{}, false
	m := NewMetrics("1.2.3")
	m.Facts(func() cache.State { return state }, func() bool { return tracked })
	hold(t, scrape(t, m), map[string]string{
		"credence_registry_contact":             "0",
		"credence_registry_contact_age_seconds": "0",
		`credence_facts{kind="known"}`:          "0",
		"credence_withheld_records":             "0",
		"credence_writes_tracked":               "0",
	})
	state, tracked = cache.State{
		Contacted: true, Follows: true, Serves: true, Age: 1500 * time.Millisecond,
		Known: 3, Absent: 2, Withheld: 4, Changes: 5, Flushes: 6,
	}, true
	hold(t, scrape(t, m), map[string]string{
		"credence_registry_contact":             "1",
		"credence_registry_contact_age_seconds": "1.5",
		`credence_facts{kind="known"}`:          "3",
		`credence_facts{kind="absent"}`:         "2",
		"credence_changes_applied_total":        "5",
		"credence_facts_dropped_total":          "6",
		"credence_withheld_records":             "4",
		"credence_writes_tracked":               "1",
	})
	state.Follows = false
	hold(t, scrape(t, m), map[string]string{"credence_registry_contact": "0"})
}
