package operate

import (
	"encoding/json"
	"net/textproto"
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// TestVariationKeepsShape says what an id looks like after it was varied.
func TestVariationKeepsShape(t *testing.T) {
	for _, test := range []struct {
		name, id, want string
	}{
		{"prefix with underscore", "evt_xyz789", `^evt_[0-9]{16}$`},
		{"a long one keeps its length", "E12345678202009091221kkkkkkkkkkk", `^E123456782020090[0-9]{16}$`},
		{"uuid keeps its dashes", "550e8400-e29b-41d4-a716-446655440000", `^550e8400-e29b-41d4-[0-9]{4}-[0-9]{12}$`},
		{"short without separator grows", "EV1", `^[0-9]{16}$`},
		{"a long prefix is not overwritten", "transaction_id_of_charge_1", `^transaction_[a-z0-9_]*[0-9]$`},
		{"hex stays hex", "0xabcdefabcdefabcdefabcdef", `^0xabcdefab[0-9]{16}$`},
		{"nothing but separators", "--", `^--[0-9]{16}$`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Variation{Number: 7}.ID(test.id)
			if !regexp.MustCompile(test.want).MatchString(got) {
				t.Errorf("ID(%q) = %q, want %s", test.id, got, test.want)
			}
			if other := (Variation{Number: 8}).ID(test.id); other == got {
				t.Errorf("ID(%q) is %q under two numbers", test.id, got)
			}
		})
	}
}

// TestVariationBody says which members are varied and that all other bytes stay.
func TestVariationBody(t *testing.T) {
	v := Variation{Number: 42}
	for _, test := range []struct {
		name, body, want string
		changed          int
	}{
		{
			"ids, wherever they stand",
			`{ "id":"evt_a1", "data" : {"transaction_id": "txn_b2","amount":"75.00"}}`,
			`{ "id":"` + v.ID("evt_a1") + `", "data" : {"transaction_id": "` + v.ID("txn_b2") + `","amount":"75.00"}}`, 2,
		},
		{
			"the same id twice stays the same",
			`{"chargeId":"c_1","charge":{"id":"c_1"}}`,
			`{"chargeId":"` + v.ID("c_1") + `","charge":{"id":"` + v.ID("c_1") + `"}}`, 2,
		},
		{"words that end in id", `{"status":"PAID","paid":"yes","valid":true}`, `{"status":"PAID","paid":"yes","valid":true}`, 0},
		{"an escape is left alone", `{"id":"a\u00e7b"}`, `{"id":"a\u00e7b"}`, 0},
		{"a value that is no scalar", `{"id":{"a":1},"ids":["x"]}`, `{"id":{"a":1},"ids":["x"]}`, 0},
		{"form", `id=tr_abc&amount=10`, `id=` + v.ID("tr_abc") + `&amount=10`, 1},
		{"empty", ``, ``, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, changed := v.Body([]byte(test.body))
			if string(got) != test.want || changed != test.changed {
				t.Errorf("Body(%s)\n got %s (%d)\nwant %s (%d)", test.body, got, changed, test.want, test.changed)
			}
		})
	}
}

// TestVariationNumber says that a number stays a number, exact in every reader.
func TestVariationNumber(t *testing.T) {
	got, changed := Variation{Number: 1}.Body([]byte(`{"id":12345,"value":12345}`))
	if !regexp.MustCompile(`^\{"id":[1-8][0-9]{15},"value":12345\}$`).Match(got) || changed != 1 {
		t.Errorf("got %s (%d)", got, changed)
	}
}

// TestVariationIsJSON holds for any ids: what was JSON stays JSON, and different
// ids stay different, so a batch does not fall together.
func TestVariationIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.String(), 2, 4, rapid.ID[string]).Draw(t, "ids")
		v := Variation{Number: rapid.Uint64().Draw(t, "number")}
		type item struct {
			ID string `json:"id"`
		}
		var items []item
		for _, id := range ids {
			items = append(items, item{id})
		}
		body, err := json.Marshal(items)
		if err != nil {
			t.Fatal(err)
		}
		varied, _ := v.Body(body)
		var back []item
		if err := json.Unmarshal(varied, &back); err != nil {
			t.Fatalf("%s is no JSON: %v", varied, err)
		}
		seen := map[string]bool{}
		for _, it := range back {
			seen[it.ID] = true
		}
		if len(seen) != len(items) {
			t.Fatalf("%d ids became %d: %s → %s", len(items), len(seen), body, varied)
		}
	})
}

// TestVariationHeader says that header ids are varied and others are not.
func TestVariationHeader(t *testing.T) {
	h := textproto.MIMEHeader{"Webhook-Id": {"msg_1"}, "X-Github-Delivery": {"d-1"}, "X-Github-Event": {"push"}}
	got := Variation{Number: 3}.Header(h)
	if got.Get("Webhook-Id") == "msg_1" || got.Get("X-Github-Delivery") == "d-1" || got.Get("X-Github-Event") != "push" {
		t.Errorf("got %v", got)
	}
	if h.Get("Webhook-Id") != "msg_1" {
		t.Error("the fixture's own headers changed")
	}
}
