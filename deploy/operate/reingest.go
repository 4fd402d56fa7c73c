package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/ingress/auth"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// Reingest puts stored deliveries into WEBHOOKS of another environment, from where its
// own normalizer takes them as if they came today.
//
// Each is trusted before it is sealed: by the seal that it has, or else by its provider's
// signature with the target's own secrets, at the moment at which it came first. It gets
// a seal of the target and is received now, because a copy is refused for its age; when
// it came first stays in a header under the seal. Its message id stays, and the record of
// what was put in is the target's WEBHOOKS itself: what is there by message id is not put
// in again, however long ago that was. So a run that ends half-way is continued by running it
// again, and two at the same time put each in once.
//
// It costs one walk of the chosen deliveries, and one of the target's WEBHOOKS from a week
// before the first of them on; in memory about 60 bytes for each delivery there.
type Reingest struct {
	From       Deliveries
	Seals      delivery.Keys // of where they come from; the target's own count too
	Target     Verify        // the target's seal keys, of which the first seals, and its sources
	Production bool          // the target is production: a signature alone is not enough
	Unverified bool          // also what nobody can vouch for, such as a redacted file; never into production
	Act        bool          // put them in; without it, say what would be
	Rate       int           // most deliveries a second; 0: no limit
	Now        func() time.Time
	Cursor     CursorFile            // only where it acts
	Progress   func(done, total int) // may be nil
}

// Deliveries is where deliveries come from: *Portable, or Stored.
type Deliveries interface {
	// Each visits them in order, and returns what visit returns; done is how far it is, of Total.
	Each(ctx context.Context, visit func(done int, m *natsjs.RawStreamMsg) error) error
	// Total is how many are looked at, at most.
	Total(ctx context.Context) (int, error)
	// same is what they are of: the file, or the stream.
	same(ctx context.Context) (Same, error)
}

// Reingested sums up a reingest. Every delivery is in exactly one of New, Already and
// LeftOut.
type Reingested struct {
	Deliveries int            `json:"deliveries"`
	New        int            `json:"new"`                // put in now, or would be
	Already    int            `json:"already"`            // the target holds them
	LeftOut    map[string]int `json:"left_out,omitempty"` // why → how many
	Sources    map[string]int `json:"sources"`            // of the new ones
	Sealed     int            `json:"sealed"`             // of the new ones: trusted by their seal
	Signed     int            `json:"signed"`             // by their signature alone
	Unverified int            `json:"unverified"`         // by nothing
	Oldest     time.Time      `json:"oldest,omitzero"`    // of the new ones: when the first and the last request came
	Newest     time.Time      `json:"newest,omitzero"`
}

// Run puts them in, or says what it would do. Its sum is right as far as it came, also
// with an error; then run it again.
func (r Reingest) Run(ctx context.Context, target natsjs.JetStream) (Reingested, error) {
	w := &reingesting{Reingest: r, js: target, there: map[string]bool{}, pace: newPace(r.Rate)}
	w.sum.LeftOut, w.sum.Sources = map[string]int{}, map[string]int{}
	defer w.pace.stop()
	if err := r.Check(); err != nil {
		return w.sum, err
	}
	from, err := w.resume(ctx)
	if err != nil {
		return w.sum, errors.Join(err, w.kept.release())
	}
	total, err := from.Total(ctx)
	if err == nil {
		err = from.Each(ctx, func(done int, m *natsjs.RawStreamMsg) error { return w.next(ctx, m, done, total) })
	}
	// What is on its way is waited for, whatever ended the run: the sum says what was stored.
	err = errors.Join(err, w.land(context.WithoutCancel(ctx)))
	return w.sum, w.leave(err)
}

// Check refuses what is not to be done, before a bus is asked.
func (r Reingest) Check() error {
	switch {
	case r.Unverified && r.Production:
		return advise(errors.New("reingest: into production goes only what a seal vouches for"), "leave --unverified out")
	case len(r.Target.Seals) == 0:
		return advise(errors.New("reingest: the target has no seal key"), "write its seal.keys into its configuration")
	}
	return nil
}

// reingesting is one run.
type reingesting struct {
	Reingest
	js       natsjs.JetStream
	there    map[string]bool // message ids that the target holds, as far as it was looked at
	looked   time.Time       // what it stored since then was looked at; the zero time: nothing
	pace     pace
	underway []ingesting
	sum      Reingested
	kept     *keptCursor
	state    reingestState
	last     uint64 // sequence of the delivery that was taken last
	saved    int    // of sum.Deliveries
	failed   bool   // something that was on its way was not stored
}

// earlier is how long before a request came here the target may have stored it: a provider
// may have sent it there first, and here at its last try.
const earlier = 7 * 24 * time.Hour

// look notes what the target holds, as far back as it may hold a delivery that came at
// a moment. Deliveries come in order, so that nearly always the first look is the only one.
func (w *reingesting) look(ctx context.Context, at time.Time) error {
	r := Range{Since: at.Add(-earlier), Until: w.looked}
	if !w.looked.IsZero() && !r.Since.Before(w.looked) {
		return nil
	}
	if !w.looked.IsZero() {
		r.Since = r.Since.Add(-earlier) // not again for the next one
	}
	if r.Since.Before(time.Unix(0, 0)) { // what a file says may be any time
		r.Since = time.Unix(0, 0)
	}
	w.looked = r.Since
	return Walk(ctx, w.js, jetstream.Webhooks, r, func(m *natsjs.RawStreamMsg) error {
		w.there[m.Header.Get(delivery.MessageIDHeader)] = true
		return nil
	})
}

// one takes one delivery.
func (w *reingesting) one(ctx context.Context, m *natsjs.RawStreamMsg) error {
	d, trust, why := w.trusted(m)
	if why != "" {
		w.sum.LeftOut[why]++
		return nil
	}
	if err := w.look(ctx, d.SignedAt()); err != nil {
		return err
	}
	switch id := m.Header.Get(delivery.MessageIDHeader); {
	case w.there[id]:
		w.sum.Already++
		return nil
	case !w.Act:
		w.there[id] = true
		w.count(&d, trust)
		return nil
	}
	return w.publish(ctx, m, d, trust)
}

// trust is what vouches for a delivery.
type trust int

const (
	byNothing trust = iota
	bySignature
	bySeal
)

// trusted is a delivery that may be put in, and what vouches for it; or why it is left out.
func (w *reingesting) trusted(m *natsjs.RawStreamMsg) (d delivery.Delivery, _ trust, why string) {
	d, err := delivery.Decode(m.Subject, m.Header, m.Data)
	switch {
	case err != nil, m.Header.Get(delivery.MessageIDHeader) == "":
		return d, 0, "it is no delivery"
	case len(m.Data) == 0: // no ingress stores one: it was withheld from a redacted file
		return d, 0, "it has no body"
	}
	verifier, url, ok := w.Target.verifier(d)
	if !ok || !w.Target.serves(d.Source, d.Provider) {
		return d, 0, "the target has no such source, or another provider for it"
	}
	if keys := slices.Concat(w.Seals, w.Target.Seals); keys.Open(m.Subject, m.Header, m.Data) == nil {
		if m.Time.Sub(d.ReceivedAt).Abs() > sealAge {
			return d, 0, "it was copied to where it comes from: received-at and stored are over 10m apart"
		}
		return d, bySeal, ""
	}
	if w.Production {
		return d, 0, "no known key has sealed it, and the target is production"
	}
	if w.Unverified {
		return d, byNothing, ""
	}
	if d.Scheme != string(provider.HMAC) {
		return d, 0, "no known key has sealed it, and a token is not stored to be checked again"
	}
	result, err := verifier.Verify(auth.Request{
		Method: http.MethodPost, URL: url, Query: d.Query, Header: http.Header(d.Header), Body: d.Body, ReceivedAt: d.SignedAt(),
	})
	if err != nil {
		return d, 0, "no known key has sealed it, and no secret of the target has signed it"
	}
	// Whoever chooses the id could keep another delivery out.
	signed := d
	if signed.SignedID = result.SignedID; signed.MessageID() != m.Header.Get(delivery.MessageIDHeader) {
		return d, 0, "its message id is not that of its content"
	}
	return d, bySignature, ""
}

// serves says that a source is configured with a provider.
func (v Verify) serves(source, provider string) bool {
	for _, s := range v.Sources {
		if s.Name == source {
			return s.Provider == provider
		}
	}
	return false
}

// count counts a delivery that is put in, or would be.
func (w *reingesting) count(d *delivery.Delivery, by trust) {
	w.sum.New++
	w.sum.Sources[d.Source]++
	switch by {
	case bySeal:
		w.sum.Sealed++
	case bySignature:
		w.sum.Signed++
	case byNothing:
		w.sum.Unverified++
	}
	at := d.SignedAt()
	if w.sum.Oldest.IsZero() || at.Before(w.sum.Oldest) {
		w.sum.Oldest = at
	}
	if at.After(w.sum.Newest) {
		w.sum.Newest = at
	}
}

// Text is the sum in one sentence; act says whether it was done.
func (s Reingested) Text(act bool) string {
	verb := "would be put in"
	if act {
		verb = "were put in"
	}
	text := fmt.Sprintf("%s deliveries: %s %s, the target holds %s already", thousands(s.Deliveries), thousands(s.New), verb, thousands(s.Already))
	left := 0
	for _, n := range s.LeftOut {
		left += n
	}
	if left > 0 {
		text += fmt.Sprintf(", %s are left out", thousands(left))
	}
	return text
}

// Reasons are why deliveries were left out, one line each.
func (s Reingested) Reasons() []string {
	var lines []string
	for _, why := range slices.Sorted(maps.Keys(s.LeftOut)) {
		lines = append(lines, fmt.Sprintf("%s left out: %s", thousands(s.LeftOut[why]), why))
	}
	return lines
}

// Elsewhere makes sure that two buses are not one: deliveries put in where they come from
// would come a second time once the duplicate window has forgotten them. One that was
// restored from the other's backup is another.
func Elsewhere(ctx context.Context, from, into natsjs.JetStream) error {
	var life [2]string
	for i, js := range []natsjs.JetStream{from, into} {
		s, err := js.Stream(ctx, jetstream.Webhooks)
		if err != nil {
			return streamAdvice(jetstream.Webhooks, err)
		}
		life[i] = jetstream.Life(s.CachedInfo())
	}
	if life[0] == life[1] {
		return advise(errors.New("reingest: the target is the bus that the deliveries come from"),
			"name another environment; to map them again here, use `paybridge replay renormalize` or `paybridge deadletters redrive`")
	}
	return nil
}

// MarkedProduction says that the bus itself is marked: WEBHOOKS has the metadata
// environment=production, whatever the configuration says that an operator holds.
func MarkedProduction(ctx context.Context, js natsjs.JetStream) (bool, error) {
	s, err := js.Stream(ctx, jetstream.Webhooks)
	if err != nil {
		return false, streamAdvice(jetstream.Webhooks, err)
	}
	return strings.EqualFold(s.CachedInfo().Config.Metadata["environment"], "production"), nil
}
