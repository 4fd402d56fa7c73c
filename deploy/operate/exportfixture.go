package operate

import (
	"context"
	"errors"
	"fmt"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/schemas/delivery"
)

// capture makes a fixture of the one delivery that is meant.
func (w *exporting) capture(ctx context.Context, js natsjs.JetStream) ([]byte, error) {
	var one portable
	err := w.each(ctx, js, w.Select, func(p portable) error {
		one = p
		if w.sum.Deliveries > 1 {
			return errStop
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case w.sum.Deliveries == 0:
		return nil, advise(errors.New("export: no delivery is meant"), "choose one with --seq or --id")
	case w.sum.Deliveries > 1:
		return nil, advise(errors.New("export: a fixture is one delivery, and more are meant"), "choose one with --seq or --id")
	case one.Withheld != "":
		return nil, advise(fmt.Errorf("export: delivery %d cannot be redacted: %s", one.Sequence, one.Withheld), "read its body, and leave --redact out if there is nothing personal in it")
	}
	m, err := one.message()
	if err != nil {
		return nil, err
	}
	d, err := delivery.Decode(m.Subject, m.Header, m.Data)
	if err != nil {
		return nil, fmt.Errorf("export: delivery %d: %w", one.Sequence, err)
	}
	how := "signed anew with a secret that is none"
	if w.Redact != nil {
		how = "redacted and " + how
	}
	return w.Fixture(&d, fmt.Sprintf("A delivery of source %s, as it came, %s. Say here what it shows.", d.Source, how))
}
