package jetstream

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
)

// Drift is one difference between the bus and the contract.
type Drift struct {
	Name  string `json:"name"`  // "WEBHOOKS", or "WEBHOOKS/normalizer" for a consumer
	Field string `json:"field"` // the server's name of the setting: "max_age"; "exists" where all is missing
	Want  string `json:"want"`
	Have  string `json:"have"`
}

// String is the drift for people: "WEBHOOKS: discard is Old, must be New".
func (d Drift) String() string {
	return fmt.Sprintf("%s: %s is %s, must be %s", d.Name, d.Field, d.Have, d.Want)
}

// streamField is a setting of a stream that the contract fixes.
type streamField struct {
	name  string
	value func(*jetstream.StreamConfig) any
	take  func(have, want *jetstream.StreamConfig)
	fixed bool // the server does not let go of it once it is wrong
}

// setting is a streamField over one member of the configuration.
func setting[T any](name string, member func(*jetstream.StreamConfig) *T) streamField {
	return streamField{
		name:  name,
		value: func(c *jetstream.StreamConfig) any { return *member(c) },
		take:  func(have, want *jetstream.StreamConfig) { *member(have) = *member(want) },
	}
}

// permanent is a setting that the server refuses to change.
func permanent(f streamField) streamField {
	f.fixed = true
	return f
}

// streamFields is every setting that Check compares and Apply writes. Others
// (description, placement, metadata) belong to the operator.
func streamFields() []streamField {
	type c = jetstream.StreamConfig
	return []streamField{
		setting("subjects", func(s *c) *[]string { return &s.Subjects }),
		permanent(setting("storage", func(s *c) *jetstream.StorageType { return &s.Storage })),
		permanent(setting("retention", func(s *c) *jetstream.RetentionPolicy { return &s.Retention })),
		setting("discard", func(s *c) *jetstream.DiscardPolicy { return &s.Discard }),
		setting("discard_new_per_subject", func(s *c) *bool { return &s.DiscardNewPerSubject }),
		setting("max_msgs", func(s *c) *int64 { return &s.MaxMsgs }),
		setting("max_msgs_per_subject", func(s *c) *int64 { return &s.MaxMsgsPerSubject }),
		{
			name:  "max_bytes",
			value: func(s *c) any { return config.Size(s.MaxBytes) },
			take:  func(have, want *c) { have.MaxBytes = want.MaxBytes },
		},
		{
			name:  "max_msg_size",
			value: func(s *c) any { return config.Size(s.MaxMsgSize) },
			take:  func(have, want *c) { have.MaxMsgSize = want.MaxMsgSize },
		},
		{
			name:  "max_age",
			value: func(s *c) any { return s.MaxAge },
			take:  func(have, want *c) { have.MaxAge = want.MaxAge },
		},
		{
			name:  "duplicate_window",
			value: func(s *c) any { return s.Duplicates },
			take:  func(have, want *c) { have.Duplicates = want.Duplicates },
		},
		setting("num_replicas", func(s *c) *int { return &s.Replicas }),
		setting("no_ack", func(s *c) *bool { return &s.NoAck }),
		permanent(setting("persist_mode", func(s *c) *jetstream.PersistModeType { return &s.PersistMode })),
		setting("compression", func(s *c) *jetstream.StoreCompression { return &s.Compression }),
		setting("deny_delete", func(s *c) *bool { return &s.DenyDelete }),
		setting("deny_purge", func(s *c) *bool { return &s.DenyPurge }),
		setting("allow_atomic", func(s *c) *bool { return &s.AllowAtomicPublish }),
		setting("allow_direct", func(s *c) *bool { return &s.AllowDirect }),
		setting("allow_rollup_hdrs", func(s *c) *bool { return &s.AllowRollup }),
		permanent(setting("sealed", func(s *c) *bool { return &s.Sealed })),
		permanent(setting("allow_msg_ttl", func(s *c) *bool { return &s.AllowMsgTTL })),
		permanent(setting("allow_msg_counter", func(s *c) *bool { return &s.AllowMsgCounter })),
		permanent(setting("allow_msg_schedules", func(s *c) *bool { return &s.AllowMsgSchedules })),
		presence("mirror", func(s *c) bool { return s.Mirror != nil }),
		presence("sources", func(s *c) bool { return len(s.Sources) > 0 }),
		presence("subject_transform", func(s *c) bool { return s.SubjectTransform != nil }),
		presence("republish", func(s *c) bool { return s.RePublish != nil }),
	}
}

// presence is a part of a stream that may not be there at all: it would bring
// messages in, or send them out, past the bridge.
func presence(name string, present func(*jetstream.StreamConfig) bool) streamField {
	return streamField{
		name:  name,
		value: func(s *jetstream.StreamConfig) any { return map[bool]string{true: "set", false: "unset"}[present(s)] },
		take:  func(_, _ *jetstream.StreamConfig) {},
		fixed: true,
	}
}

// wanted is what the stream should be, given what it is: where the configuration
// leaves the size open, a size that somebody chose stays if it is enough.
func wanted(want, have jetstream.StreamConfig, open bool) jetstream.StreamConfig {
	least := config.Size(1)
	if want.Name == Webhooks {
		least = LeastWebhooks
	}
	if open && config.Size(have.MaxBytes) >= least {
		want.MaxBytes = have.MaxBytes
	}
	return want
}

// openSizes names the streams whose size the configuration leaves open.
func openSizes(s config.Streams) map[string]bool {
	return map[string]bool{
		Webhooks:    s.Webhooks.MaxBytes == 0,
		Payments:    s.Payments.MaxBytes == 0,
		DeadLetters: s.DeadLetters.MaxBytes == 0,
	}
}

// streamDrift lists where have is not want.
func streamDrift(want, have jetstream.StreamConfig) []Drift {
	var drifts []Drift
	for _, f := range streamFields() {
		if w, h := show(f.value(&want)), show(f.value(&have)); w != h {
			drifts = append(drifts, Drift{Name: want.Name, Field: f.name, Want: w, Have: h})
		}
	}
	return drifts
}

// consumerField is a setting of a consumer that the contract fixes.
type consumerField struct {
	name  string
	value func(*jetstream.ConsumerConfig) any
	take  func(have, want *jetstream.ConsumerConfig) // nil where the server refuses to change it
}

// consumerFields is every setting of a consumer that Check compares and Apply
// writes. Where it started is its own history, not part of the contract.
func consumerFields() []consumerField {
	type c = jetstream.ConsumerConfig
	return []consumerField{
		{name: "ack_policy", value: func(c *c) any { return c.AckPolicy }},
		{name: "replay_policy", value: func(c *c) any { return c.ReplayPolicy }},
		{name: "deliver_subject", value: func(c *c) any { return c.DeliverSubject }},
		{name: "mem_storage", value: func(c *c) any { return c.MemoryStorage }},
		{
			name:  "ack_wait",
			value: func(c *c) any { return c.AckWait },
			take:  func(have, want *c) { have.AckWait = want.AckWait },
		},
		{
			name:  "backoff",
			value: func(c *c) any { return c.BackOff },
			take:  func(have, want *c) { have.BackOff = want.BackOff },
		},
		{
			name:  "max_deliver",
			value: func(c *c) any { return c.MaxDeliver },
			take:  func(have, want *c) { have.MaxDeliver = want.MaxDeliver },
		},
		{
			name:  "max_ack_pending",
			value: func(c *c) any { return c.MaxAckPending },
			take:  func(have, want *c) { have.MaxAckPending = want.MaxAckPending },
		},
		{
			name:  "filter_subjects",
			value: func(c *c) any { return strings.Trim(strings.Join(append(c.FilterSubjects, c.FilterSubject), ","), ",") },
			take: func(have, want *c) {
				have.FilterSubject, have.FilterSubjects = want.FilterSubject, want.FilterSubjects
			},
		},
		{
			name:  "headers_only",
			value: func(c *c) any { return c.HeadersOnly },
			take:  func(have, want *c) { have.HeadersOnly = want.HeadersOnly },
		},
		{
			name:  "inactive_threshold",
			value: func(c *c) any { return c.InactiveThreshold },
			take:  func(have, want *c) { have.InactiveThreshold = want.InactiveThreshold },
		},
	}
}

// consumerDrift lists where have is not want.
func consumerDrift(want Consumer, have jetstream.ConsumerConfig) []Drift {
	var drifts []Drift
	for _, f := range consumerFields() {
		if w, h := show(f.value(&want.Config)), show(f.value(&have)); w != h {
			drifts = append(drifts, Drift{Name: want.name(), Field: f.name, Want: w, Have: h})
		}
	}
	return drifts
}

// decided names the settings that the configuration decides: of what is created, these
// are told. The others are the contract's.
var decided = []string{"subjects", "max_bytes", "max_msg_size", "max_age", "duplicate_window", "num_replicas", "ack_wait", "max_ack_pending", "max_deliver"}

// nothing is a setting of what does not exist yet.
const nothing = "none"

// decidedOfStream is what is told of a stream that is created.
func decidedOfStream(want jetstream.StreamConfig) (told []Drift) {
	for _, f := range streamFields() {
		if slices.Contains(decided, f.name) {
			told = append(told, Drift{Name: want.Name, Field: f.name, Want: show(f.value(&want)), Have: nothing})
		}
	}
	return told
}

// decidedOfConsumer is what is told of a consumer that is created.
func decidedOfConsumer(want Consumer) (told []Drift) {
	for _, f := range consumerFields() {
		if slices.Contains(decided, f.name) {
			told = append(told, Drift{Name: want.name(), Field: f.name, Want: show(f.value(&want.Config)), Have: nothing})
		}
	}
	return told
}

// name is the consumer's name in reports: "WEBHOOKS/normalizer".
func (c Consumer) name() string { return c.Stream + "/" + c.Config.Durable }

// span is a duration without the units that are zero at its end, in days from three on:
// an age is 35d, a window 48h.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	text := d.String()
	if d >= 3*day {
		text = strconv.FormatInt(int64(d/day), 10) + "d"
		if d %= day; d == 0 {
			return text
		}
		text += d.String()
	}
	if before, trimmed := strings.CutSuffix(text, "m0s"); trimmed {
		text = before + "m"
	}
	if before, trimmed := strings.CutSuffix(text, "h0m"); trimmed {
		text = before + "h"
	}
	return text
}

// show is a setting's value for people; empty lists and texts are "none".
func show(v any) string {
	text := fmt.Sprint(v)
	switch v := v.(type) {
	case []string:
		text = strings.Join(v, ",")
	case time.Duration:
		text = span(v)
	}
	if text == "" || text == "[]" {
		return nothing
	}
	return text
}
