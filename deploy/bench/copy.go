package main

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// inFlight bounds the copy's unacknowledged publishes.
const inFlight = 1024

// runCopy copies a stream to another, from a sequence on. How says what it does to a
// message: nothing, which is the limit that no normalizer passes; nothing, one
// message at a time; or what a mapper does that is written by hand.
func runCopy(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("copy", flag.ContinueOnError)
	url := flags.String("nats", "", "NATS URL")
	stream := flags.String("stream", "", "stream to copy")
	from := flags.Uint64("from", 1, "first stream sequence to copy")
	how := flags.String("how", rawCopy, "one of the programs that the normalizer is held against")
	if err := flags.Parse(args); err != nil {
		return err
	}
	conn, err := nats.Connect(*url)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(inFlight))
	if err != nil {
		return err
	}
	consumer, err := js.CreateConsumer(ctx, *stream, jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 4 * inFlight,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: *from,
	})
	if err != nil {
		return err
	}
	switch *how {
	case rawCopy:
		return copyPipelined(ctx, js, consumer, func(m jetstream.Msg) (*nats.Msg, error) {
			return &nats.Msg{Subject: copySubject, Data: m.Data()}, nil
		})
	case structMapper:
		return copyPipelined(ctx, js, consumer, mapByHand)
	case serialCopy:
		return copySerially(ctx, js, consumer)
	default:
		return fmt.Errorf("copy: nobody knows how to %q", *how)
	}
}

func copySerially(ctx context.Context, js jetstream.JetStream, consumer jetstream.Consumer) error {
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	for {
		msg, err := messages.Next()
		if err != nil {
			return nil //nolint:nilerr // stopped: the round is over
		}
		if _, err := js.Publish(ctx, copySubject, msg.Data()); err != nil {
			return nil //nolint:nilerr // as above
		}
		if err := msg.Ack(); err != nil {
			return err
		}
	}
}

// pending is one message whose copy is on its way.
type pending struct {
	msg    jetstream.Msg
	future jetstream.PubAckFuture
}

func copyPipelined(ctx context.Context, js jetstream.JetStream, consumer jetstream.Consumer, change func(jetstream.Msg) (*nats.Msg, error)) error {
	waiting := make(chan pending, inFlight)
	var acker sync.WaitGroup
	acker.Go(func() {
		for p := range waiting {
			select {
			case <-p.future.Ok():
				_ = p.msg.Ack()
			case <-p.future.Err():
			case <-ctx.Done():
			}
		}
	})
	consuming, err := consumer.Consume(func(msg jetstream.Msg) {
		changed, err := change(msg)
		if err != nil {
			_ = msg.Term()
			return
		}
		future, err := js.PublishMsgAsync(changed, jetstream.WithStallWait(time.Minute))
		if err == nil {
			waiting <- pending{msg, future}
		}
	}, jetstream.PullMaxMessages(2*inFlight))
	if err != nil {
		return err
	}
	<-ctx.Done()
	consuming.Stop()
	<-consuming.Closed()
	close(waiting)
	acker.Wait()
	return nil
}
