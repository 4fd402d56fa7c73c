package operate

import (
	"context"
	"slices"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
)

// Status is how the bridge stands at one moment.
type Status struct {
	At         time.Time      `json:"at"`
	Streams    []StreamStatus `json:"streams"`
	Normalizer *Lag           `json:"normalizer"` // null where the consumer does not exist
	Sources    []SourceStatus `json:"sources"`    // every source that has anything stored, by name
}

// StreamStatus is one stream.
type StreamStatus struct {
	Name     string    `json:"name"`
	Messages uint64    `json:"messages"`
	Bytes    uint64    `json:"bytes"`
	MaxBytes int64     `json:"max_bytes"`
	First    time.Time `json:"first"` // when the oldest message was stored; the zero time in an empty stream
	Last     time.Time `json:"last"`
}

// Lag is how far a consumer is behind its stream.
type Lag struct {
	Name        string `json:"name"`
	Filter      string `json:"filter"`
	Pending     uint64 `json:"pending"`     // stored, not handed out
	InHand      int    `json:"in_hand"`     // handed out, not acknowledged
	Redelivered int    `json:"redelivered"` // handed out again, not acknowledged
	AckFloor    uint64 `json:"ack_floor"`   // every delivery up to this sequence is done
}

// SourceStatus counts what is stored of one source.
type SourceStatus struct {
	Name        string            `json:"name"`
	Deliveries  uint64            `json:"deliveries"`
	Events      uint64            `json:"events"`
	DeadLetters map[string]uint64 `json:"dead_letters"` // by reason
}

// ReadStatus asks the streams; it reads no message.
func ReadStatus(ctx context.Context, js natsjs.JetStream, now time.Time) (Status, error) {
	status := Status{At: now.UTC()}
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
		jetstream.Payments: func(subject string, n uint64) { source(subject).Events += n },
		jetstream.DeadLetters: func(subject string, n uint64) {
			source(subject).DeadLetters[subject[strings.LastIndexByte(subject, '.')+1:]] += n
		},
	}
	for _, name := range []string{jetstream.Webhooks, jetstream.Payments, jetstream.DeadLetters} {
		info, err := subjects(ctx, js, name)
		if err != nil {
			return Status{}, err
		}
		status.Streams = append(status.Streams, streamStatus(info))
		for subject, n := range info.State.Subjects {
			count[name](subject, n)
		}
	}
	for _, s := range sources {
		status.Sources = append(status.Sources, *s)
	}
	slices.SortFunc(status.Sources, func(a, b SourceStatus) int { return strings.Compare(a.Name, b.Name) })
	lag, err := ReadLag(ctx, js, jetstream.Webhooks, jetstream.Normalizer)
	status.Normalizer = lag
	return status, err
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
