package normalizer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// comparison is how a duplicate compares with what is stored under its id.
type comparison int

const (
	notCompared comparison = iota
	same
	different
)

// The server's codes for a message that no stream would take at any time.
const (
	codeMessageTooLarge jetstream.ErrorCode = 10054
	codeHeaderTooLarge  jetstream.ErrorCode = 10097
)

// settle is the one switch from what the bus answered to what happens next.
func (s *stage) settle(ctx context.Context, a answer) {
	s.sending--
	p := a.of
	switch {
	case a.err != nil && p.event != nil && tooLarge(a.err):
		s.bury(p, &mapping.Dead{Reason: delivery.TooLarge, Problem: "the event is larger than the bus takes"})
	case a.err != nil && p.event == nil && tooLarge(a.err) && strip(p.msg):
		s.alone = append(s.alone, p)
	case a.err != nil:
		s.fail(p, a.err)
	case a.ack.Stream != p.stream:
		s.fail(p, fmt.Errorf("stream %s acknowledged what is for %s: run `paybridge streams check`", a.ack.Stream, p.stream))
	case a.ack.Duplicate && a.compared == notCompared && p.doubtful():
		s.compare(ctx, a)
	case a.compared == different && p.event != nil:
		s.bury(p, &mapping.Dead{Reason: delivery.IDConflict, Problem: "an event with this id and other content is stored"})
	case a.compared == different:
		s.rename(p)
	case a.ack.Duplicate && p.event != nil && !p.unsure:
		s.finish(p, duplicate)
	default:
		// A duplicate of what failed before is most likely that very attempt.
		s.finish(p, stored)
	}
}

// finish takes note that a publication is stored.
func (s *stage) finish(p *publication, as fate) {
	p.fate = as
	s.arrived(p)
	s.rooms.giveBack(p)
	s.metrics.published[as].Inc()
	s.sure(p)
	s.leave(p)
	o := p.of
	if o.open--; o.open == 0 {
		o.raw.verdict = o.verdict()
		s.stored <- o
	}
}

// sure takes a publication out of those that have failed, and ends the hold when it
// was the last.
func (s *stage) sure(p *publication) {
	if !p.unsure {
		return
	}
	p.unsure = false
	if s.unsure--; s.unsure > 0 {
		return
	}
	s.backoff.Reset()
	if s.storing.reset() {
		s.log.Info("storing again")
	}
}

// fail keeps a publication to be sent again, with the same id, for as long as it
// takes. Nothing more is pulled meanwhile, and nothing is given back: what is in
// hand stays there.
func (s *stage) fail(p *publication, err error) {
	s.metrics.retried.Inc()
	p.times.failed()
	if !p.unsure {
		p.unsure = true
		s.unsure++
	}
	if s.storing.trip(fmt.Errorf("%s: %w", p.stream, err)) {
		s.log.Warn("cannot store, holding what is in hand", zap.String("stream", p.stream), zap.Error(err))
	}
	if len(s.failed) == 0 {
		s.retry.Reset(s.backoff.NextBackOff())
	}
	s.failed = append(s.failed, p)
}

// bury puts a dead letter in the place of an event.
func (s *stage) bury(p *publication, dead *mapping.Dead) {
	p.fate = buried
	s.arrived(p)
	s.sure(p)
	s.leave(p)
	s.ready = append(s.ready, p.of.addDead(p.item, dead, s.version))
	p.of.open--
}

// strip takes from a dead letter what an ingress's delivery never has so much of that
// the bus refuses it: the raw message's own headers. Its bytes and where it came
// from stay; the raw message itself keeps the rest. It is false where nothing is left
// to take.
func strip(m *nats.Msg) bool {
	before := len(m.Header)
	maps.DeleteFunc(m.Header, func(name string, _ []string) bool { return strings.HasPrefix(name, "Webhook-") })
	return len(m.Header) < before
}

// rename gives a dead letter the id that only this raw message can have. Another
// message had the same Nats-Msg-Id, and another body: nobody vouches for the ids of
// messages that are not sealed.
func (s *stage) rename(p *publication) {
	s.sure(p)
	letter := deadLetter(p.of.raw, p.item, p.dead, s.version)
	letter.RawMessageID = ""
	id := letter.MessageID()
	if p.msg.Header.Get(jetstream.MsgIDHeader) == id {
		// Even that one is taken: the raw stream was made anew and counts from 1 again.
		p.msg.Header.Del(jetstream.MsgIDHeader)
	} else {
		p.msg.Header.Set(jetstream.MsgIDHeader, id)
	}
	s.alone = append(s.alone, p)
}

// compare looks at what is stored under a duplicate's id. The lane waits; the
// answer comes back through the stage's channel.
func (s *stage) compare(ctx context.Context, a answer) {
	s.sending++
	s.comparing.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		stored, err := s.bus.stored(ctx, a.of.stream, a.ack.Sequence)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			a.compared = different // nothing says that it was the same
		case err != nil && a.of.event == nil:
			a.compared = different // a second copy of a dead letter does no harm
		case err != nil:
			a.err = fmt.Errorf("read message %d: %w", a.ack.Sequence, err)
		case a.of.sameAs(stored):
			a.compared = same
		default:
			a.compared = different
		}
		s.answers <- a
	})
}

// doubtful says whether a duplicate of p may be something else. An event's id is its
// provider's. A dead letter's is made of the raw message's, which an ingress made
// of the body: if the seal vouches for that, equal ids are equal bodies.
func (p *publication) doubtful() bool { return p.event != nil || !p.of.raw.sealed() }

// sameAs says whether a stored message is what p would have stored.
func (p *publication) sameAs(stored *jetstream.RawStreamMsg) bool {
	if p.event == nil {
		return bytes.Equal(p.msg.Data, stored.Data)
	}
	e, err := event.Decode(stored.Header, stored.Data)
	return err == nil && event.SameContent(e, *p.event)
}

// tooLarge says that the bus will never take a message of this size.
func tooLarge(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.ErrorCode == codeMessageTooLarge || api.ErrorCode == codeHeaderTooLarge
	}
	return errors.Is(err, nats.ErrMaxPayload)
}
