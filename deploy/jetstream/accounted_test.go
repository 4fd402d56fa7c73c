package jetstream

import (
	"testing"
	"time"
)

// at is a moment, in seconds.
func at(seconds int) time.Time { return time.Unix(int64(seconds), 0) }

// steady is one whole result a step for deliveries from first to last.
func steady(first, last uint64, start, step int) []result {
	var all []result
	for seq := first; seq <= last; seq++ {
		all = append(all, result{delivery: seq, whole: true, at: at(start)})
		start += step
	}
	return all
}

// without is results less those of one delivery: a duplicate, or a loss to be.
func without(delivery uint64, all []result) []result {
	var rest []result
	for _, r := range all {
		if r.delivery != delivery {
			rest = append(rest, r)
		}
	}
	return rest
}

func TestFloor(t *testing.T) {
	item := func(seq uint64, seconds int) result { return result{delivery: seq, at: at(seconds)} }
	whole := func(seq uint64, seconds int) result { return result{delivery: seq, at: at(seconds), whole: true} }
	tests := map[string]struct {
		first   uint64 // of WEBHOOKS
		results []result
		since   time.Time
		noMore  bool
		want    uint64
		unsure  bool
	}{
		"nothing was ever processed":  {first: 1, want: 0},
		"everything was":              {first: 1, results: steady(1, 9, 0, 1), want: 9},
		"the first was not":           {first: 1, results: steady(2, 9, 0, 1), want: 0},
		"one in the middle was not":   {first: 1, results: without(5, steady(1, 9, 0, 1)), want: 4},
		"stored out of order":         {first: 1, results: []result{whole(2, 0), whole(1, 1), whole(3, 2)}, want: 3},
		"the head has aged out":       {first: 100, results: steady(100, 109, 0, 1), want: 109},
		"all has aged out":            {first: 200, results: steady(100, 109, 0, 1), want: 199},
		"a batch may be half done":    {first: 1, results: []result{whole(1, 0), item(2, 1), item(2, 2), whole(3, 3)}, want: 1},
		"a batch long ago is done":    {first: 1, results: append([]result{item(1, 0), item(1, 0)}, steady(2, 1800, 1, 1)...), want: 1800},
		"a duplicate long ago":        {first: 1, results: without(7, steady(1, 1800, 0, 1)), want: 1800},
		"a duplicate just now":        {first: 1, results: without(1795, steady(1, 1800, 0, 1)), want: 1794},
		"the last is followed by one": {first: 1, results: []result{whole(1, 0), whole(3, 1)}, want: 1},
		// Silence proves little: whoever held delivery 5 may have died at once after the
		// long pause, together with its memory of it.
		"a crash, a long pause, a crash": {first: 1, results: append(without(5, steady(1, 9, 0, 1)), whole(10, 90_000)), want: 4},
		"a slow bridge forgives in time": {first: 1, results: without(5, steady(1, 60, 0, 90_000)), want: 60},
		// A redrive works on old deliveries, in any order, long after.
		"a redrive is the latest":        {first: 1, results: append(without(5, steady(1, 9, 0, 1)), whole(2, 90_000)), want: 4},
		"a redrive among the witnesses":  {first: 1, results: append([]result{whole(3, -1)}, without(7, steady(4, 2000, 0, 1))...), want: 2000},
		"read too little to tell":        {first: 1, results: steady(500, 600, 0, 1), since: at(0), unsure: true},
		"read too little, but no more":   {first: 1, results: without(520, steady(500, 600, 0, 1)), since: at(0), noMore: true, want: 600},
		"doubt in what little was read":  {first: 1, results: without(590, steady(500, 600, 0, 1)), since: at(0), noMore: true, want: 589},
		"read enough":                    {first: 1, results: steady(500, 2000, 0, 1), since: at(0), want: 2000},
		"read nothing of use":            {first: 1, since: at(9), unsure: true},
		"read nothing of use, no more":   {first: 1, since: at(9), noMore: true, want: 0},
		"a message of WEBHOOKS is first": {first: 0, results: steady(1, 3, 0, 1), want: 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, sure := evidence{results: test.results, since: test.since}.floor(test.first, test.noMore)
			if sure == test.unsure || (sure && got != test.want) {
				t.Errorf("floor %d, sure %v; want %d, sure %v", got, sure, test.want, !test.unsure)
			}
		})
	}
}

func TestMarks(t *testing.T) {
	m := newMarks(100, 300)
	for _, seq := range []uint64{99, 100, 163, 164, 300, 5000} {
		m.add(seq)
	}
	for seq, want := range map[uint64]bool{0: false, 99: false, 100: true, 101: false, 163: true, 164: true, 165: false, 300: true, 5000: false} {
		if m.has(seq) != want {
			t.Errorf("has(%d) is %v", seq, !want)
		}
	}
	if none := newMarks(5, 4); none.has(5) || none.has(4) {
		t.Error("the empty range has members")
	}
}
