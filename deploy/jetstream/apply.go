package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
)

// Action is what Apply did with a stream or a consumer.
type Action string

// The actions of Apply.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Unchanged Action = "unchanged"
)

// Change is what Apply did with one stream or consumer.
type Change struct {
	Name    string  `json:"name"` // "WEBHOOKS", or "WEBHOOKS/normalizer"
	Action  Action  `json:"action"`
	Changed []Drift `json:"changed,omitempty"` // each setting, as it was and as it is; of what is created, those that the configuration decides
	Start   uint64  `json:"start,omitempty"`   // of a created consumer: the first sequence that it reads
}

// String is the change for people, settings indented below it.
func (c Change) String() string {
	text := c.Short()
	for _, d := range c.Changed {
		text += fmt.Sprintf("\n  %s: %s → %s", d.Field, d.Have, d.Want)
	}
	return text
}

// Short is the change in one line, without the settings.
func (c Change) Short() string {
	text := c.Name + " " + string(c.Action)
	if c.Start > 1 {
		text += fmt.Sprintf(", reads from sequence %d", c.Start)
	}
	return text
}

// Refused is the error of an Apply that would lose what is stored, or that the
// server cannot do. Nothing was changed.
type Refused struct {
	Reasons []string // one sentence each: what, why, what to do
}

// Error is the reasons, one a line.
func (r *Refused) Error() string { return strings.Join(r.Reasons, "\n") }

// plan is one stream's update, or its creation.
type plan struct {
	want   jetstream.StreamConfig
	create bool
	drifts []Drift
}

// Apply makes the bus what the contract says: it creates what is missing,
// updates what differs, and leaves the rest, and what belongs to the operator
// (description, placement, metadata), alone. All or nothing is decided before the
// first write: a change that would lose stored messages, or that a server cannot
// make, is *Refused. The report names every stream and consumer, changed or not.
//
// A consumer that is missing is created where its work stopped: at the first
// delivery that is not known to have become events, a duplicate or a dead letter.
// Only where nothing was ever processed is that the beginning.
func Apply(ctx context.Context, js jetstream.JetStream, s config.Streams) ([]Change, error) {
	plans, consumers, err := planAll(ctx, js, s)
	if err != nil {
		return nil, err
	}
	var report []Change
	for _, p := range plans {
		change, err := writeStream(ctx, js, p)
		if err != nil {
			return report, err
		}
		report = append(report, change)
	}
	for _, p := range consumers {
		change, err := writeConsumer(ctx, js, p)
		if err != nil {
			return report, err
		}
		report = append(report, change)
	}
	return report, nil
}

// Preview says what Apply would do, and writes nothing. Of a consumer of a stream that is
// to be made it does not say where it begins.
func Preview(ctx context.Context, js jetstream.JetStream, s config.Streams) ([]Change, error) {
	plans, consumers, err := planAll(ctx, js, s)
	if err != nil {
		return nil, err
	}
	var report []Change
	creates := false
	for _, p := range plans {
		creates = creates || p.create
		report = append(report, Change{Name: p.want.Name, Action: action(p.create, p.drifts), Changed: p.drifts})
	}
	for _, p := range consumers {
		change := Change{Name: p.want.name(), Action: action(p.create, p.drifts), Changed: p.drifts}
		if p.create && !creates {
			after, err := accounted(ctx, js)
			if err != nil {
				return report, fmt.Errorf("%s: finding where it stopped: %w", p.want.name(), err)
			}
			change.Start = after + 1
		}
		report = append(report, change)
	}
	return report, nil
}

// action is what a plan comes to.
func action(create bool, drifts []Drift) Action {
	switch {
	case create:
		return Created
	case len(drifts) > 0:
		return Updated
	}
	return Unchanged
}

// planAll compares everything with the contract. What would lose a message, or cannot
// be done, is *Refused.
func planAll(ctx context.Context, js jetstream.JetStream, s config.Streams) ([]plan, []consumerPlan, error) {
	plans, refused, err := planStreams(ctx, js, s)
	if err != nil {
		return nil, nil, err
	}
	consumers, refusedConsumers, err := planConsumers(ctx, js, s)
	if err != nil {
		return nil, nil, err
	}
	if refused = append(refused, refusedConsumers...); len(refused) > 0 {
		return nil, nil, &Refused{Reasons: refused}
	}
	return plans, consumers, nil
}

// planStreams compares every stream with the contract.
func planStreams(ctx context.Context, js jetstream.JetStream, s config.Streams) (plans []plan, refused []string, err error) {
	open := openSizes(s)
	for _, want := range Streams(s) {
		info, found, err := streamInfo(ctx, js, want.Name)
		if err != nil {
			return nil, nil, err
		}
		if !found {
			plans = append(plans, plan{want: want, create: true, drifts: decidedOfStream(want)})
			continue
		}
		want = wanted(want, info.Config, open[want.Name])
		drifts := streamDrift(want, info.Config)
		refused = append(refused, losses(want, info)...)
		next := info.Config
		for _, f := range streamFields() {
			f.take(&next, &want)
		}
		plans = append(plans, plan{want: next, drifts: drifts})
	}
	return plans, refused, nil
}

// losses says what of a change would delete stored messages, give up copies of
// them, or be refused by the server.
func losses(want jetstream.StreamConfig, info *jetstream.StreamInfo) []string {
	var reasons []string
	add := func(format string, args ...any) {
		reasons = append(reasons, want.Name+": "+fmt.Sprintf(format, args...))
	}
	have, state := info.Config, info.State
	for _, f := range streamFields() {
		if w, h := show(f.value(&want)), show(f.value(&have)); f.fixed && w != h {
			add("%s is %s, must be %s, and cannot be changed: copy what the stream holds elsewhere, delete it and apply again", f.name, h, w)
		}
	}
	shorter := want.MaxAge > 0 && (have.MaxAge == 0 || want.MaxAge < have.MaxAge)
	if oldest := info.TimeStamp.Sub(state.FirstTime); shorter && state.Msgs > 0 && oldest > want.MaxAge {
		add("max_age %v would delete what is older, and the oldest message is %v old: keep max_age above that", want.MaxAge, oldest.Round(1e9))
	}
	if want.MaxBytes > 0 && state.Bytes > uint64(want.MaxBytes) {
		add("max_bytes %v is less than the %d bytes stored: keep max_bytes above that", config.Size(want.MaxBytes), state.Bytes)
	}
	if want.Replicas < have.Replicas {
		add("num_replicas %d gives up copies of what is stored, there are %d: keep streams.replicas, or lower it with the nats command first", want.Replicas, have.Replicas)
	}
	return reasons
}

// writeStream creates or updates a stream, and makes sure of the result: an old
// server ignores settings that it does not know.
func writeStream(ctx context.Context, js jetstream.JetStream, p plan) (Change, error) {
	change := Change{Name: p.want.Name, Action: Unchanged, Changed: p.drifts}
	write := js.UpdateStream
	switch {
	case p.create:
		change.Action, write = Created, js.CreateStream
	case len(p.drifts) == 0:
		return change, nil
	default:
		change.Action = Updated
	}
	s, err := write(ctx, p.want)
	if err != nil {
		return change, fmt.Errorf("%s: %w%s", p.want.Name, err, advice(err))
	}
	return change, taken(p.want, s.CachedInfo().Config)
}

// taken makes sure that the server took what it was told.
func taken(told, has jetstream.StreamConfig) error {
	if drifts := streamDrift(told, has); len(drifts) > 0 {
		return fmt.Errorf("%s: the server ignored %s: it must be nats-server 2.12 or newer", told.Name, drifts[0].Field)
	}
	return nil
}

// advice says what to do about an answer of the server that does not.
func advice(err error) string {
	const insufficientStorage, maximumReplicas = 10047, 10074
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return ""
	}
	switch api.ErrorCode {
	case insufficientStorage:
		return ": set smaller streams.*.max_bytes, or give the server more max_file_store"
	case maximumReplicas:
		return ": streams.replicas needs as many servers in the cluster"
	default:
		return ""
	}
}

// consumerPlan is one consumer's update, or its creation.
type consumerPlan struct {
	want   Consumer
	create bool
	drifts []Drift
}

// planConsumers compares every consumer with the contract.
func planConsumers(ctx context.Context, js jetstream.JetStream, s config.Streams) (plans []consumerPlan, refused []string, err error) {
	for _, want := range Consumers(s) {
		info, found, err := consumerInfo(ctx, js, want)
		if err != nil {
			return nil, nil, err
		}
		if !found {
			plans = append(plans, consumerPlan{want: want, create: true, drifts: decidedOfConsumer(want)})
			continue
		}
		p := consumerPlan{want: want, drifts: consumerDrift(want, info.Config)}
		next := info.Config
		for _, f := range consumerFields() {
			if f.take != nil {
				f.take(&next, &want.Config)
				continue
			}
			if w, h := show(f.value(&want.Config)), show(f.value(&info.Config)); w != h {
				refused = append(refused, fmt.Sprintf("%s: %s is %s, must be %s, and cannot be changed: delete the consumer and apply again, it goes on where it stopped", want.name(), f.name, h, w))
			}
		}
		p.want.Config = next
		plans = append(plans, p)
	}
	return plans, refused, nil
}

// writeConsumer creates or updates a consumer.
func writeConsumer(ctx context.Context, js jetstream.JetStream, p consumerPlan) (Change, error) {
	change := Change{Name: p.want.name(), Action: Unchanged, Changed: p.drifts}
	write := js.UpdateConsumer
	switch {
	case p.create:
		after, err := accounted(ctx, js)
		if err != nil {
			return change, fmt.Errorf("%s: finding where it stopped: %w", p.want.name(), err)
		}
		change.Action, change.Start, write = Created, after+1, js.CreateConsumer
		p.want.Config.DeliverPolicy = jetstream.DeliverByStartSequencePolicy
		p.want.Config.OptStartSeq = change.Start
	case len(p.drifts) == 0:
		return change, nil
	default:
		change.Action = Updated
	}
	if _, err := write(ctx, p.want.Stream, p.want.Config); err != nil {
		return change, fmt.Errorf("%s: %w%s", p.want.name(), err, advice(err))
	}
	return change, nil
}
