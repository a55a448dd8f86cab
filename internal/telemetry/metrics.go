package telemetry

import (
	"context"
	"net/http"
	"net/url"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"credence/internal/authz"
	"credence/internal/registry"
)

// Metrics are the metrics of one server. They are safe for use by many
// goroutines.
type Metrics struct {
	registry *prometheus.Registry
	apis     names

	decisions *prometheus.CounterVec
	observed  *prometheus.CounterVec
	duration  prometheus.Histogram
	inFlight  prometheus.Gauge
	places    *prometheus.CounterVec

	lookups      *prometheus.CounterVec
	lookupErrors *prometheus.CounterVec
	lookupTime   prometheus.Histogram
}

// checkBuckets and lookupBuckets are the bounds of histograms, in seconds. A
// check of known facts takes microseconds, the longest 120 ms.
var (
	checkBuckets  = []float64{25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 125e-3, 250e-3}
	lookupBuckets = []float64{100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3}
)

// NewMetrics makes Metrics for a program of that version.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "credence_decisions_total",
			Help: "Checks answered, by reason, by the API that the route names, and by the kind of credential.",
		}, []string{"reason", "api", "kind"}),
		observed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "credence_observed_total",
			Help: "Checks allowed that enforcing would have denied, by what it would have said and by API.",
		}, []string{"reason", "api"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "credence_check_duration_seconds", Help: "Time to answer a check.", Buckets: checkBuckets,
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "credence_checks_in_flight", Help: "Checks that are being evaluated.",
		}),
		places: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "credence_credentials_total",
			Help: "Credentials that were looked at, by where they were: in a header or in the query, and its name.",
		}, []string{"in", "name"}),
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "credence_lookups_total", Help: "Reads from the registry, by the kind of record that was asked for.",
		}, []string{"record"}),
		lookupErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "credence_lookup_errors_total", Help: "Reads from the registry that failed, by the kind of record that was asked for.",
		}, []string{"record"}),
		lookupTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "credence_lookup_duration_seconds", Help: "Time of a read from the registry, failed ones included.", Buckets: lookupBuckets,
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "credence_build_info", Help: "The program: always 1.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.decisions, m.observed, m.duration, m.inFlight, m.places, m.lookups, m.lookupErrors, m.lookupTime, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Observe counts an answered check. It keeps nothing of the request.
func (m *Metrics) Observe(_ authz.Request, decision authz.Decision, took time.Duration) {
	api := m.apis.bounded(decision.Route.API)
	m.decisions.WithLabelValues(decision.Reason.String(), api, decision.Kind.String()).Inc()
	if decision.Observed != authz.Undecided {
		m.observed.WithLabelValues(decision.Observed.String(), api).Inc()
	}
	m.duration.Observe(took.Seconds())
	switch {
	case decision.Header != "":
		m.places.WithLabelValues("header", decision.Header).Inc()
	case decision.Query != "":
		m.places.WithLabelValues("query", parameter(decision.Query)).Inc()
	}
}

// parameter gives the name of a query parameter as it is configured. A client
// may spell it in many ways, and must not make a label of each.
func parameter(spelt string) string {
	name, err := url.PathUnescape(spelt)
	if err != nil {
		return ""
	}
	return name
}

// A Checker decides: authz.Checker is one.
type Checker interface {
	Check(ctx context.Context, now time.Time, request authz.Request) authz.Decision
}

// Checker gives a Checker whose checks in flight are counted.
func (m *Metrics) Checker(next Checker) Checker { return countedChecker{next, m.inFlight} }

type countedChecker struct {
	next     Checker
	inFlight prometheus.Gauge
}

// Check implements Checker.
func (c countedChecker) Check(ctx context.Context, now time.Time, request authz.Request) authz.Decision {
	c.inFlight.Inc()
	defer c.inFlight.Dec()
	return c.next.Check(ctx, now, request)
}

// Witness gives a Witness whose reads are counted and timed.
func (m *Metrics) Witness(next registry.Witness) registry.Witness { return countedWitness{next, m} }

type countedWitness struct {
	next    registry.Witness
	metrics *Metrics
}

// ReadThrough implements registry.Witness.
func (w countedWitness) ReadThrough(ctx context.Context, refs ...registry.Ref) ([]registry.Entry, string, error) {
	begun := time.Now()
	entries, through, err := w.next.ReadThrough(ctx, refs...)
	kind := askedFor(refs)
	w.metrics.lookups.WithLabelValues(kind).Inc()
	w.metrics.lookupTime.Observe(time.Since(begun).Seconds())
	if err != nil {
		w.metrics.lookupErrors.WithLabelValues(kind).Inc()
	}
	return entries, through, err
}

// askedFor names what a read is about: the first record that is not the root,
// with which every read begins.
func askedFor(refs []registry.Ref) string {
	for _, ref := range refs {
		if ref.Kind != registry.RootKind {
			return string(ref.Kind)
		}
	}
	return string(registry.RootKind)
}

// Handler gives the metrics in Prometheus' formats.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
