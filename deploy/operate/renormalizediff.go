package operate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// fieldChanges compares two events by what they say: attributes, payment and native.
// Where and when they were stored, and traced, does not count.
func fieldChanges(before, after *event.Event) (changes []FieldChange) {
	add := func(field, old, now string) {
		if old != now {
			changes = append(changes, FieldChange{Field: field, Before: old, After: now})
		}
	}
	add("id", before.ID, after.ID)
	add("type", before.Type, after.Type)
	add("subject", before.Subject, after.Subject)
	if !before.Time.Equal(after.Time) {
		const form = "2006-01-02T15:04:05.999999999Z07:00"
		add("time", before.Time.UTC().Format(form), after.Time.UTC().Format(form))
	}
	add("dataschema", before.DataSchema, after.DataSchema)
	add("partitionkey", before.PartitionKey, after.PartitionKey)
	changes = append(changes, paymentChanges(&before.Payment, &after.Payment)...)
	if !sameNative(before.Native, after.Native) {
		changes = append(changes, FieldChange{Field: "native", Before: hidden, After: hidden})
	}
	return changes
}

// hidden stands for a value that may be a person's.
const hidden = "(not shown)"

func sameNative(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || event.SameContent(event.Event{Native: a}, event.Event{Native: b})
}

// paymentChanges compares payments leaf by leaf: "amount.value".
func paymentChanges(before, after *event.Payment) (changes []FieldChange) {
	if reflect.DeepEqual(before, after) {
		return nil
	}
	old, now := leaves(before), leaves(after)
	fields := maps.Clone(old)
	maps.Copy(fields, now)
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if old[field] == now[field] {
			continue
		}
		c := FieldChange{Field: field, Before: old[field], After: now[field]}
		if strings.HasPrefix(field, "payer") || strings.HasPrefix(field, "payee") {
			c.Before, c.After = hidden, hidden
		}
		changes = append(changes, c)
	}
	return changes
}

// leaves are the values of a payment by their path. null and an empty list are none.
func leaves(p *event.Payment) map[string]string {
	found := map[string]string{}
	text, err := json.Marshal(p)
	if err != nil {
		return found
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var tree map[string]any
	if err := decoder.Decode(&tree); err != nil {
		return found
	}
	collect("", tree, found)
	return found
}

func collect(path string, v any, into map[string]string) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for name, value := range v {
			collect(strings.TrimPrefix(path+"."+name, "."), value, into)
		}
	case []any:
		if len(v) > 0 {
			into[path] = fmt.Sprint(v)
		}
	default:
		into[path] = fmt.Sprint(v)
	}
}

// group is the field that a change counts under: "amount" for "amount.value".
func (c FieldChange) group() string {
	head, _, _ := strings.Cut(c.Field, ".")
	return head
}

// Text is the sum in one sentence: "12 of 81,203 events change: 9 amounts, 1 state".
func (s Renormalized) Text() string {
	text := fmt.Sprintf("%s of %s events change", thousands(s.Changed), thousands(s.Events))
	fields := slices.SortedFunc(maps.Keys(s.Fields), func(a, b string) int {
		if s.Fields[a] != s.Fields[b] {
			return s.Fields[b] - s.Fields[a]
		}
		return strings.Compare(a, b)
	})
	for i, field := range fields {
		separator := ", "
		if i == 0 {
			separator = ": "
		}
		text += separator + counted(s.Fields[field], field)
	}
	return text
}

// counted is so many of a field. A field that is called by more than one word, or by
// one that has no plural, keeps its name.
func counted(n int, field string) string {
	text := thousands(n) + " " + field
	switch field {
	case "id", "type", "subject", "time", "event", "kind", "direction", "state", "reference", "parent", "rail", "amount", "original", "fee", "network", "payer", "payee", "reason":
		if n != 1 {
			text += "s"
		}
	}
	return text
}

// thousands is a count as people read it.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// again maps a stored delivery with today's packs; there is at least one item.
func (w *renormalizing) again(m *natsjs.RawStreamMsg) []mapping.Item {
	d, err := delivery.Decode(m.Subject, m.Header, m.Data)
	if err != nil {
		return []mapping.Item{{Dead: &mapping.Dead{Reason: delivery.MappingFailed, Problem: err.Error()}}}
	}
	return mapAgain(w.Programs, &d, m.Sequence)
}
