package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// An Issuer is how it stands with the keys of an issuer of JWTs.
type Issuer struct {
	Name    string // its URL
	Keys    int
	Age     time.Duration // since the last good fetch was sent
	Fetched bool          // there are keys that may be used
	Failing bool          // the last fetch failed
}

// Issuers has the metrics tell how it stands with the keys of issuers, as it is
// when they are asked for.
func (m *Metrics) Issuers(states func() []Issuer) { m.registry.MustRegister(issuerCollector{states}) }

type issuerCollector struct{ states func() []Issuer }

var (
	issuerKeysDesc = prometheus.NewDesc("credence_issuer_keys",
		"Keys of an issuer that may be used. 0: none was fetched yet, or they are too old.", []string{"issuer"}, nil)
	issuerAgeDesc = prometheus.NewDesc("credence_issuer_keys_age_seconds",
		"Age of an issuer's keys, which serve for a day. 0 before the first fetch.", []string{"issuer"}, nil)
	issuerFailingDesc = prometheus.NewDesc("credence_issuer_fetch_failing",
		"1 where the last fetch of an issuer's keys failed, else 0.", []string{"issuer"}, nil)
)

// Describe implements prometheus.Collector.
func (issuerCollector) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{issuerKeysDesc, issuerAgeDesc, issuerFailingDesc} {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (c issuerCollector) Collect(to chan<- prometheus.Metric) {
	for _, issuer := range c.states() {
		gauge := func(desc *prometheus.Desc, value float64) {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, issuer.Name)
		}
		keys := issuer.Keys
		if !issuer.Fetched {
			keys = 0
		}
		gauge(issuerKeysDesc, float64(keys))
		gauge(issuerAgeDesc, issuer.Age.Seconds())
		gauge(issuerFailingDesc, oneIf(issuer.Failing))
	}
}
