package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// failing is a metric that cannot be read.
type failing struct{}

func (failing) Describe(to chan<- *prometheus.Desc) {
	to <- prometheus.NewDesc("failing", "fails", nil, nil)
}

func (failing) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.NewInvalidMetric(prometheus.NewDesc("failing", "fails", nil, nil), errors.New("no value"))
}

// TestMetricsFileIsReplacedWhole says that whoever reads the file reads all of the old one or
// all of the new one, that what fails leaves the old one, and that nothing is left beside it
// for node_exporter to read.
func TestMetricsFileIsReplacedWhole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "paybridge.prom")
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "told", Help: "what was told"})
	registry := prometheus.NewRegistry()
	registry.MustRegister(gauge)
	write := func(value float64) error {
		gauge.Set(value)
		return metricsFile(file).write(registry)
	}
	const first, second = "# HELP told what was told\n# TYPE told gauge\ntold 1\n", "# HELP told what was told\n# TYPE told gauge\ntold 2\n"
	if err := write(1); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close() //nolint:errcheck // nothing is written
	if err := write(2); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(reader); err != nil || string(got) != first {
		t.Errorf("who had opened the old one reads %q, %v", got, err)
	}
	registry.MustRegister(failing{})
	if err := write(3); err == nil {
		t.Error("what cannot be read is written")
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != second {
		t.Errorf("after a failure the file holds %q, %v", got, err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
}
