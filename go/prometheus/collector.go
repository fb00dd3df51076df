// Package prometheus exports the metrics of a capbuf registry to a Prometheus client.
//
// It is a separate module, as the package capbuf has no dependencies.
package prometheus

import (
	"errors"
	"fmt"
	"strings"

	"capbuf.dev/capbuf"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Collector collects the metrics of a registry; none once the registry is closed. It is safe for
// concurrent use.
type Collector struct {
	text func() (string, error)
}

// NewCollector returns a collector of a registry's own metrics: see [capbuf.Registry.MetricsText].
func NewCollector(registry *capbuf.Registry) *Collector {
	return &Collector{registry.MetricsText}
}

// NewDomainCollector returns a collector of the metrics of the registry's domain, for one process
// that exports them for all: see [capbuf.Registry.DomainMetricsText].
func NewDomainCollector(registry *capbuf.Registry) *Collector {
	return &Collector{registry.DomainMetricsText}
}

// Describe sends nothing, which makes the collector unchecked: the registry decides on the metrics.
func (c *Collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the current metrics.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	text, err := c.text()
	if errors.Is(err, capbuf.ErrClosed) {
		return
	}
	failed := func(err error) { metrics <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err) }
	if err != nil {
		failed(err)
		return
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		failed(err)
		return
	}
	for _, family := range families {
		for _, parsed := range family.GetMetric() {
			metric, err := constant(family, parsed)
			if err != nil {
				failed(err)
				continue
			}
			metrics <- metric
		}
	}
}

// constant converts a parsed metric.
func constant(family *dto.MetricFamily, parsed *dto.Metric) (prometheus.Metric, error) {
	var names, values []string
	for _, label := range parsed.GetLabel() {
		names, values = append(names, label.GetName()), append(values, label.GetValue())
	}
	desc := prometheus.NewDesc(family.GetName(), family.GetHelp(), names, nil)
	switch family.GetType() {
	case dto.MetricType_COUNTER:
		return prometheus.NewConstMetric(desc, prometheus.CounterValue, parsed.GetCounter().GetValue(), values...)
	case dto.MetricType_GAUGE:
		return prometheus.NewConstMetric(desc, prometheus.GaugeValue, parsed.GetGauge().GetValue(), values...)
	case dto.MetricType_HISTOGRAM:
		histogram := parsed.GetHistogram()
		buckets := make(map[float64]uint64)
		for _, bucket := range histogram.GetBucket() {
			buckets[bucket.GetUpperBound()] = bucket.GetCumulativeCount()
		}
		return prometheus.NewConstHistogram(desc, histogram.GetSampleCount(), histogram.GetSampleSum(), buckets, values...)
	default:
		return nil, fmt.Errorf("capbuf: %s is a %v, which this package does not support", family.GetName(), family.GetType())
	}
}
