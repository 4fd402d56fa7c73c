package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		before := slices.Clone(test.values)
		if got := median(test.values); got != test.want {
			t.Errorf("median(%v) = %v, want %v", test.values, got, test.want)
		}
		if !slices.Equal(test.values, before) {
			t.Errorf("median changed its argument to %v", test.values)
		}
	}
}

func TestQuantile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1)*time.Millisecond)
	}
	for _, test := range []struct {
		sorted []time.Duration
		q      float64
		want   float64
	}{
		{nil, 0.99, 0},
		{hundred[:1], 0.999, 1},
		{hundred, 0.5, 50},
		{hundred, 0.99, 99},
		{hundred, 0.999, 100},
		{hundred, 1, 100},
		{[]time.Duration{1500 * time.Microsecond}, 0.5, 1.5},
	} {
		if got := quantile(test.sorted, test.q); got != test.want {
			t.Errorf("quantile %v of %d = %v ms, want %v", test.q, len(test.sorted), got, test.want)
		}
	}
}

// The ratio is the median of the rounds' ratios, and not the ratio of the medians: a
// round in which the machine was slow for both counts like any other.
func TestRatio(t *testing.T) {
	r := &row{rounds: []round{
		{sample{rate: 100, p99: 4}, sample{rate: 50, p99: 2}},
		{sample{rate: 10, p99: 9}, sample{rate: 10, p99: 3}},
		{sample{rate: 300, p99: 1}, sample{rate: 100, p99: 1}},
	}}
	if got := r.ratio(); got != 2 {
		t.Errorf("ratio = %v, want 2", got)
	}
	if low, high := r.spread(); low != 1 || high != 3 {
		t.Errorf("spread = %v to %v, want 1 to 3", low, high)
	}
	if got := p99Ratio(r); got != 2 {
		t.Errorf("p99 ratio = %v, want 2", got)
	}
}

func TestVerdict(t *testing.T) {
	floor := gate{bound: 2, aim: 3}
	ceiling := gate{bound: 15, aim: 8, ceiling: true}
	for _, test := range []struct {
		g      gate
		figure float64
		want   string
	}{
		{floor, 1.99, "✗ short of it"},
		{floor, 2, "✓"},
		{floor, 3, "✓ aim"},
		{ceiling, 15.1, "✗ short of it"},
		{ceiling, 15, "✓"},
		{ceiling, 8, "✓ aim"},
	} {
		if got := test.g.verdict(test.figure); got != test.want {
			t.Errorf("%v of %+v is %q, want %q", test.figure, test.g, got, test.want)
		}
	}
}

// measured is every row of the full form with made-up figures.
func measured(t *testing.T) []*row {
	t.Helper()
	rows, err := options{full: true, rounds: 5, length: time.Second}.plan()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shelves([]int{1_000_000, 5_000_000})[1:] {
		for _, sync := range []string{syncInterval, syncAlways} {
			for _, program := range scaledPrograms {
				rows = append(rows, scaleRow(program, s, sync))
			}
		}
	}
	for i, r := range rows {
		for n := range 5 {
			f := math.Exp2(float64(i%6) - 1 + float64(n)/5)
			r.rounds = append(r.rounds, round{sample{rate: 1000 * f, p50: 1, p99: f, p999: 2 * f}, sample{rate: 1000, p50: 1, p99: 1, p999: 2}})
		}
	}
	return rows
}

func TestEveryGateHasARow(t *testing.T) {
	all := measured(t)
	for _, g := range gates() {
		if !slices.ContainsFunc(all, func(r *row) bool { return r.name() == g.row }) {
			t.Errorf("nothing measures %q for %q", g.row, g.what)
		}
	}
}

func TestMarkdown(t *testing.T) {
	rows := measured(t)
	rows[0].rounds, rows[0].wrong = nil, errors.New("strace is missing")
	var b strings.Builder
	if err := markdown(&b, "About.\n", rows); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if want := "\nNot measured: " + rows[0].name() + ": strace is missing\n"; !strings.Contains(text, want) {
		t.Errorf("the report does not say %q:\n%s", want, text)
	}
	columns := 0
	for text := range strings.Lines(text) {
		if !strings.HasPrefix(text, "|") {
			columns = 0
			continue
		}
		n := strings.Count(text, "|")
		if columns != 0 && n != columns {
			t.Errorf("a line of %d columns in a table of %d: %s", n-1, columns-1, text)
		}
		columns = n
	}
	for _, r := range rows[1:] {
		if !strings.Contains(text, "| "+r.what+" |") {
			t.Errorf("the report has no row %q", r.what)
		}
	}
}

func TestPlotIsXML(t *testing.T) {
	for name, rows := range map[string][]*row{"all": measured(t), "nothing": nil, "one": measured(t)[:1]} {
		var b strings.Builder
		if err := plot(&b, rows); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
			t.Errorf("%s: the plot has figures that are none", name)
		}
		in := xml.NewDecoder(strings.NewReader(b.String()))
		elements := 0
		for {
			token, err := in.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, is := token.(xml.StartElement); is {
				elements++
			}
		}
		if elements < 10 {
			t.Errorf("%s: the plot has %d elements", name, elements)
		}
	}
}

func TestAxisHoldsItsPoints(t *testing.T) {
	a := axis{0.25, 16}
	for v, want := range map[float64]float64{0.25: 0, 2: 0.5, 16: 1, 0.01: 0, 99: 1} {
		if got := a.at(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v stands at %v, want %v", v, got, want)
		}
	}
	got := logAxis([]section{{lines: []line{{bound: 20, points: []point{{low: 0.3, median: 1, top: 9}}}}}})
	if got != (axis{0.25, 32}) {
		t.Errorf("axis %+v, want 0.25 to 32", got)
	}
}

func TestSplicedKeepsTheRest(t *testing.T) {
	readme := "# Title\n" + figuresBegin + "old\n" + figuresEnd + "\n\n## Next\n"
	got, err := spliced(readme, "new\n")
	if want := "# Title\n" + figuresBegin + "new\n" + figuresEnd + "\n\n## Next\n"; err != nil || got != want {
		t.Errorf("%q and error %v, want %q", got, err, want)
	}
	for _, readme := range []string{"# Title\n", figuresEnd + "\n" + figuresBegin} {
		if _, err := spliced(readme, "new\n"); err == nil {
			t.Errorf("%q has no place for figures, and no error says so", readme)
		}
	}
}

// The README of the project has the place.
func TestReadmeHasThePlace(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := spliced(string(text), ""); err != nil {
		t.Error(err)
	}
}
