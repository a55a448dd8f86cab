package telemetry

import (
	"testing"
	"time"
)

func TestSignaturesTellOfIssuers(t *testing.T) {
	var issuers []Issuer
	verified := 0
	m := NewMetrics("1.2.3")
	m.Signatures(func() []Issuer { return issuers }, func() int { return verified })
	hold(t, scrape(t, m), map[string]string{"credence_signatures": "0"})

	verified = 7
	issuers = []Issuer{
		{Name: "https://a.example", Keys: 2, Age: 1500 * time.Millisecond, Fetched: true},
		{Name: "https://b.example", Keys: 3, Age: 25 * time.Hour, Failing: true},
	}
	hold(t, scrape(t, m), map[string]string{
		"credence_signatures":                                          "7",
		`credence_issuer_keys{issuer="https://a.example"}`:             "2",
		`credence_issuer_keys_age_seconds{issuer="https://a.example"}`: "1.5",
		`credence_issuer_fetch_failing{issuer="https://a.example"}`:    "0",
		`credence_issuer_keys{issuer="https://b.example"}`:             "0", // too old
		`credence_issuer_keys_age_seconds{issuer="https://b.example"}`: "90000",
		`credence_issuer_fetch_failing{issuer="https://b.example"}`:    "1",
	})
}
