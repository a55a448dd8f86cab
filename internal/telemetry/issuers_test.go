package telemetry

import (
	"testing"
	"time"
)

func TestIssuersAreTold(t *testing.T) {
	var issuers []Issuer
	m := NewMetrics("1.2.3")
	m.Issuers(func() []Issuer { return issuers })
	issuers = []Issuer{
		{Name: "https://a.example", Keys: 2, Age: 1500 * time.Millisecond, Fetched: true},
		{Name: "https://b.example", Keys: 3, Age: 25 * time.Hour, Failing: true},
	}
	hold(t, scrape(t, m), map[string]string{
		`credence_issuer_keys{issuer="https://a.example"}`:             "2",
		`credence_issuer_keys_age_seconds{issuer="https://a.example"}`: "1.5",
		`credence_issuer_fetch_failing{issuer="https://a.example"}`:    "0",
		`credence_issuer_keys{issuer="https://b.example"}`:             "0", // too old
		`credence_issuer_keys_age_seconds{issuer="https://b.example"}`: "90000",
		`credence_issuer_fetch_failing{issuer="https://b.example"}`:    "1",
	})
}
