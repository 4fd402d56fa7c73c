package operate

import (
	"slices"
	"strings"
	"testing"
	"time"

	"paybridge/schemas/provider"
)

// TestVaryReadsThePack says that --vary replaces what the pack's ids are made of, in
// items too, or says that it cannot.
func TestVaryReadsThePack(t *testing.T) {
	text := func(s string) provider.Text { return provider.Text{Text: s} }
	const body = `{"batch":7,"delivery_id":"d-1","list":[{"kind":"paid","nsu":17,"state":"ok","at":"2026-01-15T10:45:00Z"},{"kind":"paid","nsu":18,"state":"ok","at":"2026-01-15T10:45:00Z"}]}`
	for _, test := range []struct {
		name   string
		change func(e *provider.Events)
		want   []string // members besides those that are called an id
		fails  string
	}{
		{"an id that is called one", func(e *provider.Events) { e.DerivedID = []provider.Text{text("body.delivery_id"), text("item.nsu")} }, nil, ""},
		{"a derived id of item fields", func(*provider.Events) {}, []string{"nsu"}, ""},
		{"by a let", func(e *provider.Events) {
			e.Let = []provider.Let{{Name: "number", Expr: text("item.nsu")}}
			e.DerivedID[0] = text(`"n-" + string(number)`)
		}, []string{"nsu"}, ""},
		{"the type and nothing else", func(e *provider.Events) { e.DerivedID = []provider.Text{text("item.kind"), text("item.state")} }, nil, "cannot vary acme: nothing that its id is made of changes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := &provider.Events{
				Name: "acme", TypePrefix: "com.acme", Version: "1", Body: "json", Items: text("body.list"), Type: text("item.kind"), Time: text("time(item.at)"),
				DerivedID: []provider.Text{text("item.nsu"), text("item.state")},
				Rules:     []provider.Rule{{When: text(`item.state == "ok"`), Kind: "payin"}},
			}
			test.change(e)
			send := Send{
				Source: "acme", Auth: pikAuth(t), Now: time.Now, Seed: 5, Vary: true,
				Fixture: provider.Fixture{Name: "one", Body: []byte(body), ReceivedAt: time.Now()},
				Events:  func() (*provider.Events, error) { return e, nil },
			}
			got, err := send.distinct()
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

// TestVaryEveryBuiltInPack says that the default fixture of every pack can be varied.
func TestVaryEveryBuiltInPack(t *testing.T) {
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range lib.Names() {
		all, err := lib.Fixtures(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := ChooseFixture(all, "", func(provider.Fixture) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		half, err := lib.Auth(name)
		if err != nil {
			t.Fatal(err)
		}
		send := Send{Source: name, Auth: half, Fixture: f, Seed: 5, Vary: true, Events: func() (*provider.Events, error) { return lib.Events(name) }}
		// GitHub's id is a header that nothing signs, and the same body is stored once.
		if _, err := send.distinct(); (err != nil) != (name == "github") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
