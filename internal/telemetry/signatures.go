package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Signatures has the metrics tell how many verified signatures of JWTs are kept,
// as it is when they are asked for.
func (m *Metrics) Signatures(kept func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "credence_signatures", Help: "Verified signatures of JWTs in memory.",
	}, func() float64 { return float64(kept()) }))
}
