package main

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// requestMetrics counts and times the requests of the API. It implements api.Metrics.
type requestMetrics struct {
	total   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

// newRequestMetrics registers the metrics.
func newRequestMetrics(registry prometheus.Registerer) *requestMetrics {
	m := &requestMetrics{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scrip_http_requests_total", Help: "Answered API requests.",
		}, []string{"operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "scrip_http_request_duration_seconds", Help: "Time from the request's headers to its answer.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14), // up to 4 s; slow requests end at the server's limits
		}, []string{"operation"}),
	}
	registry.MustRegister(m.total, m.seconds)
	return m
}

// Request implements api.Metrics.
func (m *requestMetrics) Request(operation string, status int, took time.Duration) {
	m.total.WithLabelValues(operation, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(operation).Observe(took.Seconds())
}
