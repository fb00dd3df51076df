// Package prometheus tells the metrics of a capbuf registry to a Prometheus client.
//
// It is a module of its own, so that the package capbuf stays without dependencies.
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

// Collector tells the metrics of a registry each time that they are collected; none once the registry was closed. Any goroutine.
type Collector struct {
	text func() (string, error)
}

// NewCollector makes a collector for a registry's own metrics: see [capbuf.Registry.MetricsText].
func NewCollector(registry *capbuf.Registry) *Collector {
	return &Collector{registry.MetricsText}
}

// NewDomainCollector makes a collector for the metrics of a registry's whole domain, for one process that tells for all: see
// [capbuf.Registry.DomainMetricsText].
func NewDomainCollector(registry *capbuf.Registry) *Collector {
	return &Collector{registry.DomainMetricsText}
}

// Describe tells nothing: which metrics there are is told by the registry when they are collected.
func (c *Collector) Describe(chan<- *prometheus.Desc) {}

// Collect tells all metrics, as they are now.
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
		for _, told := range family.GetMetric() {
			metric, err := constant(family, told)
			if err != nil {
				failed(err)
				continue
			}
			metrics <- metric
		}
	}
}

// constant makes a metric of one that was told.
func constant(family *dto.MetricFamily, told *dto.Metric) (prometheus.Metric, error) {
	var names, values []string
	for _, label := range told.GetLabel() {
		names, values = append(names, label.GetName()), append(values, label.GetValue())
	}
	desc := prometheus.NewDesc(family.GetName(), family.GetHelp(), names, nil)
	switch family.GetType() {
	case dto.MetricType_COUNTER:
		return prometheus.NewConstMetric(desc, prometheus.CounterValue, told.GetCounter().GetValue(), values...)
	case dto.MetricType_GAUGE:
		return prometheus.NewConstMetric(desc, prometheus.GaugeValue, told.GetGauge().GetValue(), values...)
	case dto.MetricType_HISTOGRAM:
		histogram := told.GetHistogram()
		buckets := make(map[float64]uint64)
		for _, bucket := range histogram.GetBucket() {
			buckets[bucket.GetUpperBound()] = bucket.GetCumulativeCount()
		}
		return prometheus.NewConstHistogram(desc, histogram.GetSampleCount(), histogram.GetSampleSum(), buckets, values...)
	default:
		return nil, fmt.Errorf("capbuf: %s is a %v, which this package does not know", family.GetName(), family.GetType())
	}
}
