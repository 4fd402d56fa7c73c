package main

import (
	"context"
	"flag"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// inFlight bounds the copy's unacknowledged publishes.
const inFlight = 1024

// runCopy copies WEBHOOKS to another stream, from a sequence on, without looking
// at a byte: the limit that no normalizer passes. With -serial it publishes,
// waits and acks one message at a time.
func runCopy(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("copy", flag.ContinueOnError)
	url := flags.String("nats", "", "NATS URL")
	from := flags.Uint64("from", 1, "first stream sequence to copy")
	serial := flags.Bool("serial", false, "one message at a time")
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
	consumer, err := js.CreateConsumer(ctx, "WEBHOOKS", jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 4 * inFlight,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: *from,
	})
	if err != nil {
		return err
	}
	if *serial {
		return copySerially(ctx, js, consumer)
	}
	return copyPipelined(ctx, js, consumer)
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

func copyPipelined(ctx context.Context, js jetstream.JetStream, consumer jetstream.Consumer) error {
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
		future, err := js.PublishMsgAsync(&nats.Msg{Subject: copySubject, Data: msg.Data()}, jetstream.WithStallWait(time.Minute))
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
