package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"io"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	topology "paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
)

// runBridge is the obvious hand-written bridge: what a careful engineer writes in
// an afternoon. It has no message id, no seal, no limits but the body's, no
// metrics and no log. With -contract it stores what the ingress does, which says how much
// of a difference is the server's.
func runBridge(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bridge", flag.ContinueOnError)
	url := flags.String("nats", "", "NATS URL")
	listen := flags.String("listen", "", "address to listen on")
	secret := flags.String("secret", "", "HMAC secret")
	contract := flags.Bool("contract", false, "store in WEBHOOKS what the ingress would, so that the server has the same work")
	if err := flags.Parse(args); err != nil {
		return err
	}
	conn, err := nats.Connect(*url)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		return err
	}
	store := bodyAlone
	if *contract {
		store = likeIngress
	}
	server := &http.Server{Addr: *listen, Handler: bridge(js, []byte(*secret), store)}
	stopped := context.AfterFunc(ctx, func() { server.Close() })
	defer stopped()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// bodyAlone is the least that can be stored of a webhook.
func bodyAlone(body []byte, _ string) *nats.Msg { return &nats.Msg{Subject: bridgeSubject, Data: body} }

// likeIngress is what the ingress stores of the same webhook, where it stores it: an id that
// the server keeps for two hours, and as many headers of the same length. Its seal
// opens nothing.
func likeIngress(body []byte, signature string) *nats.Msg {
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000000000Z")
	return &nats.Msg{Subject: delivery.Subject("pik", delivery.DefaultEndpoint), Data: body, Header: nats.Header{
		delivery.MessageIDHeader:       {signature[:22]},
		jetstream.ExpectedStreamHeader: {topology.Webhooks},
		delivery.SourceHeader:          {"pik"},
		delivery.ProviderHeader:        {"pik"},
		delivery.EndpointHeader:        {delivery.DefaultEndpoint},
		delivery.ReceivedAtHeader:      {now},
		delivery.RequestIDHeader:       {signature[:26]},
		delivery.SchemeHeader:          {"hmac"},
		delivery.KeyIDHeader:           {"bench"},
		delivery.SealHeader:            {"v1;k1;" + signature[:43]},
		"Webhook-Header-Pik-Signature": {signature},
	}}
}

func bridge(js jetstream.JetStream, secret []byte, store func(body []byte, signature string) *nats.Msg) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 960<<10))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		given, err := hex.DecodeString(r.Header.Get("PIK-Signature"))
		if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		future, err := js.PublishMsgAsync(store(body, r.Header.Get("PIK-Signature")), jetstream.WithStallWait(10*time.Second))
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		select {
		case <-future.Ok():
		case <-future.Err():
			w.WriteHeader(http.StatusServiceUnavailable)
		case <-r.Context().Done():
		}
	}
}
