package operate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
)

// exported exports into a new file and opens it.
func (r *rig) exported(e Export) (Exported, *Portable) {
	r.t.Helper()
	if e.File == "" {
		e.File = filepath.Join(r.t.TempDir(), "deliveries.jsonl")
	}
	sum, err := e.Run(r.t.Context(), r.js)
	if err != nil {
		r.t.Fatal(err)
	}
	return sum, r.opened(e.File)
}

func (r *rig) opened(file string) *Portable {
	r.t.Helper()
	p, err := OpenPortable(r.t.Context(), file)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { p.Close() })
	return p
}

// messages are all messages of a file.
func (r *rig) messages(p *Portable) (all []*natsjs.RawStreamMsg) {
	r.t.Helper()
	err := p.Each(r.t.Context(), func(_ int, m *natsjs.RawStreamMsg) error {
		all = append(all, m)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// TestExportRoundTrips is the promise: subject, headers, body and time come out of the
// file exactly as the stream holds them, whatever the bytes.
func TestExportRoundTrips(t *testing.T) {
	r := newRig(t)
	r.receive(pikBody("evt_1", "txn_1"))
	r.store(r.delivery("picpay", "token", "{\"tab\":\"\t\", \"n\": 100.00, \"u\":\"é\u2028<&>\"}\r\n"))
	r.store(r.delivery("pik", "hmac", "\xff\xfe\x00 no text"))
	r.store(r.delivery("pik", "hmac", strings.Repeat("\x01", 100)))
	r.store(r.delivery("pik", "hmac", "base64:"))
	odd := r.delivery("pik", "hmac", " ")
	odd.Header = map[string][]string{"Pik-Signature": {"base64:x", "caf\xe9"}, "X-Event": {"a", "b"}}
	r.store(odd)
	if _, err := r.js.PublishMsg(t.Context(), &nats.Msg{Subject: "webhooks.pik.default", Data: nil}); err != nil {
		t.Fatal(err)
	}

	sum, file := r.exported(Export{Now: time.Unix(0, 0)})
	if sum.Deliveries != 7 || sum.Sources["pik"] != 6 || file.Header.Deliveries != 7 || file.Header.Redacted {
		t.Errorf("%+v, %+v", sum, file.Header)
	}
	stream, err := r.js.Stream(t.Context(), jetstream.Webhooks)
	if err != nil {
		t.Fatal(err)
	}
	messages := r.messages(file)
	for i, got := range messages {
		want, err := stream.GetMsg(t.Context(), uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		for name := range want.Header {
			if strings.HasPrefix(name, "Nats-") && name != delivery.MessageIDHeader {
				delete(want.Header, name) // the server's, about the read
			}
		}
		if got.Subject != want.Subject || got.Sequence != want.Sequence || !got.Time.Equal(want.Time) ||
			!bytes.Equal(got.Data, want.Data) || !reflect.DeepEqual(got.Header, want.Header) {
			t.Errorf("delivery %d:\n got %q %q\nwant %q %q", i+1, got.Header, got.Data, want.Header, want.Data)
		}
	}
	if signed, failure := r.verify().one(messages[0]); failure != nil || !signed {
		t.Errorf("the first does not verify out of the file: %+v", failure)
	}
}

// An id finds a delivery by its message, its request, and what it became.
func TestExportByID(t *testing.T) {
	r := newRig(t)
	for i := range 3 {
		r.receive(pikBody(fmt.Sprint("evt_", i), fmt.Sprint("txn_", i)))
		r.normalize(all)
	}
	d := r.delivery("picpay", "token", "{}")
	d.RequestID = "R2"
	r.store(d)
	for id, want := range map[string]uint64{"evt_1": 2, "txn_2": 3, "R2": 4, d.MessageID(): 4} {
		_, file := r.exported(Export{Select: Selection{ID: id}})
		if got := r.messages(file); len(got) != 1 || got[0].Sequence != want {
			t.Errorf("%s: %d deliveries", id, len(got))
		}
	}
}

// An export that is interrupted is continued, and is the file that it would have been.
func TestExportIsContinued(t *testing.T) {
	r := newRig(t)
	const n = 40
	for i := range n {
		r.receive(pikBody(fmt.Sprint("evt_", i), fmt.Sprint("txn_", i)))
	}
	_, whole := r.exported(Export{})

	file := filepath.Join(t.TempDir(), "deliveries.jsonl")
	ctx, cancel := context.WithCancel(t.Context())
	e := Export{File: file, Progress: func(done, _ int) {
		if done == n/2 {
			cancel()
		}
	}}
	if _, err := e.Run(ctx, r.js); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	partial, err := os.ReadFile(file + ".partial")
	if err != nil {
		t.Fatal(err)
	}
	// What a crash leaves: half a line, and deliveries that came meanwhile.
	if err := os.WriteFile(file+".partial", partial[:len(partial)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	r.receive(pikBody("evt_later", "txn_later"))
	if _, err := OpenPortable(t.Context(), file+".partial"); err == nil {
		t.Error("half a file was opened")
	}
	other := Export{File: file, Select: Selection{Source: "picpay"}}
	if _, err := other.Run(t.Context(), r.js); err == nil || !strings.Contains(err.Error(), "something else") {
		t.Errorf("another export went on with it: %v", err)
	}

	e.Progress = nil
	sum, again := r.exported(e)
	if sum.Deliveries != n || sum.Before == 0 || sum.Before == n || again.Header.Digest != whole.Header.Digest {
		t.Errorf("%+v: %s, want %s", sum, again.Header.Digest, whole.Header.Digest)
	}
	if _, err := e.Run(t.Context(), r.js); err == nil {
		t.Error("it wrote over its own file")
	}
}

// A file that is cut or changed is refused before anything is done with it.
func TestChangedFileIsRefused(t *testing.T) {
	r := newRig(t)
	r.receive(pikBody("evt_1", "txn_1"))
	r.receive(pikBody("evt_2", "txn_2"))
	file := filepath.Join(t.TempDir(), "deliveries.jsonl")
	r.exported(Export{File: file})
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(good, []byte("\n"))
	for name, text := range map[string][]byte{
		"a body":   bytes.Replace(good, []byte("75.00"), []byte("75.01"), 1),
		"a line":   bytes.Join([][]byte{lines[0], lines[1]}, nil),
		"half":     good[:len(good)-20],
		"order":    bytes.Join([][]byte{lines[0], lines[2], lines[1]}, nil),
		"version":  bytes.Replace(good, []byte(`"version":1`), []byte(`"version":9`), 1),
		"no file":  []byte("{}\n"),
		"unknown":  bytes.Replace(good, []byte(`"subject"`), []byte(`"sabject"`), 1),
		"nothing":  nil,
		"not json": append(bytes.Clone(good), "x\n"...),
	} {
		path := filepath.Join(t.TempDir(), "changed")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := OpenPortable(t.Context(), path); err == nil {
			t.Errorf("%s: opened, %+v", name, p.Header)
		}
	}
}

// A redacted export holds nothing that a pack calls personal: not in a body, not as a
// hash of one, not under a signature; and says what it could not redact.
func TestExportRedacted(t *testing.T) {
	r := newRig(t)
	redact, err := NewRedactions(r.programs, r.library)
	if err != nil {
		t.Fatal(err)
	}
	const personal = `{"type":"TransactionUpdateMessage","id":"p1","data":{"customer":{"name":"Ana Souza","document":"12345678901"},"status":"PAID"}}`
	d := r.delivery("picpay", "token", personal)
	r.store(d)
	r.receive(pikBody("evt_1", "txn_1"))
	r.store(r.delivery("picpay", "token", `{"customer":{"name":"Ana Souza"`))
	if _, err := r.js.PublishMsg(t.Context(), &nats.Msg{Subject: "webhooks.stranger.default", Data: []byte("Ana Souza")}); err != nil {
		t.Fatal(err)
	}
	sum, file := r.exported(Export{Redact: redact})
	if !file.Header.Redacted || sum.Deliveries != 4 || sum.Withheld != 2 || sum.Unlisted["pik"] != 1 {
		t.Errorf("%+v", sum)
	}
	text, err := os.ReadFile(sum.File)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"Ana", "12345678901", d.MessageID(), "Pik-Signature", "Webhook-Seal", r.config.Sources[0].Secrets[0].Reveal()} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the file holds %s", secret)
		}
	}
	messages := r.messages(file)
	got, err := delivery.Decode(messages[0].Subject, messages[0].Header, messages[0].Data)
	if err != nil || !strings.Contains(string(got.Body), `"name":"[redacted]"`) || !strings.Contains(string(got.Body), `"status":"PAID"`) {
		t.Errorf("%s, %v", got.Body, err)
	}
	if got.MessageID() != messages[0].Header.Get(delivery.MessageIDHeader) {
		t.Error("the message id is not that of the redacted body")
	}
}
