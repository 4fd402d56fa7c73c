package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/operate"
	"paybridge/schemas/provider"
	"paybridge/schemas/providers"
)

// scaleSources are the sources of the test, and the fixtures that they send. link and
// coin have packs in providers_dir, which are those that change.
var scaleSources = []struct{ name, fixture, copyOf string }{
	{"pik", "payment-confirmed", ""},
	{"bidali", "charge-success", ""},
	{"picpay", "charge-paid", ""},
	{"pixorder", "pix-payment-receivement", ""},
	{"link", "payment-settled", "pik"},
	{"coin", "two-chains", "bidali"},
}

// scaleEdits change a pack, old text and new: link's amounts where a payment ends in an
// odd digit, and its states where it ends in 9; coin's states where it ends in 7.
var scaleEdits = map[string][][2]string{
	"link": {
		{"    amount: ", `    amount: 'data.transaction_id.matches("[13579]$") ? money("1.23", data.currency) : money(data.amount, data.currency)'` + "\n    # "},
		{"  rules:\n", "  rules:\n    - {when: 'data.transaction_id.endsWith(\"9\")', kind: payin, direction: in, state: reversed}\n"},
	},
	"coin": {
		{"  rules:\n", "  rules:\n    - {when: 'charge.id.endsWith(\"7\")', kind: payin, direction: in, state: failed}\n"},
	},
}

// scaleChange is what scaleEdits make of an event: its fields that change, and their
// new values.
func scaleChange(source, payment string) map[string]string {
	fields := map[string]string{}
	switch end := payment[len(payment)-1]; {
	case source == "link" && end%2 == 1:
		fields["amount.value"] = "1.23"
		if end == '9' {
			fields["state"] = "reversed"
		}
	case source == "coin" && end == '7':
		fields["state"] = "failed"
	}
	return fields
}

// scaled is a real `paybridge up`, in a process of its own, with many deliveries in it.
type scaled struct {
	*siege
	data, packs string // folders
}

func newScale(t *testing.T) *scaled {
	t.Helper()
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &scaled{&siege{t: t, library: library, errs: &tape{}, out: &tape{}}, filepath.Join(dir, "data"), filepath.Join(dir, "packs")}
	own := ""
	var builtIn []string
	for _, source := range scaleSources {
		if source.copyOf == "" {
			builtIn = append(builtIn, source.name)
			continue
		}
		own += fmt.Sprintf("  - {name: %s, provider: %[1]s, secrets: [{id: current, value: %s}]}\n", source.name, secretOf(source.name))
		s.copyPack(source.copyOf, source.name)
	}
	s.config = siegeConfig(t, library, func(text string) string {
		return "providers_dir: " + s.packs + "\n" + strings.ReplaceAll(text, "512MiB", "1GiB") + own
	}, builtIn...)
	s.spawn(s.data)
	nc, err := nats.Connect(s.at.NATS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if s.js, err = natsjs.New(nc); err != nil {
		t.Fatal(err)
	}
	return s
}

// copyPack makes a pack of another one.
func (s *scaled) copyPack(from, name string) {
	s.t.Helper()
	pack, err := fs.Sub(providers.FS, from)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(s.packs, name), pack); err != nil {
		s.t.Fatal(err)
	}
	s.edit(name, [2]string{"\nname: " + from, "\nname: " + name})
}

// edit changes text in a pack.
func (s *scaled) edit(pack string, edits ...[2]string) {
	s.t.Helper()
	file := filepath.Join(s.packs, pack, "provider.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range edits {
		if !strings.Contains(string(text), e[0]) {
			s.t.Fatalf("%s does not hold %q", file, e[0])
		}
		text = []byte(replaceOnce(string(text), e[0], e[1]))
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// fill has every source send its part at once, so that they are mixed, and waits until
// all of it is normalized.
func (s *scaled) fill() {
	s.t.Helper()
	p, _, _ := testProgram()
	b, err := p.find(place{config: s.config, data: s.data})
	if err != nil {
		s.t.Fatal(err)
	}
	var all sync.WaitGroup
	for i, source := range scaleSources {
		send, err := b.sender().Prepare(source.name, source.fixture, "")
		if err != nil {
			s.t.Fatal(err)
		}
		send.Repeat = *deliveries/len(scaleSources) + min(1, max(0, *deliveries%len(scaleSources)-i))
		send.Rate, send.Vary, send.Seed, send.Now = 1e6, true, uint64(i+1)<<32, time.Now
		all.Go(func() {
			if err := send.Run(s.t.Context(), func(operate.Sent) {}); err != nil {
				s.t.Errorf("%s: %v", source.name, err)
			}
		})
	}
	all.Wait()
	s.settled()
	if webhooks, events := s.last(jetstream.Webhooks), s.stored(); webhooks != uint64(*deliveries) || events != *deliveries {
		s.t.Fatalf("%d deliveries and %d events are stored, want %d of each", webhooks, events, *deliveries)
	}
}
