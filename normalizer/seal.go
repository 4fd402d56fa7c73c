package normalizer

import (
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
)

// sealAge is how far the moment at which an ingress received a delivery and the
// moment at which the stream stored it may be apart, either way. Beyond it somebody
// copied a sealed message into the stream.
const sealAge = 10 * time.Minute

// openSeals is the middleware behind which a delivery is known to come from an
// ingress, just before it was stored. Nothing of it is read before that.
func (n *Normalizer) openSeals(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		r := inHand(m)
		d, dead := open(n.inForce.Load().seals, r)
		if dead != nil {
			return nil, dead
		}
		r.delivery = d
		return next(m)
	}
}

// open is the delivery in a raw message, or why it is not taken for one.
func open(keys delivery.Keys, r *raw) (delivery.Delivery, *mapping.Dead) {
	subject, header, data := r.msg.Subject, r.msg.Header, r.msg.Data
	d, err := keys.Read(subject, header, data)
	var sealed *delivery.SealError
	switch {
	case errors.As(err, &sealed):
		return delivery.Delivery{}, &mapping.Dead{Reason: delivery.Unsealed, Problem: err.Error()}
	case err != nil:
		return delivery.Delivery{}, &mapping.Dead{Reason: delivery.MappingFailed, Problem: err.Error()}
	}
	if apart := r.stored.Sub(d.ReceivedAt).Abs(); apart > sealAge {
		return delivery.Delivery{}, &mapping.Dead{
			Reason:  delivery.Unsealed,
			Problem: fmt.Sprintf("received and stored %s apart, more than %s: a copy", apart.Round(time.Second), sealAge),
		}
	}
	return d, nil
}
