package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Geometry of the plot, in SVG user units.
const (
	plotWide   = 940
	plotLeft   = 240 // labels end here
	plotRight  = 670 // and the figures begin after this
	plotTop    = 84
	lineHigh   = 26
	titleHigh  = 34
	axisHigh   = 34
	pointApart = 7
)

// style gives the plot a ground of its own, in the colours that the reader prefers:
// it can stand on a light page and on a dark one.
const style = `<style>
text{font:13px -apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#24292f}
.title{font-size:18px;font-weight:600}.section{font-weight:600}.quiet{fill:#57606a;font-size:12px}.strong{font-weight:600}
.card{fill:#fff;stroke:#d0d7de}.grid{stroke:#eaeef2}.one{stroke:#57606a;stroke-width:1.5}.bound{stroke:#cf222e;stroke-width:2.5}.stripe{fill:#f6f8fa}
.small{fill:#54aeff;stroke:#54aeff}.middle{fill:#0550ae;stroke:#0550ae}.large{fill:#e16f24;stroke:#e16f24}.other{fill:#8c959f;stroke:#8c959f}
.range{stroke-width:5;stroke-linecap:round;opacity:.3}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.card{fill:#0d1117;stroke:#3d444d}.grid{stroke:#262c36}.one{stroke:#9198a1}.bound{stroke:#f85149}
.stripe{fill:#151b23}.small{fill:#a5d6ff;stroke:#a5d6ff}.middle{fill:#4493f8;stroke:#4493f8}.large{fill:#f0883e;stroke:#f0883e}.other{fill:#6e7681;stroke:#6e7681}.range{opacity:.45}}
</style>
`

// drawing writes a plot from top to bottom.
type drawing struct {
	b    *strings.Builder
	y    float64
	axis axis
}

// height is what the sections of one panel take.
func height(all []section) int {
	if len(all) == 0 {
		return 0
	}
	total := axisHigh
	for _, s := range all {
		total += titleHigh + lineHigh*len(s.lines)
	}
	return total
}

func (d *drawing) open(title string, ratios, delays bool, high int) {
	high += plotTop + 12
	fmt.Fprintf(d.b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n", plotWide, high, plotWide, high)
	fmt.Fprintf(d.b, "<title>%s</title>\n%s", html.EscapeString(title), style)
	fmt.Fprintf(d.b, `<rect class="card" x="0.5" y="0.5" width="%d" height="%d" rx="10"/>`+"\n", plotWide-1, high-1)
	d.y = 32
	d.text(24, "title", "start", title)
	d.y = 53
	var what []string
	if ratios {
		what = append(what, "above: times as fast, median and range of the rounds")
	}
	if delays {
		what = append(what, "below: milliseconds, from p50 over p99 (the dot) to p99.9")
	}
	d.text(24, "quiet", "start", strings.Join(what, " · "))
	d.y = 72
	x := 24.0
	for _, entry := range [][2]string{{"small", "0.5 KB"}, {"middle", "2 KB"}, {"large", "16 KB"}} {
		d.dot(x+5, d.y-4, entry[0])
		d.text(x+15, "quiet", "start", entry[1])
		x += 68
	}
	fmt.Fprintf(d.b, `<line class="bound" x1="%g" x2="%g" y1="%g" y2="%g"/>`+"\n", x+5, x+5, d.y-11, d.y+3)
	d.text(x+13, "quiet", "start", "what it is judged by, at 2 KB")
	d.y = plotTop
}

func (d *drawing) close() { d.b.WriteString("</svg>\n") }

// panel draws sections over one axis.
func (d *drawing) panel(all []section, unit string) {
	top := d.y
	bottom := top + float64(height(all)-axisHigh)
	d.stripes(all)
	for v := d.axis.low; v <= d.axis.high; v *= 2 {
		class := "grid"
		if v == 1 && unit == "×" {
			class = "one"
		}
		fmt.Fprintf(d.b, `<line class="%s" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>`+"\n", class, d.x(v), d.x(v), top+titleHigh-6, bottom+4)
		d.y = bottom + 19
		d.text(d.x(v), "quiet", "middle", fmt.Sprintf("%g%s", v, unit))
	}
	d.y = top
	for _, s := range all {
		d.y += titleHigh
		fmt.Fprintf(d.b, `<rect class="card" stroke-opacity="0" x="20" y="%g" width="%d" height="20"/>`+"\n", d.y-22, plotRight-20)
		d.y -= 8
		d.text(24, "section", "start", s.title)
		d.y += 8
		for _, l := range s.lines {
			d.line(l, unit)
		}
	}
	d.y = bottom + axisHigh
}

// stripes lie under everything else and lead the eye from a label to its figures.
func (d *drawing) stripes(all []section) {
	y := d.y
	for _, s := range all {
		y += titleHigh
		for i := range s.lines {
			if i%2 == 0 {
				fmt.Fprintf(d.b, `<rect class="stripe" x="20" y="%g" width="%d" height="%d"/>`+"\n", y, plotWide-40, lineHigh)
			}
			y += lineHigh
		}
	}
}

func (d *drawing) line(l line, unit string) {
	middle := d.y + lineHigh/2
	top := d.y
	d.y = middle + 4.5
	d.text(plotLeft-14, "", "end", l.label)
	if l.bound > 0 {
		fmt.Fprintf(d.b, `<line class="bound" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>`+"\n", d.x(l.bound), d.x(l.bound), top+3, top+lineHigh-3)
	}
	for j, p := range l.points {
		y := middle + pointApart*(float64(j)-float64(len(l.points)-1)/2)
		fmt.Fprintf(d.b, `<line class="range %s" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>`+"\n", p.style, d.x(p.low), d.x(p.top), y, y)
		d.dot(d.x(p.median), y, p.style)
		if l.figure != "" && (p.style == "middle" || p.style == "other") {
			d.text(plotRight+52, "strong", "end", strings.TrimSpace(fmt.Sprintf("%.*f", decimals(p.median), p.median)+unit))
		}
	}
	d.text(plotRight+66, "quiet", "start", l.figure)
	d.y = top + lineHigh
}

// decimals leaves a figure about three digits.
func decimals(v float64) int {
	return int(min(max(2-math.Floor(math.Log10(max(v, 0.01))), 0), 2))
}

func (d *drawing) x(v float64) float64 { return plotLeft + d.axis.at(v)*(plotRight-plotLeft) }

func (d *drawing) dot(x, y float64, class string) {
	fmt.Fprintf(d.b, `<circle class="%s" cx="%.1f" cy="%g" r="4"/>`+"\n", class, x, y)
}

func (d *drawing) text(x float64, class, anchor, text string) {
	fmt.Fprintf(d.b, `<text class="%s" x="%.1f" y="%g" text-anchor="%s">%s</text>`+"\n", class, x, d.y, anchor, html.EscapeString(text))
}
