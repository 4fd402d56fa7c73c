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
	size, conns int // bytes of a body; requests in flight

	rounds []round
}

// name is what -only is matched against.
func (r row) name() string { return r.what + ", against " + r.theirs }

// round is one interleaved pair of measurements.
type round struct{ ours, theirs sample }

// sample is one program over one round.
type sample struct {
	rate float64 // a second
	p50  float64 // milliseconds; 0 where it is not a request
	p99  float64
	p999 float64
	cpu  float64 // microseconds of the program a request
	rss  float64 // MiB
}

// median of a figure over a row's rounds.
func (r row) median(figure func(round) float64) float64 {
	values := make([]float64, 0, len(r.rounds))
	for _, one := range r.rounds {
		values = append(values, figure(one))
	}
	slices.Sort(values)
	if len(values) == 0 {
		return 0
	}
	return values[len(values)/2]
}

func (r row) ratio() float64 {
	return r.median(func(o round) float64 { return o.ours.rate / max(o.theirs.rate, 1e-9) })
}

func (r row) spread() (low, high float64) {
	low = 1e18
	for _, o := range r.rounds {
		ratio := o.ours.rate / max(o.theirs.rate, 1e-9)
		low, high = min(low, ratio), max(high, ratio)
	}
	return low, high
}

const header = "| what | against | ratio | min–max | a second | p50 / p99 ms | theirs a second | p50 / p99 ms | CPU µs each | RSS MiB |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"

// markdown prints the rows as a table.
func markdown(w io.Writer, rows []*row) error {
	if _, err := io.WriteString(w, header); err != nil {
		return err
	}
	for _, r := range rows {
		if _, err := io.WriteString(w, r.markdown()); err != nil {
			return err
		}
	}
	return nil
}

func (r row) markdown() string {
	low, high := r.spread()
	latency := func(p50, p99 float64) string {
		if p50 == 0 {
			return ""
		}
		return fmt.Sprintf("%.2f / %.2f", p50, p99)
	}
	return fmt.Sprintf("| %s | %s | **%.2f** | %.2f–%.2f | %.0f | %s | %.0f | %s | %.0f | %.0f |\n",
		r.what, r.theirs, r.ratio(), low, high,
		r.median(func(o round) float64 { return o.ours.rate }),
		latency(r.median(func(o round) float64 { return o.ours.p50 }), r.median(func(o round) float64 { return o.ours.p99 })),
		r.median(func(o round) float64 { return o.theirs.rate }),
		latency(r.median(func(o round) float64 { return o.theirs.p50 }), r.median(func(o round) float64 { return o.theirs.p99 })),
		r.median(func(o round) float64 { return o.ours.cpu }),
		r.median(func(o round) float64 { return o.ours.rss }))
}

// Geometry of the plot, in SVG user units.
const (
	plotLeft  = 330
	plotWidth = 460
	plotRow   = 26
)

// plot draws the ratios as bars against the line at 1.
func plot(w io.Writer, rows []*row) error {
	top := 1.2
	for _, r := range rows {
		top = max(top, r.ratio()*1.1)
	}
	scale := plotWidth / top
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n", plotLeft+plotWidth+70, 50+plotRow*len(rows))
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	fmt.Fprintf(&b, `<text x="10" y="20" font-weight="bold">paybridge / hand-written, ratio of one run (1 = as fast)</text>`+"\n")
	for i, r := range rows {
		y := 36 + i*plotRow
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, plotLeft-8, y+14, r.what)
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="18" fill="#2f6f9f"/>`, plotLeft, y, r.ratio()*scale)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%.2f</text>`+"\n", plotLeft+r.ratio()*scale+6, y+14, r.ratio())
	}
	one := plotLeft + scale
	fmt.Fprintf(&b, `<line x1="%.1f" y1="30" x2="%.1f" y2="%d" stroke="#b03030" stroke-dasharray="4 3"/>`+"\n</svg>\n", one, one, 36+plotRow*len(rows))
	_, err := io.WriteString(w, b.String())
	return err
}
