package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// pikWebhook is what a hand-written mapper reads of PIK's webhook.
type pikWebhook struct {
	Event     string `json:"event"`
	ID        string `json:"id"`
	CreatedAt string `json:"created_at"`
	Data      struct {
		TransactionID string `json:"transaction_id"`
		PaymentLinkID string `json:"payment_link_id"`
		Amount        string `json:"amount"`
		Currency      string `json:"currency"`
		Status        string `json:"status"`
		ConfirmedAt   string `json:"confirmed_at"`
	} `json:"data"`
}

// mapByHand is the mapper that one provider's webhook is given in an afternoon:
// encoding/json into a struct, an event written field by field, an id that the bus
// drops duplicates by. It checks no seal, keeps no order and buries nothing.
func mapByHand(m jetstream.Msg) (*nats.Msg, error) {
	var in pikWebhook
	if err := json.Unmarshal(m.Data(), &in); err != nil {
		return nil, err
	}
	state := "unknown"
	switch in.Event {
	case "payment.confirmed", "payment.settled", "payment.failed", "payment.expired":
		state = in.Data.Status
	}
	quote := strconv.Quote
	event := make([]byte, 0, len(m.Data())+1024)
	event = fmt.Appendf(event, `{"specversion":"1.0","id":%s,"source":"urn:by-hand:pik","type":%s,"subject":%s,"time":%s,"datacontenttype":"application/json",`,
		quote(in.ID), quote("global.pik."+in.Event), quote(in.Data.TransactionID), quote(in.CreatedAt))
	event = fmt.Appendf(event, `"data":{"payment":{"kind":"payin","direction":"in","state":%s,"id":%s,"reference":%s,"amount":{"value":%s,"currency":%s},"occurred_at":%s},"native":`,
		quote(state), quote(in.Data.TransactionID), quote(in.Data.PaymentLinkID), quote(in.Data.Amount), quote(in.Data.Currency), quote(in.Data.ConfirmedAt))
	event = append(append(event, m.Data()...), "}}"...)
	return &nats.Msg{
		Subject: copySubject, Data: event,
		Header: nats.Header{nats.MsgIdHdr: {"pik/" + in.ID}, "Content-Type": {"application/cloudevents+json"}},
	}, nil
}
