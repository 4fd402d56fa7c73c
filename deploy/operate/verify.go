package operate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/ingress"
	"paybridge/ingress/auth"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// Verify re-checks stored deliveries: the seal, and the provider's signature at the
// delivery's own received-at, with the secrets of today's configuration. Old ones
// have to be in it for as long as what they signed is to verify.
type Verify struct {
	Seals   delivery.Keys
	Sources []ingress.Source

	Progress func(done, total int) // called for each delivery; may be nil
}

// Verified sums up a range of deliveries.
type Verified struct {
	Deliveries int            `json:"deliveries"`
	Signed     int            `json:"signed"`      // seal and signature are right
	SealedOnly int            `json:"sealed_only"` // the seal is right; a token is not stored, so it cannot be re-checked
	Failed     map[string]int `json:"failed"`      // problem → how many
}

// Unverified is one delivery that does not verify.
type Unverified struct {
	Sequence uint64 `json:"sequence"`
	Source   string `json:"source"` // as its subject says
	Problem  string `json:"problem"`
	Do       string `json:"do,omitempty"`
}

// sealAge is how far received-at and stream time may be apart: a sealed message
// copied in later is no delivery.
const sealAge = 10 * time.Minute

// Run verifies a range and reports each delivery that fails. It reads only.
func (v Verify) Run(ctx context.Context, js natsjs.JetStream, r Range, report func(Unverified)) (Verified, error) {
	sum := Verified{Failed: map[string]int{}}
	progress := v.Progress
	if progress == nil {
		progress = func(int, int) {}
	}
	err := Walk(ctx, js, jetstream.Webhooks, r, counting(func(m *natsjs.RawStreamMsg) error {
		sum.Deliveries++
		resealable, failure := v.one(m)
		switch {
		case failure != nil:
			sum.Failed[failure.Problem]++
			failure.Sequence, failure.Source = m.Sequence, sourceToken(m.Subject)
			report(*failure)
		case resealable:
			sum.Signed++
		default:
			sum.SealedOnly++
		}
		return nil
	}, progress))
	return sum, err
}

// one verifies one delivery, in the order in which a normalizer trusts it. signed
// says that the signature was re-checked too.
func (v Verify) one(m *natsjs.RawStreamMsg) (signed bool, _ *Unverified) {
	if err := v.Seals.Open(m.Subject, m.Header, m.Data); err != nil {
		do := "no ingress with these seal keys wrote it: find out who may publish to webhooks.>"
		var seal *delivery.SealError
		if errors.As(err, &seal) && seal.Problem == delivery.SealUnknownKey {
			do = "add the key that it names to seal.keys, after the first"
		}
		return false, &Unverified{Problem: err.Error(), Do: do}
	}
	d, err := delivery.Decode(m.Subject, m.Header, m.Data)
	if err != nil {
		return false, &Unverified{Problem: err.Error()}
	}
	if apart := m.Time.Sub(d.ReceivedAt).Abs(); apart > sealAge {
		return false, &Unverified{Problem: "received-at and stream time are more than 10m apart", Do: "a delivery was copied in, or a clock was wrong"}
	}
	if d.Scheme != string(provider.HMAC) {
		return false, nil
	}
	verifier, url, ok := v.verifier(d)
	if !ok {
		return false, &Unverified{Problem: "its source or endpoint is not in the configuration", Do: "verify with the configuration that it was received with"}
	}
	result, err := verifier.Verify(auth.Request{
		Method: http.MethodPost, URL: url, Query: d.Query, Header: http.Header(d.Header), Body: d.Body, ReceivedAt: d.SignedAt(),
	})
	if err != nil {
		return false, &Unverified{Problem: err.Error(), Do: fmt.Sprintf("it was signed with secret %q: has that one been taken out of the configuration?", d.KeyID)}
	}
	d.SignedID = result.SignedID
	if d.MessageID() != m.Header.Get(delivery.MessageIDHeader) {
		return false, &Unverified{Problem: "its message id is not that of its content"}
	}
	return true, nil
}

// verifier finds who verifies a delivery, and how its provider knows the URL.
func (v Verify) verifier(d delivery.Delivery) (_ ingress.Verifier, url string, ok bool) {
	for _, s := range v.Sources {
		if s.Name != d.Source {
			continue
		}
		for _, e := range s.Endpoints {
			if e.Name == d.Endpoint || e.Name == "" && d.Endpoint == delivery.DefaultEndpoint {
				return e.Verifier, e.URL, true
			}
		}
	}
	return nil, "", false
}
