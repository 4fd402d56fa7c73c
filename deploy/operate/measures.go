package operate

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// SyncAlways shows whether what is acknowledged survives a power cut. The protocol does
// not tell a client: who knows is who starts the server, and its monitoring port.
func SyncAlways(always bool) prometheus.Collector {
	return measure("paybridge_nats_sync_always", "1 where the server syncs to the disk before every acknowledgement: the embedded one, or the one that doctor asked.", truth(always))
}

// BackupMeasures are what a backup that ended well leaves for an alert: a command is gone
// before anybody could ask it. at is when it began: what came later is not in it.
func BackupMeasures(at time.Time) *prometheus.Registry {
	return measures(
		measure("paybridge_backup_timestamp_seconds", "When the last backup of all streams that ended well began, Unix time.", unix(at)),
	)
}

// AuditMeasures are what an audit of everything leaves, whatever it found. at is when it
// began.
func AuditMeasures(at time.Time, found Audited) *prometheus.Registry {
	return measures(
		measure("paybridge_audit_timestamp_seconds", "When the last audit that came to its end began, Unix time.", unix(at)),
		measure("paybridge_audit_unaccounted", "Deliveries of which the last audit found nothing, or not all, and those that were deleted.", float64(len(found.Lost)+found.Deleted)),
		measure("paybridge_audit_deliveries", "Deliveries that the last audit looked at.", float64(found.Deliveries)),
	)
}

// Measures are what a doctor's visit leaves. How the server syncs is among them only
// where it could be known.
func (d Doctor) Measures(at time.Time, found []Finding) *prometheus.Registry {
	verdicts := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "paybridge_doctor_findings", Help: "Checks of the last doctor, by how they ended.",
	}, []string{"verdict"})
	for _, v := range []Verdict{Good, Warn, Bad} {
		verdicts.WithLabelValues(string(v)) // 0 is said too
	}
	all := []prometheus.Collector{
		verdicts,
		measure("paybridge_doctor_timestamp_seconds", "When doctor last looked, Unix time.", unix(at)),
	}
	for _, f := range found {
		verdicts.WithLabelValues(string(f.Verdict)).Inc()
		if f.Check == syncCheck && f.Verdict != Bad && (d.Embedded || d.Monitor != "") {
			all = append(all, SyncAlways(f.Verdict == Good))
		}
	}
	return measures(all...)
}

func measure(name, help string, value float64) prometheus.Collector {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	gauge.Set(value)
	return gauge
}

func measures(all ...prometheus.Collector) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(all...)
	return r
}

func unix(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
