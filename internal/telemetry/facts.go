package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"credence/internal/cache"
)

// Facts has the metrics tell how a cache stands, as it is when they are asked
// for.
func (m *Metrics) Facts(state func() cache.State, tracked func() bool) {
	m.registry.MustRegister(factCollector{state, tracked})
}

type factCollector struct {
	state   func() cache.State
	tracked func() bool
}

var (
	contactDesc = prometheus.NewDesc("credence_registry_contact",
		"1 while the registry is followed and facts are looked up, else 0: /readyz says why.", nil, nil)
	contactAgeDesc = prometheus.NewDesc("credence_registry_contact_age_seconds",
		"Age of the contact: known facts serve until it is cache.stale_for. 0 before the first contact.", nil, nil)
	factsDesc    = prometheus.NewDesc("credence_facts", "Facts in memory: known records, and records known to be absent.", []string{"kind"}, nil)
	changesDesc  = prometheus.NewDesc("credence_changes_applied_total", "Entries of the change stream that were applied.", nil, nil)
	droppedDesc  = prometheus.NewDesc("credence_facts_dropped_total", "How often all facts in memory were dropped.", nil, nil)
	withheldDesc = prometheus.NewDesc("credence_withheld_records", "Records that are denied since commits which had changed them were lost.", nil, nil)
	trackedDesc  = prometheus.NewDesc("credence_writes_tracked", "1 while Redis tells of every write to a record, else 0.", nil, nil)
)

// Describe implements prometheus.Collector.
func (factCollector) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{contactDesc, contactAgeDesc, factsDesc, changesDesc, droppedDesc, withheldDesc, trackedDesc} {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (c factCollector) Collect(to chan<- prometheus.Metric) {
	s := c.state()
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	counter := func(desc *prometheus.Desc, value uint64) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value))
	}
	gauge(contactDesc, oneIf(s.Standing() == cache.InContact))
	gauge(contactAgeDesc, s.Age.Seconds())
	gauge(factsDesc, float64(s.Known), "known")
	gauge(factsDesc, float64(s.Absent), "absent")
	counter(changesDesc, s.Changes)
	counter(droppedDesc, s.Flushes)
	gauge(withheldDesc, float64(s.Withheld))
	gauge(trackedDesc, oneIf(c.tracked()))
}

func oneIf(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}
