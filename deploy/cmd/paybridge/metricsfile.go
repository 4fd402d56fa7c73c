package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"paybridge/deploy/operate"
)

// metricsFile is --metrics-file of a command that runs every night: where it leaves its
// metrics for node_exporter's textfile collector, because nobody can ask a command that
// has ended. "" leaves none.
type metricsFile string

// flag declares it. parts are the flags, declared before, under which the command looks
// at a part only: the alerts are about the whole.
func (m *metricsFile) flag(cmd *cobra.Command, parts ...string) {
	cmd.Flags().StringVar((*string)(m), "metrics-file", "", "leave when it ran, and what it found, in this `FILE.prom` of node_exporter's textfile folder")
	for _, part := range parts {
		cmd.MarkFlagsMutuallyExclusive("metrics-file", part)
	}
}

// check says before any work what would keep the file from being written, or read.
func (m metricsFile) check() error {
	if m == "" {
		return nil
	}
	if filepath.Ext(string(m)) != ".prom" {
		return &operate.Advice{Err: fmt.Errorf("--metrics-file %s: does not end in .prom", m), Do: "node_exporter reads no other file: name it so"}
	}
	if info, err := os.Stat(filepath.Dir(string(m))); err != nil || !info.IsDir() {
		return &operate.Advice{Err: fmt.Errorf("--metrics-file %s: its folder is not there", m), Do: "make it, and name it to node_exporter: --collector.textfile.directory"}
	}
	if info, err := os.Stat(string(m)); err == nil && !info.Mode().IsRegular() {
		return &operate.Advice{Err: fmt.Errorf("--metrics-file %s: is there, and no file", m), Do: "name another"}
	}
	return nil
}

// write puts the file in place at once, never a half one. Where a command fails it is
// not called: what the file said before grows old, and an alert says so.
func (m metricsFile) write(r *prometheus.Registry) error {
	if m == "" {
		return nil
	}
	if err := prometheus.WriteToTextfile(string(m), r); err != nil {
		return fmt.Errorf("--metrics-file %s: %w", m, err)
	}
	return nil
}
