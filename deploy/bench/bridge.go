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
)

// runBridge is the obvious hand-written bridge: what a careful engineer writes in
// an afternoon. It has no message id, no seal, no limits but the body's, no
// metrics and no log.
func runBridge(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bridge", flag.ContinueOnError)
	url := flags.String("nats", "", "NATS URL")
	listen := flags.String("listen", "", "address to listen on")
	secret := flags.String("secret", "", "HMAC secret")
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
	server := &http.Server{Addr: *listen, Handler: bridge(js, []byte(*secret))}
	stopped := context.AfterFunc(ctx, func() { server.Close() })
	defer stopped()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}

func bridge(js jetstream.JetStream, secret []byte) http.HandlerFunc {
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
		future, err := js.PublishMsgAsync(&nats.Msg{Subject: bridgeSubject, Data: body}, jetstream.WithStallWait(10*time.Second))
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
