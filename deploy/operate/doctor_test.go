package operate

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// doctor is a doctor of a healthy rig.
func (r *rig) doctor() Doctor {
	c := *r.config
	c.Streams = r.streams
	return Doctor{Config: &c, Library: r.library, Embedded: true, Data: r.t.TempDir(), Now: time.Now}
}

// found is the finding of a check.
func found(t *testing.T, findings []Finding, check string) Finding {
	t.Helper()
	i := slices.IndexFunc(findings, func(f Finding) bool { return f.Check == check })
	if i < 0 {
		t.Fatalf("no check %q in %+v", check, findings)
	}
	return findings[i]
}

func TestDoctorOfAHealthyBridge(t *testing.T) {
	r := newRig(t)
	r.receive(pikBody("evt_1", "txn_1"))
	d := r.doctor()
	for _, f := range append(d.Examine(), d.Bus(t.Context(), r.js)...) {
		if f.Verdict != Good || f.Found == "" {
			t.Errorf("%+v", f)
		}
	}
}

// TestDoctorFinds says what each kind of illness is called.
func TestDoctorFinds(t *testing.T) {
	for _, test := range []struct {
		check   string
		ill     func(d *Doctor)
		verdict Verdict
		found   string
	}{
		{"secrets", func(d *Doctor) { d.Config.Sources[0].Secrets = nil }, Bad, "sources[0].secrets"},
		{"secrets", func(d *Doctor) {
			d.Config.Sources = slices.Clone(d.Config.Sources)
			d.Config.Sources[0].Secrets = []config.Secret{config.NewSecret("short", "short")}
		}, Bad, "is short"},
		{"seal", func(d *Doctor) { d.Config.Seal.Keys = []config.Secret{config.NewSecret("k1", "short")} }, Bad, "16"},
		{"seal", func(d *Doctor) { d.Config.Seal.Keys = nil }, Bad, "no key"},
		{"packs", func(d *Doctor) {
			d.Config.Sources = slices.Clone(d.Config.Sources)
			d.Config.Sources[0].Provider = "nobody"
		}, Bad, `"nobody"`},
		{"packs", func(d *Doctor) { d.Packs = errors.New("Not_A_Pack: is not a pack's name") }, Bad, "Not_A_Pack"},
		{"secrets", func(d *Doctor) {
			d.Config.Sources = slices.Clone(d.Config.Sources)
			d.Config.Sources[0].Provider = "nobody"
		}, Warn, "of 1 sources"},
		{"sync", func(d *Doctor) { d.Config.Embedded.Sync = config.Sync{Interval: time.Second} }, Warn, "within 1s"},
		{"sync", func(d *Doctor) { d.Embedded = false }, Warn, "does not tell"},
	} {
		t.Run(test.check, func(t *testing.T) {
			r := &rig{t: t, config: parsed(t, rigConfig)}
			lib := newLibrary(t)
			d := Doctor{Config: r.config, Library: lib, Embedded: true, Now: time.Now}
			test.ill(&d)
			if f := found(t, d.Examine(), test.check); f.Verdict != test.verdict || !strings.Contains(f.Found, test.found) || f.Do == "" {
				t.Errorf("got %+v, want %q", f, test.found)
			}
		})
	}
}

// TestDoctorOfTheBus says what is found about a server and its streams.
func TestDoctorOfTheBus(t *testing.T) {
	r := newRig(t)
	small := jetstreamtest.Start(t, jetstreamtest.Bare(), jetstreamtest.Options(func(o *server.Options) { o.MaxPayload = 1 << 19 })).JetStream(t)
	d := r.doctor()
	findings := d.Bus(t.Context(), small)
	if f := found(t, findings, "max_payload"); f.Verdict != Bad || !strings.Contains(f.Found, "512.0 KiB") {
		t.Errorf("a small payload: %+v", f)
	}
	if f := found(t, findings, "streams"); f.Verdict != Bad {
		t.Errorf("no streams: %+v", f)
	}
	late := d
	late.Now = func() time.Time { return time.Now().Add(-10*time.Minute - 30*time.Second) }
	if f := found(t, late.Bus(t.Context(), r.js), "clock"); f.Verdict != Bad || !strings.Contains(f.Found, "is 10m") {
		t.Errorf("a clock that is late: %+v", f)
	}
}

// TestDoctorEstimates says when a size or a window is too much.
func TestDoctorEstimates(t *testing.T) {
	hour := time.Hour
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	info := func(msgs, bytes uint64, span time.Duration) *natsjs.StreamInfo {
		return &natsjs.StreamInfo{
			Config: natsjs.StreamConfig{Name: jetstream.Payments, MaxBytes: 1000, Duplicates: 48 * hour},
			State:  natsjs.StreamState{Msgs: msgs, Bytes: bytes, FirstTime: at, LastTime: at.Add(span)},
		}
	}
	for _, test := range []struct {
		info    *natsjs.StreamInfo
		verdict Verdict
	}{
		{info(1000, 0, hour), Good},
		{info(5_000_000, 0, hour), Warn},      // all of it within the window
		{info(5_000_000, 0, 4800*hour), Good}, // a hundredth of it
	} {
		if f := window(test.info); f.Verdict != test.verdict {
			t.Errorf("%d messages: %+v", test.info.State.Msgs, f)
		}
	}
	if f := window(info(1<<20, 0, hour)); f.Verdict != Good || !strings.Contains(f.Found, "160.0 MiB of the server's memory, and up to 270.0 MiB") {
		t.Errorf("a million ids: %+v", f)
	}
	for bytes, want := range map[uint64]Verdict{0: Good, 699: Good, 700: Warn, 850: Bad, 1000: Bad} {
		if f := fullness(info(1, bytes, hour)); f.Verdict != want {
			t.Errorf("%d of 1000 bytes: %+v", bytes, f)
		}
	}
	if got := idsInWindow(info(1000, 0, 480*hour)); got != 100 {
		t.Errorf("a tenth of the span is the window: %d ids of 1000", got)
	}
}
