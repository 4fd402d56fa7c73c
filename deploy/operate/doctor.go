package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	"paybridge/deploy/ingressd"
	"paybridge/deploy/jetstream"
	"paybridge/deploy/normalizerd"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// Verdict is how a check ended.
type Verdict string

// The verdicts.
const (
	Good Verdict = "ok"
	Warn Verdict = "warn" // works, and will not always
	Bad  Verdict = "fail" // the bridge does not start, or loses its promise
)

// Finding is what one check found.
type Finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`
	Do      string  `json:"do,omitempty"`
}

// Doctor looks for what keeps the bridge from starting or from keeping its promises.
// It changes nothing.
type Doctor struct {
	Config   *config.Config
	Library  *provider.Library
	Packs    error  // why the packs of providers_dir cannot be read; nil where they can
	Embedded bool   // the bus is the embedded server of an `up`
	Monitor  string // URL of another server's monitoring port; "" where it is not to be asked
	Data     string // folder of the embedded server's streams; read only where Embedded
	Now      func() time.Time
}

// Examine checks what can be checked without the bus.
func (d Doctor) Examine() []Finding {
	findings := []Finding{d.secrets(), d.seal(), d.packs()}
	if d.Embedded || d.Monitor == "" {
		return append(findings, d.sync())
	}
	return findings // see Monitored
}

// finding is one finding; format and args are what was found.
func finding(check string, verdict Verdict, do, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: verdict, Found: fmt.Sprintf(format, args...), Do: do}
}

// secrets are present, decodable and long enough, for every source.
func (d Doctor) secrets() Finding {
	if err := d.Config.Check(); err != nil {
		return finding("secrets", Bad, "set the variable or write the file that each line names; `paybridge up` makes what nobody gives", "%v", err)
	}
	c := *d.Config
	c.Sources = slices.DeleteFunc(slices.Clone(c.Sources), func(s config.Source) bool { return d.unread(s) != nil })
	if _, err := ingressd.Sources(&c, d.Library); err != nil {
		return finding("secrets", Bad, "each line names the key in the configuration", "%v", err)
	}
	if n := len(d.Config.Sources) - len(c.Sources); n > 0 {
		return finding("secrets", Warn, "mend the packs first", "nobody knows what those of %d sources must be: their packs cannot be read", n)
	}
	return finding("secrets", Good, "", "every source has a usable one")
}

// unread is why a source's pack says nothing of its secrets; nil where it does.
func (d Doctor) unread(s config.Source) error {
	if _, err := d.Library.About(s.Provider); err != nil {
		return err
	}
	_, err := d.Library.Auth(s.Provider)
	return err
}

// seal has keys that are long enough.
func (d Doctor) seal() Finding {
	for _, s := range d.Config.Seal.Keys {
		if _, err := delivery.NewKey(s.ID, s.Reveal()); err != nil {
			return finding("seal", Bad, "make one with `openssl rand -hex 32`, the same for ingress and normalizer", "%s: %v", s.At, err)
		}
	}
	if len(d.Config.Seal.Keys) == 0 {
		return finding("seal", Bad, "write seal.keys; `paybridge up` makes one where there is none", "there is no key")
	}
	return finding("seal", Good, "", "%d keys; %q seals", len(d.Config.Seal.Keys), d.Config.Seal.Keys[0].ID)
}

// packs compile, both halves, for every source.
func (d Doctor) packs() Finding {
	var lines []string
	add := func(err error) {
		for line := range strings.Lines(err.Error()) {
			if line = strings.TrimSuffix(line, "\n"); !slices.Contains(lines, line) {
				lines = append(lines, line) // a pack of two sources, or wrong in both halves, is one
			}
		}
	}
	if d.Packs != nil {
		add(d.Packs)
	} else if _, problems := normalizerd.Programs(d.Config, d.Library); len(problems) > 0 {
		add(problems)
	}
	for _, s := range d.Config.Sources {
		if err := d.unread(s); err != nil && slices.Contains(d.Library.Names(), s.Provider) {
			add(err)
		}
	}
	if len(lines) > 0 {
		return finding("packs", Bad, "`paybridge provider check "+cmp.Or(d.Config.ProvidersDir, "PACK")+"` says more", "%s", strings.Join(lines, "\n"))
	}
	return finding("packs", Good, "", "%d sources map", len(d.Config.Sources))
}

// sync is how the embedded server writes. Of another server its monitoring port can
// tell, and nobody else but its own configuration.
func (d Doctor) sync() Finding {
	switch {
	case !d.Embedded:
		return finding(syncCheck, Warn, "ask it where it can tell, with --monitor http://127.0.0.1:8222 on its machine; its configuration should say `jetstream { sync_interval: always }`", "the bus is not the embedded one, and a server does not tell its clients how it syncs")
	case !d.Config.Embedded.Sync.Always:
		return finding(syncCheck, Warn, "write embedded.sync: always, unless losing that much is acceptable", "a power cut loses what was accepted within %s", d.Config.Embedded.Sync.Interval)
	}
	return finding(syncCheck, Good, "", "fsync before every acknowledgement")
}

// Bus checks what the bus says of itself.
func (d Doctor) Bus(ctx context.Context, js natsjs.JetStream) []Finding {
	rtt, err := js.Conn().RTT()
	if err != nil {
		return []Finding{finding("bus", Bad, "", "%v", err)}
	}
	findings := []Finding{
		finding("bus", Good, "", "nats-server %s at %s, round trip %s", js.Conn().ConnectedServerVersion(), js.Conn().ConnectedUrlRedacted(), Age(rtt)),
		d.payload(js),
		d.drift(ctx, js),
	}
	for _, stream := range []string{jetstream.Webhooks, jetstream.Payments, jetstream.DeadLetters} {
		s, err := js.Stream(ctx, stream)
		if err != nil {
			if !errors.Is(err, natsjs.ErrStreamNotFound) { // a drift already
				findings = append(findings, finding(stream, Bad, "", "%v", err))
			}
			continue
		}
		info := s.CachedInfo()
		findings = append(findings, fullness(info), window(info))
		if stream == jetstream.Webhooks {
			findings = append(findings, d.clock(info, rtt))
		}
	}
	if d.Embedded {
		findings = append(findings, d.disk(ctx, js))
	}
	return findings
}

// payload is large enough for every body that the ingress accepts, and its headers.
func (d Doctor) payload(js natsjs.JetStream) Finding {
	const headers = 64 * config.KiB
	need, have := d.Config.Ingress.MaxBody+headers, config.Size(js.Conn().MaxPayload())
	if have < need {
		return finding("max_payload", Bad, fmt.Sprintf("set max_payload: %d in the server's configuration, or lower ingress.max_body", need),
			"the server takes %s, a body of %s needs %s", Bytes(int64(have)), d.Config.Ingress.MaxBody, Bytes(int64(need)))
	}
	return finding("max_payload", Good, "", "%s for bodies up to %s", Bytes(int64(have)), d.Config.Ingress.MaxBody)
}

// drift compares the topology with the contract.
func (d Doctor) drift(ctx context.Context, js natsjs.JetStream) Finding {
	drifts, err := jetstream.Check(ctx, js, d.Config.Streams)
	if err != nil {
		return finding("streams", Bad, "", "%v", err)
	}
	if len(drifts) > 0 {
		return finding("streams", Bad, "`paybridge streams check` lists all, `paybridge streams apply` mends what it can", "%d differences, such as %s", len(drifts), drifts[0])
	}
	return finding("streams", Good, "", "as they must be")
}

// A stream that is this full has little time left until it refuses.
const (
	fullWarn = 0.70
	fullBad  = 0.85
)

// fullness is how much of a stream's size is used: a full one refuses.
func fullness(info *natsjs.StreamInfo) Finding {
	used := float64(info.State.Bytes) / float64(max(info.Config.MaxBytes, 1))
	verdict, do := Good, ""
	if used >= fullWarn {
		verdict, do = Warn, "raise streams.<name>.max_bytes and run `paybridge streams apply`, or lower its max_age"
	}
	if used >= fullBad {
		verdict = Bad
	}
	return finding(info.Config.Name+" size", verdict, do, "%s of %s (%.0f %%)", Bytes(info.State.Bytes), Bytes(info.Config.MaxBytes), used*100)
}

// What a message id of the duplicate window costs the server, which also reads the whole
// window again at start: so many bytes at rest, and so many while many come in. Both
// are measured (deploy/CAPACITY.md); some 130 of them are live, the rest is what the
// server's garbage collector has not taken yet.
const (
	bytesPerID     = 160
	bytesPerIDBusy = 270
	windowWarn     = 512 << 20
)

// window estimates the memory of a stream's duplicate window from what came in
// lately.
func window(info *natsjs.StreamInfo) Finding {
	check := info.Config.Name + " duplicate window"
	ids := idsInWindow(info)
	memory := ids * bytesPerID
	text := fmt.Sprintf("about %d ids in %s, %s of the server's memory, and up to %s while many come in (measured: %d to %d bytes an id, of which 130 are live)",
		ids, Age(info.Config.Duplicates), Bytes(memory), Bytes(ids*bytesPerIDBusy), bytesPerID, bytesPerIDBusy)
	if memory > windowWarn {
		return finding(check, Warn, "shorten streams.<name>.duplicate_window, or give the server more memory", "%s", text)
	}
	return finding(check, Good, "", "%s", text)
}

// idsInWindow is the average rate of the stream times its window, and never more
// than it holds.
func idsInWindow(info *natsjs.StreamInfo) uint64 {
	span := info.State.LastTime.Sub(info.State.FirstTime)
	if span <= info.Config.Duplicates {
		return info.State.Msgs
	}
	return uint64(float64(info.State.Msgs) * float64(info.Config.Duplicates) / float64(span))
}

// A clock that is off makes good signatures stale and seals unbelievable.
const (
	skewWarn = 5 * time.Second
	skewBad  = time.Minute
)

// clock compares this machine's clock with the server's, at the middle of a round
// trip.
func (d Doctor) clock(info *natsjs.StreamInfo, rtt time.Duration) Finding {
	if info.TimeStamp.IsZero() {
		return finding("clock", Warn, "", "the server does not say what time it is")
	}
	skew := d.Now().Add(-rtt / 2).Sub(info.TimeStamp)
	verdict, do := Good, ""
	if skew.Abs() > skewWarn {
		verdict, do = Warn, "set both clocks by NTP"
	}
	if skew.Abs() > skewBad {
		verdict = Bad
	}
	return finding("clock", verdict, do, "this machine's is %s from the server's", Age(skew.Abs()))
}

// disk has room for what the streams may grow to.
func (d Doctor) disk(ctx context.Context, js natsjs.JetStream) Finding {
	free, err := jetstream.FreeDisk(d.Data)
	if err != nil {
		return finding("disk", Bad, "", "%v", err)
	}
	var grow config.Size
	for _, name := range []string{jetstream.Webhooks, jetstream.Payments, jetstream.DeadLetters} {
		if s, err := js.Stream(ctx, name); err == nil {
			info := s.CachedInfo()
			grow += config.Size(info.Config.MaxBytes) - config.Size(info.State.Bytes)
		}
	}
	text := fmt.Sprintf("%s free in %s, the streams may still grow by %s", Bytes(int64(free)), d.Data, Bytes(int64(grow)))
	if free < grow {
		return finding("disk", Warn, "make room, or lower streams.<name>.max_bytes", "%s", text)
	}
	return finding("disk", Good, "", "%s", text)
}
