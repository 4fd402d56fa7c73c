package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
)

// ErrNothingMatches means that a selection was made and nothing that is stored is of it:
// more often a typo than good news.
var ErrNothingMatches = errors.New("nothing that is stored matches the selection")

// NothingMatches is ErrNothingMatches of a command, with what to do.
func NothingMatches(command string) error {
	return advise(fmt.Errorf("%s: %w", command, ErrNothingMatches),
		"compare --source, --id, --seq, --since and --until with `paybridge tail --since 7d` and `paybridge status`")
}

// ErrUnknownSource means that a source is neither configured nor stored.
var ErrUnknownSource = errors.New("is not configured, and nothing of it is stored")

// KnownSource is ErrUnknownSource where a source is neither configured nor stored: a typo
// has to be no empty result. One that is gone from the configuration counts for as long as
// the streams hold a delivery or an event of it.
func KnownSource(ctx context.Context, js natsjs.JetStream, configured []string, source string) error {
	if source == "" || slices.Contains(configured, source) {
		return nil
	}
	if strings.ContainsAny(source, ".*> \t\r\n") {
		return advise(fmt.Errorf("%q is no name of a source", source), "choose one of "+strings.Join(configured, ", "))
	}
	for stream, head := range map[string]string{jetstream.Webhooks: "webhooks.", jetstream.Payments: "payments."} {
		s, err := js.Stream(ctx, stream)
		if err != nil {
			return streamAdvice(stream, err)
		}
		info, err := s.Info(ctx, natsjs.WithSubjectFilter(head+source+".>"))
		if err != nil {
			return streamAdvice(stream, err)
		}
		if len(info.State.Subjects) > 0 {
			return nil
		}
	}
	return advise(fmt.Errorf("source %q %w", source, ErrUnknownSource),
		"choose one of "+strings.Join(configured, ", ")+", or name another configuration with --config")
}
