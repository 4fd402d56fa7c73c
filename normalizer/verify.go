package normalizer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// TopologyError says what about the streams and the consumer would lose, double or
// reorder something. The normalizer does not start on them.
type TopologyError struct {
	Problems []string // each names its stream
}

// Error prints every problem and what to do.
func (e *TopologyError) Error() string {
	return strings.Join(e.Problems, "; ") + ": run `paybridge streams apply`"
}

// longestAckWait bounds how long a crash keeps a delivery from another worker.
const longestAckWait = 30 * time.Second

// verify looks at the streams that the normalizer writes and the consumer that it
// reads, until somebody answers. The error is a *TopologyError, or ctx's.
func (n *Normalizer) verify(ctx context.Context) error {
	js, err := jetstream.New(n.Conn)
	if err != nil {
		return err
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 50*time.Millisecond, 2*time.Second
	for logged := false; ; {
		problems, err := n.problems(ctx, js)
		switch {
		case err == nil && len(problems) > 0:
			return &TopologyError{problems}
		case err == nil:
			return nil
		case !logged:
			logged = true
			n.log.Warn("waiting for JetStream", zap.Error(err))
		}
		if !sleep(ctx, wait.NextBackOff()) {
			return ctx.Err()
		}
	}
}

// problems are all that is wrong; an error means that nobody could say.
func (n *Normalizer) problems(ctx context.Context, js jetstream.JetStream) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var all []string
	streams := map[string]jetstream.StreamConfig{}
	for _, name := range []string{n.Stream, paymentsStream, deadLettersStream} {
		stream, err := js.Stream(ctx, name)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			all = append(all, fmt.Sprintf("stream %s does not exist", name))
		case err != nil:
			return nil, fmt.Errorf("stream %s: %w", name, err)
		default:
			streams[name] = stream.CachedInfo().Config
			all = append(all, streamProblems(streams[name])...)
		}
	}
	for _, name := range []string{paymentsStream, deadLettersStream} {
		if out, there := streams[name]; there {
			all = append(all, n.outProblems(out, streams[n.Stream])...)
		}
	}
	consumer, err := js.Consumer(ctx, n.Stream, n.Consumer)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound): // said above
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		all = append(all, fmt.Sprintf("stream %s has no consumer %s", n.Stream, n.Consumer))
	case err != nil:
		return nil, fmt.Errorf("consumer %s on %s: %w", n.Consumer, n.Stream, err)
	default:
		all = append(all, consumerProblems(n.Stream, consumer.CachedInfo().Config)...)
	}
	return all, nil
}

// check is one setting that cannot be otherwise.
type check struct {
	ok   bool
	want string
}

func streamProblems(c jetstream.StreamConfig) []string {
	root := strings.ToLower(c.Name) + "."
	return failed("stream "+c.Name, []check{
		{c.Storage == jetstream.FileStorage, "file storage"},
		{c.Retention == jetstream.LimitsPolicy, "limits retention"},
		{c.Discard == jetstream.DiscardNew, "to discard new messages when full"},
		{!c.NoAck, "acks"},
		{c.PersistMode == jetstream.DefaultPersistMode, "to persist before it acknowledges"},
		{c.MaxMsgsPerSubject <= 0, "no limit for one subject"},
		{c.DenyDelete, "no deletion of single messages"},
		{!c.AllowRollup, "no rollups, which delete"},
		{c.AllowAtomicPublish, "atomic batches"},
		{!c.Sealed, "no seal of its own: it takes nothing more"},
		{!c.AllowMsgTTL, "no messages that expire by themselves"},
		{c.Mirror == nil && len(c.Sources) == 0, "no messages from other streams"},
		{len(c.Subjects) == 1 && strings.HasPrefix(c.Subjects[0], root), "subjects below " + root},
	})
}

// outProblems is what is wrong with a stream that the normalizer writes, beside the raw
// stream that it reads. What is only longer is the operator's choice.
func (n *Normalizer) outProblems(out, raw jetstream.StreamConfig) []string {
	return failed("stream "+out.Name, []check{
		{out.Duplicates >= n.DuplicateWindow, fmt.Sprintf("a duplicate window of at least %s", n.DuplicateWindow)},
		{out.MaxAge == 0 || raw.MaxAge > 0 && out.MaxAge >= raw.MaxAge, fmt.Sprintf("a max age of at least that of %s, %s", n.Stream, raw.MaxAge)},
	})
}

func consumerProblems(stream string, c jetstream.ConsumerConfig) []string {
	return failed(fmt.Sprintf("consumer %s on %s", c.Name, stream), []check{
		{c.AckPolicy == jetstream.AckExplicitPolicy, "explicit acks"},
		{c.MaxDeliver <= 0, "no limit of deliveries"},
		{len(c.BackOff) == 0, "no backoff"},
		{c.AckWait > 0 && c.AckWait <= longestAckWait, "an ack wait of at most 30s"},
		{c.FilterSubject == "" && len(c.FilterSubjects) == 0, "no filter"},
		{!c.HeadersOnly, "whole messages"},
	})
}

func failed(subject string, checks []check) []string {
	var problems []string
	for _, c := range checks {
		if !c.ok {
			problems = append(problems, subject+" must have "+c.want)
		}
	}
	return problems
}
