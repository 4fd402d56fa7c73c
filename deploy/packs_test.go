// Package deploy_test holds what can only be said of all packages together.
package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/textproto"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"paybridge/ingress/auth"
	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// pack is one built-in pack with both halves read.
type pack struct {
	name     string
	library  *provider.Library
	about    provider.About
	auth     *provider.Auth
	events   *provider.Events
	program  *mapping.Program
	fixtures []provider.Fixture
	schemas  map[string]*jsonschema.Schema // by native type, compiled when they are first asked for
}

// eachPack runs a test on every built-in pack.
func eachPack(t *testing.T, test func(t *testing.T, p pack)) {
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	if len(library.Names()) == 0 {
		t.Fatal("there are no packs")
	}
	for _, name := range library.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pack{name: name, library: library, schemas: map[string]*jsonschema.Schema{}}
			var errs [5]error
			p.about, errs[0] = library.About(name)
			p.auth, errs[1] = library.Auth(name)
			p.events, errs[2] = library.Events(name)
			p.fixtures, errs[3] = library.Fixtures(name)
			if p.events != nil {
				p.program, errs[4] = mapping.Compile(p.events, mapping.Settings{})
			}
			for _, err := range errs {
				if err != nil {
					t.Error(err)
				}
			}
			if !t.Failed() {
				test(t, p)
			}
		})
	}
}

// deliver makes the delivery that the ingress would store, or nil where it refuses.
func deliver(t *testing.T, p pack, f *provider.Fixture) *delivery.Delivery {
	t.Helper()
	verifier, err := auth.New(p.auth, auth.FixtureSecrets(f))
	if err != nil {
		t.Fatal(err)
	}
	r := auth.FixtureRequest(f)
	proven, err := verifier.Verify(r)
	if err != nil {
		return nil
	}
	header := textproto.MIMEHeader{}
	for _, name := range verifier.KeepHeaders() {
		if values := http.Header(f.Header).Values(name); len(values) > 0 {
			header[name] = values
		}
	}
	endpoint := f.Endpoint
	if endpoint == "" {
		endpoint = delivery.DefaultEndpoint
	}
	return &delivery.Delivery{
		Source: p.name, Provider: p.name, Endpoint: endpoint, ReceivedAt: f.ReceivedAt,
		Scheme: proven.Scheme, KeyID: proven.KeyID, SignedID: proven.SignedID, Header: header, Body: f.Body,
	}
}

// TestPacksFixtures takes every fixture of every pack through authentication and
// mapping and compares what comes of it with what the fixture says.
func TestPacksFixtures(t *testing.T) {
	eachPack(t, func(t *testing.T, p pack) {
		for i := range p.fixtures {
			f := &p.fixtures[i]
			t.Run(f.Name, func(t *testing.T) {
				if err := auth.Prove(p.auth, f); err != nil {
					t.Fatal(err)
				}
				if f.Answer != http.StatusOK {
					return
				}
				checkEvents(t, p, f, mapAll(p, deliver(t, p, f), f.Sequence))
			})
		}
	})
}

// mapAll is all that becomes of a delivery.
func mapAll(p pack, d *delivery.Delivery, sequence uint64) []mapping.Item {
	doc, dead := p.program.Decode(d)
	if dead != nil {
		return []mapping.Item{{Dead: dead}}
	}
	return p.program.Map(d, doc, sequence)
}

// checkEvents compares items with a fixture's events and dead letter.
func checkEvents(t *testing.T, p pack, f *provider.Fixture, items []mapping.Item) {
	var events [][]byte
	reason := ""
	for _, item := range items {
		if item.Dead != nil {
			reason = string(item.Dead.Reason)
			if reason != f.DeadLetter {
				t.Errorf("a dead letter that the case does not name: %v at %s", item.Dead, item.Dead.Pointer)
			}
			continue
		}
		data, err := item.Event.AppendStructured(nil)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, data)
		validate(t, p, item.Event.NativeType, data)
	}
	if reason != f.DeadLetter {
		t.Errorf("the dead letter is %q, not %q", reason, f.DeadLetter)
	}
	if len(events) != len(f.Events) {
		t.Fatalf("there are %d events, not %d", len(events), len(f.Events))
	}
	for i := range events {
		for _, difference := range differences("", decode(t, events[i]), decode(t, f.Events[i])) {
			t.Errorf("event-%d%s", i, difference)
		}
	}
}

// decode reads JSON with the text of its numbers, without the trace: that is the
// request's own.
func decode(t *testing.T, data []byte) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var event map[string]any
	if err := decoder.Decode(&event); err != nil {
		t.Fatal(err)
	}
	delete(event, "traceparent")
	return event
}

// differences lists the places where two JSON values differ.
func differences(at string, got, want any) []string {
	g, ok := got.(map[string]any)
	w, both := want.(map[string]any)
	if !ok || !both {
		if reflect.DeepEqual(got, want) {
			return nil
		}
		return []string{fmt.Sprintf("%s: is %v, not %v", at, got, want)}
	}
	var all []string
	names := map[string]bool{}
	for name := range g {
		names[name] = true
	}
	for name := range w {
		names[name] = true
	}
	for name := range names {
		x, there := g[name]
		y, wanted := w[name]
		switch {
		case there && wanted:
			all = append(all, differences(at+"/"+name, x, y)...)
		case there:
			all = append(all, fmt.Sprintf("%s/%s: is %v, and is not expected", at, name, x))
		default:
			all = append(all, fmt.Sprintf("%s/%s: is not there, and %v is expected", at, name, y))
		}
	}
	slices.Sort(all)
	return all
}

// validate holds an event's data against the schema that its dataschema names.
func validate(t *testing.T, p pack, nativeType string, event []byte) {
	t.Helper()
	schema := p.schemas[nativeType]
	if schema == nil {
		schema = p.compile(t, nativeType)
		p.schemas[nativeType] = schema
	}
	var whole struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(event, &whole); err != nil {
		t.Fatal(err)
	}
	data, err := jsonschema.UnmarshalJSON(bytes.NewReader(whole.Data))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(data); err != nil {
		t.Errorf("the data is not what its schema says: %v", err)
	}
}

// compile is the schema of a native type, as it is served.
func (p pack) compile(t *testing.T, nativeType string) *jsonschema.Schema {
	t.Helper()
	raw, ok := p.library.Schema(p.name, nativeType, p.events.Version)
	if !ok {
		t.Fatalf("there is no schema of %q", nativeType)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("data.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("data.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestPacksHidePersonalData maps every fixture with events.native: redacted. Every
// pointer of a pack has to hide something in one of its fixtures, or nobody would see
// that it is misspelt; and what is left is still what its schema says.
func TestPacksHidePersonalData(t *testing.T) {
	eachPack(t, func(t *testing.T, p pack) {
		var err error
		if p.program, err = mapping.Compile(p.events, mapping.Settings{Native: mapping.NativeRedacted}); err != nil {
			t.Fatal(err)
		}
		hides := map[string]bool{}
		for i := range p.fixtures {
			f := &p.fixtures[i]
			if f.Answer != http.StatusOK {
				continue
			}
			for _, item := range mapAll(p, deliver(t, p, f), f.Sequence) {
				if item.Event == nil {
					continue
				}
				data, err := item.Event.AppendStructured(nil)
				if err != nil {
					t.Fatal(err)
				}
				validate(t, p, item.Event.NativeType, data)
				for _, pointer := range p.events.Personal {
					hides[pointer.Text] = hides[pointer.Text] || hidden(t, item.Event.Native, pointer.Text)
				}
			}
		}
		for _, pointer := range p.events.Personal {
			if !hides[pointer.Text] {
				t.Errorf("%s: %s hides nothing in any fixture", pointer.At, pointer.Text)
			}
		}
	})
}

// hidden says whether a pointer leads to a redacted value.
func hidden(t *testing.T, native []byte, pointer string) bool {
	t.Helper()
	var value any
	if err := json.Unmarshal(native, &value); err != nil {
		t.Fatal(err)
	}
	values := []any{value}
	for _, step := range strings.Split(pointer, "/")[1:] {
		var next []any
		for _, v := range values {
			switch v := v.(type) {
			case map[string]any:
				if kid, ok := v[step]; ok {
					next = append(next, kid)
				}
			case []any:
				if step == "*" {
					next = append(next, v...)
				}
			}
		}
		values = next
	}
	return slices.Contains(values, any("[redacted]"))
}

// TestPacksTakeNullAsAbsent puts a null in place of every value of every fixture's
// body, one at a time. Whatever the null hides, a field is null then: only what has no
// type left, or no items, may become a dead letter.
func TestPacksTakeNullAsAbsent(t *testing.T) {
	eachPack(t, func(t *testing.T, p pack) {
		for i := range p.fixtures {
			f := &p.fixtures[i]
			if f.Answer != http.StatusOK || f.DeadLetter != "" || strings.HasPrefix(f.Name, "auth-") {
				continue
			}
			d := deliver(t, p, f)
			decoder := json.NewDecoder(bytes.NewReader(f.Body))
			decoder.UseNumber()
			var whole any
			if err := decoder.Decode(&whole); err != nil {
				t.Fatal(err)
			}
			withNulls(whole, "", func(at string) {
				var err error
				if d.Body, err = json.Marshal(whole); err != nil {
					t.Fatal(err)
				}
				for _, item := range mapAll(p, d, 1) {
					if item.Dead == nil || strings.HasPrefix(item.Dead.Problem, "type: ") || strings.HasPrefix(item.Dead.Problem, "items: ") {
						continue
					}
					t.Errorf("%s: a null at %s: %v", f.Name, at, item.Dead)
				}
			})
		}
	})
}

// withNulls calls visit with each value below v replaced by null, and puts it back.
func withNulls(v any, at string, visit func(at string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, kid := range v {
			v[name] = nil
			visit(at + "/" + name)
			v[name] = kid
			withNulls(kid, at+"/"+name, visit)
		}
	case []any:
		for i, kid := range v {
			v[i] = nil
			visit(fmt.Sprintf("%s/%d", at, i))
			v[i] = kid
			withNulls(kid, fmt.Sprintf("%s/%d", at, i), visit)
		}
	}
}

// TestPacksPinTheirAuth changes every parameter of every pack's auth half, one at a
// time: at least one of the pack's fixtures has to notice.
func TestPacksPinTheirAuth(t *testing.T) {
	eachPack(t, func(t *testing.T, p pack) {
		for _, m := range auth.Mutations(p.auth) {
			noticed := slices.ContainsFunc(p.fixtures, func(f provider.Fixture) bool { return auth.Prove(m.Auth, &f) != nil })
			if !noticed {
				t.Errorf("%s: no fixture notices", m.Name)
			}
		}
	})
}

// TestPacksHaveTheSameParts checks what every folder has: that is how 19 of them
// stay readable.
func TestPacksHaveTheSameParts(t *testing.T) {
	sections := []string{
		"## How it signs", "## What its events mean", "## Identity and time", "## Delivery",
		"## Personal data", "## Doubtful", "## Links",
	}
	eachPack(t, func(t *testing.T, p pack) {
		readme, err := readFile(p, "README.md")
		if err != nil {
			t.Fatal(err)
		}
		at := -1
		for _, section := range sections {
			next := strings.Index(readme, "\n"+section+"\n")
			if next <= at {
				t.Errorf("README.md: %s is missing, or not in its place", section)
			}
			at = max(at, next)
		}
		if !strings.HasPrefix(readme, "# "+p.about.Title+"\n") {
			t.Errorf("README.md does not begin with the title %q", p.about.Title)
		}
		answers := map[int]int{}
		for _, f := range p.fixtures {
			answers[f.Answer]++
		}
		if answers[http.StatusOK] == 0 || answers[http.StatusUnauthorized] == 0 {
			t.Errorf("the fixtures do not have both accepted and refused requests: %v", answers)
		}
	})
}

func readFile(p pack, name string) (string, error) {
	f, err := p.library.Files(p.name).Open(path.Clean(name))
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(f)
	return b.String(), err
}
