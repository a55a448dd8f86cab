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

// Signatures has the metrics tell how it stands with JWTs, as it is when they
// are asked for: the issuers, and how many verified signatures are kept.
func (m *Metrics) Signatures(issuers func() []Issuer, verified func() int) {
	m.registry.MustRegister(signatureCollector{issuers, verified})
}

type signatureCollector struct {
	issuers  func() []Issuer
	verified func() int
}

var (
	issuerKeysDesc = prometheus.NewDesc("credence_issuer_keys",
		"Keys of an issuer that may be used. 0: none was fetched yet, or they are too old.", []string{"issuer"}, nil)
	issuerAgeDesc = prometheus.NewDesc("credence_issuer_keys_age_seconds",
		"Age of an issuer's keys, which serve for a day. 0 before the first fetch.", []string{"issuer"}, nil)
	issuerFailingDesc = prometheus.NewDesc("credence_issuer_fetch_failing",
		"1 where the last fetch of an issuer's keys failed, else 0.", []string{"issuer"}, nil)
	verifiedDesc = prometheus.NewDesc("credence_signatures", "Verified signatures of JWTs in memory.", nil, nil)
)

// Describe implements prometheus.Collector.
func (signatureCollector) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{issuerKeysDesc, issuerAgeDesc, issuerFailingDesc, verifiedDesc} {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (c signatureCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for _, issuer := range c.issuers() {
		keys := issuer.Keys
		if !issuer.Fetched {
			keys = 0
		}
		gauge(issuerKeysDesc, float64(keys), issuer.Name)
		gauge(issuerAgeDesc, issuer.Age.Seconds(), issuer.Name)
		gauge(issuerFailingDesc, oneIf(issuer.Failing), issuer.Name)
	}
	gauge(verifiedDesc, float64(c.verified()))
}
