package operate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestMeasures reads what a command leaves as node_exporter reads it.
func TestMeasures(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_500)
	of := func(d Doctor, findings ...Finding) *prometheus.Registry { return d.Measures(at, findings) }
	good, warn, bad := Finding{Check: syncCheck, Verdict: Good}, Finding{Check: syncCheck, Verdict: Warn}, Finding{Check: syncCheck, Verdict: Bad}
	const looked = "paybridge_doctor_timestamp_seconds 1.7000000005e+09\n"
	for name, test := range map[string]struct {
		of   *prometheus.Registry
		want string
	}{
		"a backup":             {BackupMeasures(at), "paybridge_backup_timestamp_seconds 1.7000000005e+09\n"},
		"an audit":             {AuditMeasures(at, Audited{Deliveries: 9, Deleted: 1, Lost: make([]Lost, 2)}), "paybridge_audit_deliveries 9\npaybridge_audit_timestamp_seconds 1.7000000005e+09\npaybridge_audit_unaccounted 3\n"},
		"the embedded server":  {of(Doctor{Embedded: true}, good, Finding{Verdict: Bad}), verdicts(1, 0, 1) + looked + "paybridge_nats_sync_always 1\n"},
		"a server that tells":  {of(Doctor{Monitor: "http://x"}, warn), verdicts(0, 1, 0) + looked + "paybridge_nats_sync_always 0\n"},
		"one that is gone":     {of(Doctor{Monitor: "http://x"}, bad), verdicts(0, 0, 1) + looked},
		"one that nobody asks": {of(Doctor{}, warn), verdicts(0, 1, 0) + looked},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.prom")
			if err := prometheus.WriteToTextfile(file, test.of); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := withoutComments(string(text)); got != test.want {
				t.Errorf("%s", got)
			}
		})
	}
}

// verdicts are the samples of a doctor's findings.
func verdicts(ok, warn, fail int) string {
	return fmt.Sprintf("paybridge_doctor_findings{verdict=\"fail\"} %d\npaybridge_doctor_findings{verdict=\"ok\"} %d\npaybridge_doctor_findings{verdict=\"warn\"} %d\n", fail, ok, warn)
}

func withoutComments(text string) (samples string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			samples += line
		}
	}
	return samples
}
