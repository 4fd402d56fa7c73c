package proof

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// notCompared are members that a fixture may leave out: a trace is new each time.
var notCompared = []string{"traceparent"}

// maxDifferences bounds what is said about one event.
const maxDifferences = 20

// compareJSON lists where got is not want, as JSON whose numbers are their text:
// 100.00 is not 100. Members that want leaves out although it may are passed over.
func compareJSON(want, got []byte) []string {
	w, err := decodeJSON(want)
	if err != nil {
		return []string{"is not JSON: " + err.Error()}
	}
	g, err := decodeJSON(got)
	if err != nil {
		return []string{"the event is not JSON: " + err.Error()}
	}
	if wanted, ok := w.(map[string]any); ok {
		if have, ok := g.(map[string]any); ok {
			for _, name := range notCompared {
				if _, said := wanted[name]; !said {
					delete(have, name)
				}
			}
		}
	}
	var d differences
	d.compare("", w, g)
	if len(d) > maxDifferences {
		return append(d[:maxDifferences], fmt.Sprintf("and %d more differences", len(d)-maxDifferences))
	}
	return d
}

// decodeJSON reads exactly one value, its numbers as their text.
func decodeJSON(text []byte) (v any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, fmt.Errorf("text after the value")
	}
	return v, nil
}

// differences are sentences, in order of the members' names.
type differences []string

// compare compares two values at a JSON pointer.
func (d *differences) compare(pointer string, want, got any) {
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			d.objects(pointer, w, g)
			return
		}
	case []any:
		if g, ok := got.([]any); ok {
			d.arrays(pointer, w, g)
			return
		}
	default:
		if want == got && !isContainer(got) {
			return
		}
	}
	d.add(pointer, want, got)
}

// isContainer says that a value cannot be compared by ==.
func isContainer(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

// objects compares member by member; null and absent differ.
func (d *differences) objects(pointer string, want, got map[string]any) {
	names := slices.Collect(maps.Keys(want))
	for name := range got {
		if _, ok := want[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		at := pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		w, wanted := want[name]
		g, have := got[name]
		switch {
		case !have:
			*d = append(*d, at+": is not there, want "+show(w))
		case !wanted:
			*d = append(*d, at+": is "+show(g)+", want nothing there")
		default:
			d.compare(at, w, g)
		}
	}
}

// arrays compares element by element; lists of another length differ as a whole,
// because nobody knows which element is missing.
func (d *differences) arrays(pointer string, want, got []any) {
	if len(want) != len(got) {
		d.add(pointer, want, got)
		return
	}
	for i := range want {
		d.compare(pointer+"/"+strconv.Itoa(i), want[i], got[i])
	}
}

// add is one difference, as a sentence.
func (d *differences) add(pointer string, want, got any) {
	*d = append(*d, fmt.Sprintf("%s: is %s, want %s", pointer, show(got), show(want)))
}

// showLength bounds a value in a message. Fixtures are no secret, only long.
const showLength = 120

// show is a value for people, cut where it is long.
func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(text) > showLength {
		return string(text[:showLength]) + "…"
	}
	return string(text)
}
