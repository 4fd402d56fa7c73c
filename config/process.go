package config

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// processMetrics are what every program shows of itself: which build it is, and what
// it uses of the machine.
func processMetrics(version string) []prometheus.Collector {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "paybridge_build_info", Help: "1, for the version of the program and of the Go that built it.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	return []prometheus.Collector{
		build,
		collectors.NewGoCollector(), // go_memstats_…, go_goroutines
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), // process_cpu_seconds_total, …_resident_memory_bytes, …_open_fds
	}
}
