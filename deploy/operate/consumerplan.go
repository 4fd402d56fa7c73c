package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"paybridge/deploy/jetstream"
)

// TeamPlan is what Add would do.
type TeamPlan struct {
	jetstream.Change
	Waiting uint64 `json:"waiting"` // events that are stored now and that it would begin with, or that wait for it
}

// Plan says what Add would do, and does nothing. One that is there already with the same
// settings is Unchanged; another one of that name is an error, which names what differs.
func (t Team) Plan(ctx context.Context, js natsjs.JetStream) (TeamPlan, error) {
	if err := t.check(); err != nil {
		return TeamPlan{}, err
	}
	plan := TeamPlan{Change: jetstream.Change{Name: jetstream.Payments + "/" + t.Name, Action: jetstream.Created}}
	config := t.config()
	have, err := js.Consumer(ctx, jetstream.Payments, t.Name)
	switch {
	case errors.Is(err, natsjs.ErrConsumerNotFound):
		plan.Waiting, err = t.stored(ctx, js)
		plan.Changed = teamDrift(plan.Name, config, nil)
		return plan, err
	case errors.Is(err, natsjs.ErrNotPullConsumer):
		return plan, t.taken("it is a push consumer")
	case err != nil:
		return plan, streamAdvice(jetstream.Payments, err)
	}
	info := have.CachedInfo()
	if drifts := teamDrift(plan.Name, config, &info.Config); len(drifts) > 0 {
		var differ []string
		for _, d := range drifts {
			differ = append(differ, fmt.Sprintf("%s is %s, not %s", d.Field, d.Have, d.Want))
		}
		return plan, t.taken(strings.Join(differ, "; "))
	}
	plan.Action, plan.Waiting = jetstream.Unchanged, info.NumPending
	return plan, nil
}

// taken is the error of a name that another consumer has.
func (t Team) taken(differs string) error {
	return advise(fmt.Errorf("consumer %s: is there already, with other settings: %s", t.Name, differs),
		"look at it with `paybridge consumer show "+t.Name+"`, and choose another name")
}

// stored is how many events it begins with.
func (t Team) stored(ctx context.Context, js natsjs.JetStream) (uint64, error) {
	stream, err := js.Stream(ctx, jetstream.Payments)
	switch {
	case err != nil:
		return 0, streamAdvice(jetstream.Payments, err)
	case t.New || stream.CachedInfo().State.Msgs == 0:
		return 0, nil
	}
	from := jetstreamext.GetBatchSeq(1)
	if !t.Since.IsZero() {
		from = jetstreamext.GetBatchStartTime(t.Since)
	}
	n, _, err := countFrom(ctx, js, jetstream.Payments, t.Filter, from)
	return n, err
}

// teamDrift lists the settings of a team's consumer that differ; all of them where there
// is none yet.
func teamDrift(name string, want natsjs.ConsumerConfig, have *natsjs.ConsumerConfig) (drifts []jetstream.Drift) {
	for _, setting := range []struct {
		field string
		show  func(natsjs.ConsumerConfig) string
	}{
		{"filter", func(c natsjs.ConsumerConfig) string {
			return cmp.Or(c.FilterSubject, strings.Join(c.FilterSubjects, ", "), "none")
		}},
		{"begins", begins},
		{"ack_policy", func(c natsjs.ConsumerConfig) string { return c.AckPolicy.String() }},
		{"ack_wait", func(c natsjs.ConsumerConfig) string { return Age(c.AckWait) }},
		{"max_ack_pending", func(c natsjs.ConsumerConfig) string { return strconv.Itoa(c.MaxAckPending) }},
		{"max_deliver", func(c natsjs.ConsumerConfig) string {
			if c.MaxDeliver < 0 {
				return "no limit"
			}
			return strconv.Itoa(c.MaxDeliver)
		}},
	} {
		d := jetstream.Drift{Name: name, Field: setting.field, Want: setting.show(want), Have: "none"}
		if have != nil {
			d.Have = setting.show(*have)
		}
		if have == nil || d.Have != d.Want {
			drifts = append(drifts, d)
		}
	}
	return drifts
}

// begins is where a consumer begins, for people.
func begins(c natsjs.ConsumerConfig) string {
	switch {
	case c.DeliverPolicy == natsjs.DeliverAllPolicy:
		return "with everything that is stored"
	case c.DeliverPolicy == natsjs.DeliverNewPolicy:
		return "with what is stored from now on"
	case c.DeliverPolicy == natsjs.DeliverByStartTimePolicy && c.OptStartTime != nil:
		return "with what was stored since " + c.OptStartTime.UTC().Format(time.RFC3339Nano)
	case c.DeliverPolicy == natsjs.DeliverByStartSequencePolicy:
		return fmt.Sprintf("with event %d", c.OptStartSeq)
	}
	return c.DeliverPolicy.String()
}
