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

// Lines wait for flush, for a line after which the process ends, or until there are
// many, and none is lost or torn.
func TestGatheringLogger(t *testing.T) {
	var out writes
	logger, flush := config.GatheringLogger("normalizer", &out)
	for range 100 {
		logger.Info("normalized", zap.String("source", "pik"))
	}
	if len(out) > 0 {
		t.Errorf("written before flush: %d times", len(out))
	}
	flush()
	flush()
	if len(out) != 1 || strings.Count(out[0], "\n") != 100 {
		t.Errorf("%d writes", len(out))
	}
	for range 10_000 {
		logger.Info("normalized", zap.String("source", "pik"))
	}
	flush()
	lines := 0
	for i, w := range out {
		lines += strings.Count(w, "\n")
		if !strings.HasSuffix(w, "}\n") {
			t.Errorf("write %d ends within a line", i)
		}
	}
	if lines != 10_100 || len(out) < 5 {
		t.Errorf("%d lines in %d writes", lines, len(out))
	}
	before := len(out)
	func() {
		defer func() { _ = recover() }()
		logger.Panic("the end")
	}()
	if len(out) != before+1 || !strings.Contains(out[before], "the end") {
		t.Error("the last line of a process waits")
	}
}

// writes are what was written, call by call.
type writes []string

func (w *writes) Write(b []byte) (int, error) {
	*w = append(*w, string(b))
	return len(b), nil
}
