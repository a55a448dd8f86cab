package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TLS is how it stands with the files of the Check port's TLS.
type TLS struct {
	Expires time.Time // of the server's certificate
	Failing bool      // the files as they are now cannot be used
}

// TLSRefusals count the clients that were refused before they could ask. They
// are safe for use by many goroutines.
type TLSRefusals struct {
	total *prometheus.CounterVec
	names names
}

// NewTLSRefusals makes TLSRefusals of nobody yet.
func NewTLSRefusals() *TLSRefusals {
	return &TLSRefusals{total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "credence_tls_refused_total",
		Help: "Connections refused before anything was asked, by reason, and by name where a good certificate is not allowed.",
	}, []string{"reason", "name"})}
}

// Observe counts one. The name is empty but for a certificate that is good.
func (r *TLSRefusals) Observe(reason, name string) {
	r.total.WithLabelValues(reason, r.names.bounded(name)).Inc()
}

// TLS has the metrics tell who was refused, and how it stands with the files
// when they are asked for.
func (m *Metrics) TLS(refusals *TLSRefusals, state func() TLS) {
	m.registry.MustRegister(refusals.total, tlsCollector{state})
}

type tlsCollector struct{ state func() TLS }

var (
	tlsExpiryDesc = prometheus.NewDesc("credence_tls_certificate_expiry_timestamp_seconds",
		"When the server's certificate on the Check port expires, in Unix time.", nil, nil)
	tlsFailingDesc = prometheus.NewDesc("credence_tls_files_failing",
		"1 where the files of listen.tls have changed and cannot be used, so that the old ones serve on, else 0.", nil, nil)
)

// Describe implements prometheus.Collector.
func (tlsCollector) Describe(to chan<- *prometheus.Desc) {
	to <- tlsExpiryDesc
	to <- tlsFailingDesc
}

// Collect implements prometheus.Collector.
func (c tlsCollector) Collect(to chan<- prometheus.Metric) {
	state := c.state()
	to <- prometheus.MustNewConstMetric(tlsExpiryDesc, prometheus.GaugeValue, float64(state.Expires.Unix()))
	to <- prometheus.MustNewConstMetric(tlsFailingDesc, prometheus.GaugeValue, oneIf(state.Failing))
}
