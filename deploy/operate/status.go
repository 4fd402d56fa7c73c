package operate

import (
	"context"
	"slices"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/event"
)

// Status is how the bridge stands at one moment.
type Status struct {
	At         time.Time      `json:"at"`
	Window     float64        `json:"window_seconds"` // the rates are over this long before At
	Streams    []StreamStatus `json:"streams"`
	Normalizer *Lag           `json:"normalizer"`                  // null where the consumer does not exist
	Oldest     time.Time      `json:"oldest_unprocessed,omitzero"` // when the oldest delivery that is not done was stored; absent where all are
	Sources    []SourceStatus `json:"sources"`                     // every source that has anything stored, by name
	OpenLeft   uint64         `json:"open_left"`                   // messages that are not looked through yet: until there are none, open_dead_letters is at most
}

// StreamStatus is one stream.
type StreamStatus struct {
	Name     string    `json:"name"`
	Messages uint64    `json:"messages"`
	Rate     float64   `json:"per_second"` // messages stored
	Bytes    uint64    `json:"bytes"`
	MaxBytes int64     `json:"max_bytes"`
	First    time.Time `json:"first"` // when the oldest message was stored; the zero time in an empty stream
	Last     time.Time `json:"last"`
}

// Lag is how far a consumer is behind its stream.
type Lag struct {
	Name        string `json:"name"`
	Filter      string `json:"filter"`
	Pending     uint64 `json:"pending"`           // stored, not handed out
	InHand      int    `json:"in_hand"`           // handed out, not acknowledged
	Redelivered int    `json:"redelivered"`       // handed out again, not acknowledged
	AckFloor    uint64 `json:"ack_floor"`         // every delivery up to this sequence is done
	Filling     bool   `json:"filling,omitempty"` // of a replay, which fills it now or was killed: not to be read
}

// SourceStatus counts what is stored of one source.
type SourceStatus struct {
	Name         string            `json:"name"`
	Deliveries   uint64            `json:"deliveries"`
	DeliveryRate float64           `json:"deliveries_per_second"`
	Waiting      uint64            `json:"waiting"`                     // deliveries that are not done, or are but come after one that is not
	Oldest       time.Time         `json:"oldest_unprocessed,omitzero"` // when the first of these was stored
	Events       uint64            `json:"events"`
	Unknown      uint64            `json:"unknown_events"` // of Events, those whose native type no rule of the pack maps
	EventRate    float64           `json:"events_per_second"`
	Last         time.Time         `json:"last_delivery,omitzero"` // when it was stored
	DeadLetters  map[string]uint64 `json:"dead_letters"`           // by reason
	Open         map[string]uint64 `json:"open_dead_letters"`      // of DeadLetters, those whose events are not all in PAYMENTS, by reason
	Redriven     map[string]uint64 `json:"redriven_dead_letters"`  // the others of them
	NewDead      uint64            `json:"new_dead_letters"`       // within the window
}

// RateWindow is what rates are over where there was no look before.
const RateWindow = time.Minute

// ReadStatus asks the streams how they stand, and for rates over a window. It reads
// a few messages: the first of the window, the oldest that is not done, and the last
// delivery of each subject.
func ReadStatus(ctx context.Context, js natsjs.JetStream, now time.Time, window time.Duration) (Status, error) {
	status := Status{At: now.UTC(), Window: window.Seconds()}
	sources := map[string]*SourceStatus{}
	source := func(subject string) *SourceStatus {
		name := sourceToken(subject)
		if sources[name] == nil {
			sources[name] = &SourceStatus{Name: name, DeadLetters: map[string]uint64{}}
		}
		return sources[name]
	}
	count := map[string]func(subject string, n uint64){
		jetstream.Webhooks: func(subject string, n uint64) { source(subject).Deliveries += n },
		jetstream.Payments: func(subject string, n uint64) {
			s := source(subject)
			s.Events += n
			if event.Kind(kindToken(subject)) == event.UnknownKind {
				s.Unknown += n
			}
		},
		jetstream.DeadLetters: func(subject string, n uint64) {
			source(subject).DeadLetters[subject[strings.LastIndexByte(subject, '.')+1:]] += n
		},
	}
	for _, name := range StreamNames() {
		info, err := subjects(ctx, js, name)
		if err != nil {
			return Status{}, err
		}
		status.Streams = append(status.Streams, streamStatus(info))
		for subject, n := range info.State.Subjects {
			count[name](subject, n)
		}
		// The server's own clock: messages are dated by it.
		if err := addRates(ctx, js, &status, sources, info.TimeStamp.Add(-window)); err != nil {
			return Status{}, err
		}
	}
	lag, err := ReadLag(ctx, js, jetstream.Webhooks, jetstream.Normalizer)
	if err != nil {
		return Status{}, err
	}
	status.Normalizer = lag
	if err := addWaiting(ctx, js, &status, sources); err != nil {
		return Status{}, err
	}
	for _, s := range sources {
		status.Sources = append(status.Sources, *s)
	}
	slices.SortFunc(status.Sources, func(a, b SourceStatus) int { return strings.Compare(a.Name, b.Name) })
	return status, nil
}

// AddOpen adds which dead letters are open, and which were redriven. What died since they
// were told apart is open.
func (s *Status) AddOpen(told Told) {
	s.OpenLeft = told.Left
	for i := range s.Sources {
		source := &s.Sources[i]
		source.Open, source.Redriven = map[string]uint64{}, map[string]uint64{}
		for reason, n := range source.DeadLetters {
			redriven := min(told.Redriven[source.Name][reason], n)
			source.Open[reason], source.Redriven[reason] = n-redriven, redriven
		}
	}
}

// subjects is a stream with how many messages each subject has.
func subjects(ctx context.Context, js natsjs.JetStream, name string) (*natsjs.StreamInfo, error) {
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return nil, streamAdvice(name, err)
	}
	info, err := stream.Info(ctx, natsjs.WithSubjectFilter(">"))
	if err != nil {
		return nil, streamAdvice(name, err)
	}
	return info, nil
}

// streamStatus is a stream; the times of an empty one mean nothing and are left out.
func streamStatus(info *natsjs.StreamInfo) StreamStatus {
	s := StreamStatus{
		Name: info.Config.Name, Messages: info.State.Msgs, Bytes: info.State.Bytes, MaxBytes: info.Config.MaxBytes,
	}
	if s.Messages > 0 {
		s.First, s.Last = info.State.FirstTime, info.State.LastTime
	}
	return s
}
