package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// row is one comparison: two figures of each round and their ratio.
type row struct {
	what   string
	ours   string // what is measured, "ingress"
	theirs string // what it is held against, "hand-written bridge"

	kind        kind
	sync        string
	size, conns int     // bytes of a body; requests in flight
	rate        float64 // requests a second, where they come at their own pace
	sources     int     // that requests are of; 0: one

	rounds []round
	wrong  error // why there are no rounds
}

// name is what -only is matched against.
func (r *row) name() string { return r.what + ", against " + r.theirs }

// round is one interleaved pair of measurements.
type round struct{ ours, theirs sample }

// sample is one program over one round.
type sample struct {
	rate      float64 // a second
	p50       float64 // milliseconds; 0 where it is not a request
	p99       float64
	p999      float64
	cpu       float64 // microseconds of the program a request
	allocated float64 // bytes of the program's heap a request
	idle      float64 // MiB of memory before the first request
	peak      float64 // MiB at the most
}

// median of a figure over a row's rounds.
func (r *row) median(figure func(round) float64) float64 {
	values := make([]float64, 0, len(r.rounds))
	for _, one := range r.rounds {
		values = append(values, figure(one))
	}
	return median(values)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// quotient is the ratio of a round's figures.
func quotient(figure func(sample) float64) func(round) float64 {
	return func(o round) float64 { return figure(o.ours) / max(figure(o.theirs), 1e-9) }
}

func rate(s sample) float64 { return s.rate }
func p99(s sample) float64  { return s.p99 }

// ratio is how many times as fast as theirs ours is.
func (r *row) ratio() float64 { return r.median(quotient(rate)) }

func (r *row) spread() (low, high float64) {
	for i, o := range r.rounds {
		ratio := quotient(rate)(o)
		if i == 0 {
			low = ratio
		}
		low, high = min(low, ratio), max(high, ratio)
	}
	return low, high
}

// pair prints a figure of both programs, or of those that have it.
func (r *row) pair(format string, figure func(sample) float64) string {
	ours := r.median(func(o round) float64 { return figure(o.ours) })
	if ours == 0 {
		return "–"
	}
	text := fmt.Sprintf(format, ours)
	if theirs := r.median(func(o round) float64 { return figure(o.theirs) }); theirs > 0 {
		return text + " / " + fmt.Sprintf(format, theirs)
	}
	return text
}

// markdown prints what was measured: first what is judged, then every row.
func markdown(w io.Writer, about string, rows []*row) error {
	var b strings.Builder
	b.WriteString(about)
	b.WriteString(judgement(rows))
	for _, t := range tables {
		t.print(&b, rows)
	}
	for _, r := range rows {
		if r.wrong != nil {
			fmt.Fprintf(&b, "\nNot measured: %s: %v\n", r.name(), r.wrong)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// table is how rows of one kind are printed.
type table struct {
	kind    kind
	title   string
	columns []string
	cells   func(r *row) []string
}

var tables = []table{
	{overHTTP, "Webhooks in, answers out: ingress / a hand-written bridge", []string{"load", "ratio", "min–max", "against", "a second", "p50 ms", "p99 ms", "CPU µs", "KiB allocated", "peak MiB"}, func(r *row) []string {
		return append(r.ratios(), r.theirs,
			r.pair("%.0f", rate), r.pair("%.2f", func(s sample) float64 { return s.p50 }), r.pair("%.2f", p99),
			r.pair("%.0f", func(s sample) float64 { return s.cpu }), r.pair("%.1f", func(s sample) float64 { return s.allocated / 1024 }),
			r.pair("%.0f", func(s sample) float64 { return s.peak }))
	}},
	{overStreams, "Deliveries in, events out: normalizer / another program", []string{"load", "ratio", "min–max", "against", "a second", "CPU µs", "KiB allocated", "peak MiB"}, func(r *row) []string {
		return append(r.ratios(), r.theirs, r.pair("%.0f", rate),
			r.pair("%.0f", func(s sample) float64 { return s.cpu }), r.pair("%.1f", func(s sample) float64 { return s.allocated / 1024 }),
			r.pair("%.0f", func(s sample) float64 { return s.peak }))
	}},
	{throughout, "Webhook to event: both programs / " + handWrittenBoth, []string{"load", "p50 ms", "p99 ms", "p99.9 ms", "a second"}, func(r *row) []string {
		return []string{
			r.what, r.pair("%.2f", func(s sample) float64 { return s.p50 }), r.pair("%.2f", p99),
			r.pair("%.2f", func(s sample) float64 { return s.p999 }), r.pair("%.0f", rate),
		}
	}},
	{scaled, "Much stored / little stored", []string{"what", "ratio", "min–max", "against", "a second", "p99 ms"}, func(r *row) []string {
		return append(r.ratios(), r.theirs, r.pair("%.0f", rate), r.pair("%.2f", p99))
	}},
}

func (r *row) ratios() []string {
	low, high := r.spread()
	return []string{r.what, fmt.Sprintf("**%.2f**", r.ratio()), fmt.Sprintf("%.2f–%.2f", low, high)}
}

func (t table) print(b *strings.Builder, rows []*row) {
	head := false
	for _, r := range rows {
		if r.kind != t.kind || len(r.rounds) == 0 {
			continue
		}
		if !head {
			fmt.Fprintf(b, "\n### %s\n\n| %s |\n|---|%s\n", t.title, strings.Join(t.columns, " | "), strings.Repeat("--:|", len(t.columns)-1))
			head = true
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(t.cells(r), " | "))
	}
}
