package config_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"paybridge/config"
)

// One JSON object a line, with the keys that operators search for, and every line:
// nothing is sampled away.
func TestLogger(t *testing.T) {
	var out strings.Builder
	logger := config.Logger("ingress", &out)
	for range 1000 {
		logger.Info("stored", zap.String("source", "pik"), zap.Duration("took", time.Millisecond))
	}
	logger.Debug("not this one")
	logger.Error("a line\nwith a break")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 1001 {
		t.Fatalf("%d lines", len(lines))
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339Nano, line["ts"].(string))
	if err != nil || at.Location() != time.UTC {
		t.Errorf("ts %v: %v", line["ts"], err)
	}
	for key, want := range map[string]any{"level": "info", "msg": "stored", "component": "ingress", "source": "pik", "took": "1ms"} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
}
