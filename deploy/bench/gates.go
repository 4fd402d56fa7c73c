package main

import (
	"fmt"
	"os"
	"strings"
)

// gate is what one figure of a row should be: a floor or, where less is better, a
// ceiling. It is printed beside the figure; nothing fails.
type gate struct {
	what       string
	row        string // the row's name
	figure     func(*row) float64
	unit       string
	bound, aim float64
	ceiling    bool
}

func ratio(r *row) float64    { return r.ratio() }
func p99Ratio(r *row) float64 { return r.median(quotient(p99)) }
func p99Ours(r *row) float64  { return r.median(func(o round) float64 { return o.ours.p99 }) }
func idleOurs(r *row) float64 { return r.median(func(o round) float64 { return o.ours.idle }) }

// peakOurs is the most of all rounds: the program was the same all the time.
func peakOurs(r *row) float64 {
	var most float64
	for _, o := range r.rounds {
		most = max(most, o.ours.peak)
	}
	return most
}

// The rows that are judged.
const (
	intervalAt64 = "ingress, fsync interval, 2.0 KB, c=64, against " + handWritten
	alwaysAt     = "ingress, fsync always, 2.0 KB, c=%d, against " + handWritten
	slowAt256    = "ingress, fsync 2 ms, 2.0 KB, c=256, against " + handWritten

	sameAlwaysAt   = "ingress, fsync always, 2.0 KB, c=%d, against " + sameMessage
	sameInterval   = "ingress, fsync interval, 2.0 KB, c=64, against " + sameMessage
	storingTheSame = "ingress / that bridge, storing what the ingress stores, "
)

func gates() []gate {
	always := func(conns int) string { return fmt.Sprintf(alwaysAt, conns) }
	return []gate{
		{"ingress / hand-written bridge, fsync always, c=256", always(256), ratio, "×", 2.2, 3, false},
		{"ingress / hand-written bridge, fsync always, c=64", always(64), ratio, "×", 1.4, 2, false},
		{"ingress / hand-written bridge, fsync slowed to 2 ms, c=256", slowAt256, ratio, "×", 10, 20, false},
		{"ingress / hand-written bridge, fsync always, c=1", always(1), ratio, "×", 0.95, 1.1, false},
		{"ingress / hand-written bridge, fsync always, c=4", always(4), ratio, "×", 0.95, 1.1, false},
		{"ingress / hand-written bridge, fsync always, c=16", always(16), ratio, "×", 0.95, 1.1, false},
		{"ingress / hand-written bridge, interval sync, c=64", intervalAt64, ratio, "×", 0.95, 1.3, false},
		{"p99 of the same two", intervalAt64, p99Ratio, "×", 1.15, 0.9, true},
		{storingTheSame + "fsync always, c=1", fmt.Sprintf(sameAlwaysAt, 1), ratio, "×", 0.95, 1.1, false},
		{storingTheSame + "fsync always, c=16", fmt.Sprintf(sameAlwaysAt, 16), ratio, "×", 0.95, 1.1, false},
		{storingTheSame + "interval sync, c=64", sameInterval, ratio, "×", 0.95, 1.3, false},
		{"normalizer / raw pipelined copy, interval sync", "normalizer, fsync interval, 2.0 KB, against " + rawCopy, ratio, "×", 0.45, 0.7, false},
		{"normalizer / serial publish-wait-ack, fsync always", "normalizer, fsync always, 2.0 KB, against " + serialCopy, ratio, "×", 4, 8, false},
		{"webhook to event at 1,000 a second, fsync always: p99", throughoutName(1000) + ", against " + handWrittenBoth, p99Ours, " ms", 15, 8, true},
		{"memory of the ingress at c=256: peak", always(256), peakOurs, " MiB", 60, 35, true},
		{"memory of the ingress: idle", always(256), idleOurs, " MiB", 25, 15, true},
		{"ingress with 5 M stored / with 10 k, fsync always", scaleName("ingress", syncAlways), ratio, "×", 0.9, 0.97, false},
		{"ingress with 5 M stored / with 10 k, interval sync", scaleName("ingress", syncInterval), ratio, "×", 0.9, 0.97, false},
		{"normalizer with 5 M stored / with 10 k, fsync always", scaleName("normalizer", syncAlways), ratio, "×", 0.9, 0.97, false},
		{"normalizer with 5 M stored / with 10 k, interval sync", scaleName("normalizer", syncInterval), ratio, "×", 0.9, 0.97, false},
	}
}

// verdict says where a figure stands. The figure counts as it is printed.
func (g gate) verdict(figure float64) string {
	sign := 1.0
	if g.ceiling {
		sign = -1
	}
	switch {
	case sign*figure < sign*g.bound:
		return "✗ short of it"
	case sign*figure < sign*g.aim:
		return "✓"
	default:
		return "✓ aim"
	}
}

// judgement is the table of the gates whose rows were measured.
func judgement(rows []*row) string {
	byName := make(map[string]*row, len(rows))
	for _, r := range rows {
		byName[r.name()] = r
	}
	var b strings.Builder
	for _, g := range gates() {
		r := byName[g.row]
		if r == nil || len(r.rounds) == 0 {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("\n| measure | here | should be | aim | |\n|---|--:|--:|--:|---|\n")
		}
		sign := "≥"
		if g.ceiling {
			sign = "≤"
		}
		figure := g.figure(r)
		fmt.Fprintf(&b, "| %s | **%.2f%s** | %s %g%s | %g%s | %s |\n", g.what, figure, g.unit, sign, g.bound, g.unit, g.aim, g.unit, g.verdict(figure))
	}
	return b.String()
}

// The comments in a README between which the judged figures stand.
const (
	figuresBegin = "<!-- figures: written by `make bench-full` -->\n"
	figuresEnd   = "<!-- end of figures -->"
)

// spliced is a README with other figures.
func spliced(readme, figures string) (string, error) {
	before, rest, begins := strings.Cut(readme, figuresBegin)
	_, after, ends := strings.Cut(rest, figuresEnd)
	if !begins || !ends {
		return "", fmt.Errorf("-readme: there is no place for figures between %q and %q", strings.TrimSpace(figuresBegin), figuresEnd)
	}
	return before + figuresBegin + figures + figuresEnd + after, nil
}

// judgeIn replaces the figures of a README file.
func judgeIn(file, figures string) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	changed, err := spliced(string(text), figures)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(changed), 0o644)
}
