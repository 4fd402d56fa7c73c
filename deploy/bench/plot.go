package main

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// section is a part of the plot: a heading and lines that share an axis.
type section struct {
	title string
	lines []line
}

// line is one label and what was measured under it.
type line struct {
	label  string
	points []point
	bound  float64 // what is judged; 0: nothing
	figure string  // the absolute figures, at the right
}

// point is a median and the range about it.
type point struct {
	style            string // class of its colour
	low, median, top float64
}

// sizeStyles are the colours of the sizes of a body.
var sizeStyles = map[int]string{KB / 2: "small", 2 * KB: "middle", 16 * KB: "large"}

// plot draws what was measured: ratios on one logarithmic axis, and the latencies
// from webhook to event on another.
func plot(w io.Writer, rows []*row) error {
	var b strings.Builder
	d := drawing{b: &b}
	ratios := sections(rows)
	delays := latencies(rows)
	d.open("paybridge beside hand-written programs", len(ratios) > 0, len(delays) > 0, height(ratios)+height(delays))
	if len(ratios) > 0 {
		d.axis = logAxis(ratios)
		d.panel(ratios, "×")
	}
	if len(delays) > 0 {
		d.axis = logAxis(delays)
		d.panel(delays, " ms")
	}
	d.close()
	_, err := io.WriteString(w, b.String())
	return err
}

// sections groups the rows that have a ratio: what differs in size alone shares a
// line.
func sections(rows []*row) []section {
	var all []section
	floors := floors()
	for _, r := range rows {
		if r.kind == throughout || len(r.rounds) == 0 {
			continue
		}
		title, label := r.titles()
		if len(all) == 0 || all[len(all)-1].title != title {
			all = append(all, section{title: title})
		}
		s := &all[len(all)-1]
		i := s.line(label)
		low, high := r.spread()
		l := &s.lines[i]
		l.points = append(l.points, point{sizeStyles[r.size], low, r.ratio(), high})
		if r.size == 2*KB {
			l.bound, l.figure = floors[r.name()], r.figure()
		}
	}
	return all
}

// line is the index of the line with a label; it is added if there is none.
func (s *section) line(label string) int {
	for i, l := range s.lines {
		if l.label == label {
			return i
		}
	}
	s.lines = append(s.lines, line{label: label})
	return len(s.lines) - 1
}

// titles are the section and the label of a row.
func (r *row) titles() (title, label string) {
	title, label = "Ingress / hand-written bridge, ", fmt.Sprintf("%d at once", r.conns)
	if r.theirs == sameMessage {
		label += ", same message"
	}
	if r.kind == overStreams {
		title, label = "Normalizer / another program, ", r.theirs
	}
	if r.kind == scaled {
		return "Much stored / 10 k stored", r.what
	}
	switch r.sync {
	case syncInterval:
		title += "fsync every 2 minutes"
	case syncSlow:
		title += "each fsync taking 2 ms longer"
	default:
		title += "fsync before every answer"
	}
	return title, label
}

// figure is how many a second, of both programs.
func (r *row) figure() string {
	return fmt.Sprintf("%s : %s a second",
		short(r.median(func(o round) float64 { return o.ours.rate })), short(r.median(func(o round) float64 { return o.theirs.rate })))
}

// short is a number with three digits, in thousands where it is large.
func short(n float64) string {
	switch {
	case n >= 9950:
		return fmt.Sprintf("%.0f k", n/1000)
	case n >= 995:
		return fmt.Sprintf("%.1f k", n/1000)
	default:
		return fmt.Sprintf("%.0f", n)
	}
}

// floors are the judged ratios by the row's name.
func floors() map[string]float64 {
	all := map[string]float64{}
	for _, g := range gates() {
		if g.unit == "×" && !g.ceiling {
			all[g.row] = g.bound
		}
	}
	return all
}

// latencies are the ways from webhook to event: a line a program, from the median
// over the 99th to the 99.9th percentile.
func latencies(rows []*row) []section {
	var all []section
	for _, r := range rows {
		if r.kind != throughout || len(r.rounds) == 0 {
			continue
		}
		s := section{title: fmt.Sprintf("From the webhook to its event, fsync before every answer, %.0f a second", r.rate)}
		for _, program := range []struct {
			label, style string
			of           func(round) sample
		}{{"paybridge", "middle", func(o round) sample { return o.ours }}, {"hand-written", "other", func(o round) sample { return o.theirs }}} {
			at := func(figure func(sample) float64) float64 {
				return r.median(func(o round) float64 { return figure(program.of(o)) })
			}
			p := point{program.style, at(func(s sample) float64 { return s.p50 }), at(p99), at(func(s sample) float64 { return s.p999 })}
			if p.median == 0 {
				continue
			}
			l := line{label: program.label, points: []point{p}, figure: fmt.Sprintf("p50 %.1f, p99.9 %.1f ms", p.low, p.top)}
			if program.style == "middle" && r.rate == 1000 {
				l.bound = 15
			}
			s.lines = append(s.lines, l)
		}
		all = append(all, s)
	}
	return all
}

// axis maps figures to the width of the plot, logarithmically.
type axis struct{ low, high float64 }

// leastShown is where the axis begins at the least; what is less stands at its edge.
const leastShown = 1.0 / 8

// logAxis is an axis from a power of two to another that holds every point, and 1.
func logAxis(all []section) axis {
	low, high := 1.0, 2.0
	for _, s := range all {
		for _, l := range s.lines {
			for _, p := range l.points {
				low, high = min(low, p.low), max(high, p.top)
			}
			high = max(high, l.bound)
		}
	}
	power := func(v float64, round func(float64) float64) float64 { return math.Exp2(round(math.Log2(max(v, 1e-3)))) }
	return axis{max(power(low, math.Floor), leastShown), power(high, math.Ceil)}
}

// at is where a figure stands: 0 at the low end, 1 at the high one.
func (a axis) at(v float64) float64 {
	return math.Log2(min(max(v, a.low), a.high)/a.low) / math.Log2(a.high/a.low)
}
