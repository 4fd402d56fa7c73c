package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// options are the command line.
type options struct {
	rounds         int
	length         time.Duration // of the counted part of one ingress round
	settle         time.Duration // of the part before, which nobody counts
	messages       int           // deliveries of one normalizer round
	full           bool
	only           string // regular expression on the rows' names; "" is all
	list           bool
	markdown, plot string // files to write
	readme         string // file whose table of judged figures is replaced

	scale  bool
	stored []int  // messages, of the shelves besides the smallest
	data   string // folder of the shelves; "" is one that does not stay
	fill   bool   // fill the shelves and measure nothing
}

// kind is what a row measures.
type kind int

const (
	overHTTP    kind = iota // webhooks in, answers out
	overStreams             // deliveries in a stream, events in another
	throughout              // webhooks in, events out
	scaled                  // the same program beside much that is stored, and beside little
)

// The programs that paybridge is held against.
const (
	handWritten  = "hand-written bridge"
	sameMessage  = "the same bridge, storing what the ingress stores"
	rawCopy      = "raw pipelined copy"
	structMapper = "hand-written struct mapper"
	serialCopy   = "serial publish-wait-ack"
)

// KB is the unit of a row's size.
const KB = 1024

// plan is every row that the options ask for, in the order of measuring.
func (o options) plan() ([]*row, error) {
	var rows []*row
	for _, part := range []func(sync string) []*row{o.ingressRows, o.normalizerRows, o.throughoutRows} {
		for _, sync := range []string{syncAlways, syncSlow, syncInterval} {
			rows = append(rows, part(sync)...)
		}
	}
	if o.only == "" {
		return rows, nil
	}
	pattern, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	rows = slices.DeleteFunc(rows, func(r *row) bool { return !pattern.MatchString(r.name()) })
	if len(rows) == 0 {
		return nil, fmt.Errorf("-only %q: no row has such a name; -list prints them, with -full all of them", o.only)
	}
	return rows, nil
}

// ingressRows are the loads of the ingress under one sync setting.
func (o options) ingressRows(sync string) []*row {
	sizes, conns := []int{2 * KB}, []int{64}
	switch {
	case sync == syncSlow:
		conns = []int{256}
	case o.full:
		sizes, conns = []int{KB / 2, 2 * KB, 16 * KB}, []int{1, 4, 16, 64, 256}
	case sync == syncAlways:
		conns = []int{1, 16, 64, 256}
	}
	var rows []*row
	for _, size := range sizes {
		for _, c := range conns {
			rows = append(rows, &row{
				what: fmt.Sprintf("ingress, fsync %s, %.1f KB, c=%d", sync, float64(size)/KB, c),
				ours: "ingress", theirs: handWritten, kind: overHTTP, sync: sync, size: size, conns: c,
			})
			// Where a batch cannot pay, it is told apart what the server takes for the contract.
			if size == 2*KB && (sync == syncAlways && (c == 1 || c == 16) || sync == syncInterval && c == 64) {
				other := *rows[len(rows)-1]
				other.theirs = sameMessage
				rows = append(rows, &other)
			}
		}
	}
	return rows
}

// normalizerRows are the opponents of the normalizer under one sync setting.
func (o options) normalizerRows(sync string) []*row {
	var theirs []string
	switch {
	case sync == syncSlow:
	case o.full:
		theirs = []string{rawCopy, structMapper, serialCopy}
	case sync == syncInterval:
		theirs = []string{rawCopy}
	default:
		theirs = []string{serialCopy}
	}
	var rows []*row
	for _, program := range theirs {
		rows = append(rows, &row{
			what: fmt.Sprintf("normalizer, fsync %s, 2.0 KB", sync), ours: "normalizer", theirs: program, kind: overStreams, sync: sync, size: 2 * KB,
		})
	}
	return rows
}

// throughoutRows are the paces at which webhooks come whose events are waited for.
func (o options) throughoutRows(sync string) []*row {
	if sync != syncAlways {
		return nil
	}
	rates := []float64{1000}
	if o.full {
		rates = []float64{100, 1000}
	}
	var rows []*row
	for _, rate := range rates {
		rows = append(rows, &row{
			what: throughoutName(rate), ours: "ingress and normalizer", theirs: handWrittenBoth, kind: throughout, sync: sync, size: 2 * KB, rate: rate,
		})
	}
	return rows
}

// groups splits rows into those that share a server and its contents: each load of
// the ingress has its own, opponents of the normalizer read the same deliveries.
func groups(rows []*row) [][]*row {
	var all [][]*row
	for i, r := range rows {
		if i > 0 && r.kind == overStreams && rows[i-1].kind == overStreams && rows[i-1].sync == r.sync {
			all[len(all)-1] = append(all[len(all)-1], r)
			continue
		}
		all = append(all, []*row{r})
	}
	return all
}

// pace is how long one round of a load is: what nobody counts, and what is counted.
func (o options) pace(r *row) (warm, counted time.Duration) {
	if r.sync == syncSlow {
		// A hand-written bridge takes half a second to answer each of 256 once.
		return 400 * time.Millisecond, max(o.length, 600*time.Millisecond)
	}
	return o.settle, o.length
}

// count is how many deliveries one round of a normalizer's row has. A disk that
// syncs each of them takes its time.
func (o options) count(r *row) int {
	if r.sync == syncAlways && !o.full {
		return o.messages / 5
	}
	return o.messages
}

// programs is how many ways there are from webhook to event: the hand-written one is
// nothing that is judged.
func (o options) programs() int {
	if o.full {
		return 2
	}
	return 1
}

// expected is how long a group takes, on a machine like the one that this was
// written on: enough to know whether to wait.
func (o options) expected(group []*row) time.Duration {
	r := group[0]
	server := 1000 * time.Millisecond
	switch r.kind {
	case overStreams:
		programs := time.Duration(len(group) + 1)
		each := 20 * time.Microsecond
		if r.sync == syncAlways {
			each = 150 * time.Microsecond
		}
		return server + time.Duration(o.rounds)*programs*(300*time.Millisecond+time.Duration(o.count(r))*each)
	case throughout:
		return server + time.Duration(o.rounds*o.programs())*(400*time.Millisecond+o.throughout(r))
	default:
		warm, counted := o.pace(r)
		return server + time.Duration(o.rounds+1)*2*(warm+counted+50*time.Millisecond)
	}
}

// names lists rows, one a line.
func names(rows []*row) string {
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(r.name() + "\n")
	}
	return b.String()
}
