package operate

import (
	"strings"
	"testing"
	"time"

	"paybridge/schemas/delivery"
)

// TestDeadLetters says how they are grouped, and what is said of one.
func TestDeadLetters(t *testing.T) {
	r := newRig(t)
	r.receive(`{"secret":"of a person"`)
	r.receive(`{"another":`)
	r.store(r.delivery("gocardless", "hmac", `{"events":[7]}`))
	for range 3 {
		r.normalize(all)
	}
	groups, err := DeadLetters(t.Context(), r.js, Range{}, nil)
	if err != nil || len(groups) != 2 {
		t.Fatalf("got %+v, %v", groups, err)
	}
	if g := groups[0]; g.Source != "pik" || g.Reason != delivery.MalformedJSON || g.Count != 2 || g.First != 1 || g.Last != 2 || g.Newest.Before(g.Oldest) {
		t.Errorf("the largest group is %+v", g)
	}
	for filter, want := range map[string]int{
		DeadFilter("", ""): 2, DeadFilter("pik", ""): 1, DeadFilter("", "mapping_failed"): 1, DeadFilter("pik", "mapping_failed"): 0,
	} {
		if groups, err := DeadLetters(t.Context(), r.js, Range{Subject: filter}, nil); len(groups) != want || err != nil {
			t.Errorf("%s: %+v, %v", filter, groups, err)
		}
	}

	var each []Dead
	if err := EachDead(t.Context(), r.js, Range{}, nil, func(d Dead) error { each = append(each, d); return nil }); err != nil || len(each) != 3 {
		t.Fatalf("got %+v, %v", each, err)
	}
	if d := each[1]; d.Raw != 2 || d.Sequence != 2 || d.Body != nil || d.Bytes == 0 {
		t.Errorf("the second is %+v", d)
	}
}

// TestShowDead says that the body is only there for those who ask.
func TestShowDead(t *testing.T) {
	r := newRig(t)
	r.receive(`{"secret":"of a person"`)
	r.normalize(all)
	d, err := ShowDead(t.Context(), r.js, 1, false)
	if err != nil || d.Body != nil || d.Reason != delivery.MalformedJSON || d.Raw != 1 || time.Since(d.Stored) > time.Minute {
		t.Errorf("got %+v, %v", d, err)
	}
	for name, values := range d.Headers {
		if strings.Contains(strings.Join(values, ""), "person") {
			t.Errorf("%s holds the body", name)
		}
	}
	if d, err = ShowDead(t.Context(), r.js, 1, true); err != nil || string(d.Body) != `{"secret":"of a person"` {
		t.Errorf("with its body: %+v, %v", d, err)
	}
	_, err = ShowDead(t.Context(), r.js, 9, false)
	checkAdvice(t, err, "does not exist", "deadletters list")
}
