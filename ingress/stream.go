package ingress

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// minWindow is the shortest duplicate window under which a provider's next attempt,
// after a 503 for a delivery that was stored after all, is still the same delivery.
const minWindow = time.Minute

// Unfit is everything about the NATS server and the raw stream that would break the
// promise of a 200: one sentence each. It is a mistake of configuration.
type Unfit []string

func (u Unfit) Error() string { return "ingress: " + strings.Join(u, "\ningress: ") }

// checkServer reads the settings of the raw stream and of the server. An error that
// is not an Unfit says that they could not be read.
func checkServer(ctx context.Context, conn *nats.Conn, js jetstream.JetStream, maxBody int64) error {
	var unfit Unfit
	if room := conn.MaxPayload(); room < maxBody+headerRoom {
		unfit = append(unfit, fmt.Sprintf("the NATS server's max_payload of %d bytes is below max_body + 64 KiB = %d: lower ingress.max_body or raise max_payload", room, maxBody+headerRoom))
	}
	config, err := streamConfig(ctx, js)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		unfit = append(unfit, "the stream "+rawStream+" does not exist: run `paybridge streams apply`")
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		unfit = append(unfit, "JetStream is not enabled for this account of the NATS server")
	case err != nil:
		return fmt.Errorf("ingress: the settings of stream %s cannot be read: %w: enable JetStream, and allow this user to publish to $JS.API.STREAM.INFO.%s", rawStream, err, rawStream)
	default:
		for _, d := range drift(config, maxBody) {
			unfit = append(unfit, "stream "+rawStream+" "+d+": run `paybridge streams apply`")
		}
	}
	if unfit != nil {
		return unfit
	}
	return nil
}

// streamConfig asks for the raw stream's settings. It needs no other right than
// STREAM.INFO of that one stream.
func streamConfig(ctx context.Context, js jetstream.JetStream) (jetstream.StreamConfig, error) {
	stream, err := js.Stream(ctx, rawStream)
	if err != nil {
		return jetstream.StreamConfig{}, err
	}
	return stream.CachedInfo().Config, nil
}

// drift says in which ways a stream would lose or refuse what was acknowledged, or
// acknowledge what it does not have. What is only larger or longer than the shipped
// topology is the operator's choice.
func drift(c jetstream.StreamConfig, maxBody int64) []string {
	var found []string
	for _, rule := range []struct {
		broken bool
		says   string
	}{
		{!slices.Contains(c.Subjects, "webhooks.*.*"), "does not take the subjects webhooks.*.*"},
		{c.Storage != jetstream.FileStorage, "is not stored in files"},
		{c.Retention != jetstream.LimitsPolicy, "deletes what was consumed (retention is not limits)"},
		{c.Discard != jetstream.DiscardNew, "deletes old deliveries when it is full (discard is not new)"},
		{c.MaxMsgsPerSubject > 0, "limits the messages of one subject"},
		{c.NoAck, "does not acknowledge"},
		{c.PersistMode != jetstream.DefaultPersistMode, "acknowledges before it stores (persist mode is async)"},
		{c.Sealed, "is sealed"},
		{c.AllowRollup, "allows rollups, which delete"},
		{!c.AllowAtomicPublish, "does not take atomic batches"},
		{!c.DenyDelete, "allows the deletion of single messages"},
		{c.Duplicates < minWindow, "has a duplicate window below " + minWindow.String()},
		{c.MaxMsgSize > 0 && int64(c.MaxMsgSize) < maxBody+storedRoom, "takes smaller messages than max_body + 32 KiB"},
	} {
		if rule.broken {
			found = append(found, rule.says)
		}
	}
	return found
}
