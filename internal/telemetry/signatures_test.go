package telemetry

import "testing"

func TestSignaturesAreCounted(t *testing.T) {
	kept := 0
	m := NewMetrics("1.2.3")
	m.Signatures(func() int { return kept })
	hold(t, scrape(t, m), map[string]string{"credence_signatures": "0"})
	kept = 7
	hold(t, scrape(t, m), map[string]string{"credence_signatures": "7"})
}
