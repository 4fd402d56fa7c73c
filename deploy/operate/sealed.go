package operate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
)

// Sealed is what a backup notes of one key of the seal, so that a restore can tell, before
// it touches anything, whether the keys of the bridge that it is for open what comes back.
// The keys themselves are in no backup.
type Sealed struct {
	Key        string         `json:"key"` // id, as the deliveries name it
	Deliveries uint64         `json:"deliveries"`
	First      SealedDelivery `json:"first"`
	Last       SealedDelivery `json:"last"`
}

// SealedDelivery is what a seal is checked with, without the body.
type SealedDelivery struct {
	Sequence uint64              `json:"sequence"`
	Subject  string              `json:"subject"`
	Header   map[string][][]byte `json:"header"` // bytes: a value need not be UTF-8
	SHA256   string              `json:"sha256"` // of the body, in hex
}

// mostSealKeys bounds what is noted: who writes to WEBHOOKS without a key can name any.
const mostSealKeys = 64

// noteSeal notes the key that a delivery names, and the delivery if it is the first or the
// last with that key.
func (c *Contents) noteSeal(m *natsjs.RawStreamMsg) {
	id := delivery.SealedBy(m.Header)
	i := slices.IndexFunc(c.Seals, func(s Sealed) bool { return s.Key == id })
	if id == "" || i < 0 && len(c.Seals) == mostSealKeys {
		return
	}
	body := sha256.Sum256(m.Data)
	d := SealedDelivery{Sequence: m.Sequence, Subject: m.Subject, Header: map[string][][]byte{}, SHA256: hex.EncodeToString(body[:])}
	for name, values := range storedHeader(m) {
		for _, value := range values {
			d.Header[name] = append(d.Header[name], []byte(value))
		}
	}
	if i < 0 {
		i, c.Seals = len(c.Seals), append(c.Seals, Sealed{Key: id, First: d})
	}
	c.Seals[i].Deliveries++
	c.Seals[i].Last = d
}

// opens says that one of the keys sealed this delivery.
func (d SealedDelivery) opens(keys delivery.Keys) bool {
	header := nats.Header{}
	for name, values := range d.Header {
		for _, value := range values {
			header[name] = append(header[name], string(value))
		}
	}
	digest, err := hex.DecodeString(d.SHA256)
	return err == nil && len(digest) == sha256.Size && keys.OpenDigest(d.Subject, header, [sha256.Size]byte(digest)) == nil
}

// openable refuses to restore WEBHOOKS where nobody could open what is in it: each delivery
// that waits would become a dead letter. Of each key the first and the last delivery are
// tried, because one of them may be forged.
func (r *Restore) openable(steps []RestoreStep) error {
	if r.AnySeal || !slices.ContainsFunc(steps, func(s RestoreStep) bool { return s.Name == jetstream.Webhooks }) {
		return nil
	}
	webhooks, _ := r.backedUp(jetstream.Webhooks)
	for _, s := range webhooks.Seals {
		if !s.First.opens(r.Seals) && !s.Last.opens(r.Seals) {
			return advise(fmt.Errorf("restore: %d deliveries of WEBHOOKS, %d to %d, name the seal key %s, and no seal key here opens them", s.Deliveries, s.First.Sequence, s.Last.Sequence, s.Key),
				"no backup holds keys: list that key under seal.keys (up: put the old DATA/secrets into its data folder before it starts), and run this again; "+
					"to do without, where what waits becomes dead letters, say --without-seal-keys")
		}
	}
	return nil
}
