package main

import (
	"runtime/debug"
	"testing"
)

func TestTune(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) })
	tune(func(string) (string, bool) { return "x", true })
	if p, l := debug.SetGCPercent(100), debug.SetMemoryLimit(-1); p != 100 || l != limit {
		t.Errorf("the environment's settings are overruled: %d, %d", p, l)
	}
	tune(func(string) (string, bool) { return "", false })
	if p, l := debug.SetGCPercent(100), debug.SetMemoryLimit(-1); p != collectAt || l != memoryLimit {
		t.Errorf("set %d, %d", p, l)
	}
}
