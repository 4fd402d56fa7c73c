package operate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"paybridge/schemas/event"
)

// Tail follows the events as they come in.
type Tail struct {
	Stream string         // name of the stream of events
	Filter string         // subject filter, see EventFilter
	Since  time.Time      // stored at or after; the zero time means from now on
	Count  int            // return after so many; 0: never
	JSON   bool           // one CloudEvent a line, in structured form
	Select EventSelection // of those that Filter lets through
	Away   func(bool)     // called once when the bus no longer answers, and once when it does again; may be nil
}

// Run writes events to w until Count is reached or ctx ends; a canceled ctx is no
// error, a deadline is where a Count was asked for. ready is called once every event
// stored from then on will be seen; it may be nil. See Follow: no consumer is made,
// touched or acknowledged.
func (t Tail) Run(ctx context.Context, js jetstream.JetStream, w io.Writer, ready func()) error {
	seen := 0
	gone := t.Away
	if gone == nil {
		gone = func(bool) {}
	}
	err := follow(ctx, js, t.Stream, t.Filter, t.Since, ready, gone, func(m *jetstream.RawStreamMsg) error {
		written, err := t.write(w, m)
		if err != nil || !written {
			return err
		}
		if seen++; seen == t.Count {
			return errStop
		}
		return nil
	})
	switch {
	case errors.Is(err, errStop):
		return nil
	case err != nil:
		return err
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && t.Count > 0:
		return fmt.Errorf("%d of %d events came in time", seen, t.Count)
	}
	return nil
}

// write prints one event, if it is meant. What does not decode is printed as such and
// never skipped: somebody else wrote it, and the operator wants to know.
func (t Tail) write(w io.Writer, m *jetstream.RawStreamMsg) (written bool, err error) {
	e, err := event.Decode(m.Header, m.Data)
	if err != nil {
		if !t.Select.holds(m.Subject, nil) {
			return false, nil
		}
		_, err := fmt.Fprintf(w, "%s is no event: %v\n", m.Subject, err)
		return true, err
	}
	if !t.Select.holds(m.Subject, &e) {
		return false, nil
	}
	if !t.JSON {
		_, err := fmt.Fprintln(w, EventLine(m.Subject, &e))
		return true, err
	}
	line, err := StructuredLine(&e)
	if err != nil {
		return false, err
	}
	_, err = w.Write(line)
	return true, err
}

// StructuredLine is e in structured form on one line, its numbers' text kept.
func StructuredLine(e *event.Event) ([]byte, error) {
	text, err := e.AppendStructured(nil)
	if err != nil {
		return nil, err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return nil, err
	}
	line.WriteByte('\n')
	return line.Bytes(), nil
}

// EventLine is one readable line: when it happened, source, kind, state, amount,
// payment id and native type, as aligned columns.
func EventLine(subject string, e *event.Event) string {
	amount := "-"
	if m := e.Payment.Amount; m != nil {
		amount = m.Value + " " + m.Currency
	}
	id := "-"
	if e.Payment.ID != nil {
		id = Printable(*e.Payment.ID)
	}
	return fmt.Sprintf("%s  %-10s %-8s %-10s %14s  %-36s %s",
		e.Time.UTC().Format("2006-01-02 15:04:05Z"), sourceToken(subject),
		e.Payment.Kind, e.Payment.State, Printable(amount), id, nativeTokens(subject))
}

// Printable keeps a provider's text from driving the reader's terminal.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// streamAdvice says what to do about a stream that cannot be read.
func streamAdvice(stream string, err error) error {
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return advise(fmt.Errorf("stream %s does not exist", stream), "create the streams with `paybridge streams apply`, or start everything with `paybridge up`")
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return advise(fmt.Errorf("stream %s: the NATS server has no JetStream for this account", stream), "check nats.url and the credentials in the configuration")
	}
	return fmt.Errorf("stream %s: %w", stream, err)
}
