package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// The steps of a rotation of the seal, as the runbook has them: what seal.keys lists.
const (
	oldSeal  = "{id: k1, value: " + sealSecret + "}"
	newSeal  = "{id: k2, value: canary-secret-the-next-seal-5f1d7c02a9e84b36}"
	addedNew = oldSeal + ", " + newSeal
	newFirst = newSeal + ", " + oldSeal
)

// sealRate is how many webhooks a second come while the seal is rotated.
const sealRate = 500

// TestSecuritySealRotation rotates the seal's key under load, in one process and in
// two that read their files at different moments: nothing is refused, nothing becomes
// a dead letter, and what is stored after the last step names the new key.
func TestSecuritySealRotation(t *testing.T) {
	t.Run("up", func(t *testing.T) {
		t.Parallel()
		s := besiege(t, nil)
		s.rotateSeal(func(text string) { s.takeOver("paybridge.yaml", text) })
	})
	t.Run("ingress and normalizer", func(t *testing.T) {
		t.Parallel()
		s := deploy(t, jetstreamtest.Start(t))
		s.rotateSeal(func(text string) {
			// Whoever is late still knows enough: each step works with the one before.
			s.takeOver("ingress.yaml", text)
			s.takeOver("normalizer.yaml", text)
		})
	})
}

// takeOver writes a configuration file and waits until it has been taken over.
func (s *siege) takeOver(file, text string) {
	s.t.Helper()
	reloads := func() int { return strings.Count(s.errs.String(), `"msg":"configuration reloaded"`) }
	before := reloads()
	s.rewrite(file, text)
	await(s.t, "the configuration is taken over", func() bool { return reloads() > before })
}

// rotateSeal goes through the steps while webhooks come.
func (s *siege) rotateSeal(takeOver func(text string)) {
	text, err := os.ReadFile(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	step := func(keys string) { takeOver(strings.Replace(string(text), oldSeal, keys, 1)) }
	sent, stop := s.pour()
	for _, keys := range []string{addedNew, newFirst} {
		step(keys)
		was := sent.Load()
		await(s.t, "more webhooks", func() bool { return sent.Load() > was+sealRate/4 })
	}
	// The old key goes when nothing that names it is left to normalize.
	await(s.t, "everything so far is normalized", func() bool {
		consumer, err := s.js.Consumer(s.t.Context(), "WEBHOOKS", "normalizer")
		if err != nil {
			s.t.Fatal(err)
		}
		floor := consumer.CachedInfo().AckFloor.Stream
		return floor > 0 && s.sealOf(floor) == "k2"
	})
	step(newSeal)
	was := sent.Load()
	await(s.t, "more webhooks", func() bool { return sent.Load() > was+sealRate/4 })
	total := stop()
	s.settled()
	if s.last("WEBHOOKS") != uint64(total) || s.last("PAYMENTS") != uint64(total) || s.last("DEADLETTERS") != 0 {
		s.t.Errorf("%d sent, %d stored, %d events, %d dead letters", total, s.last("WEBHOOKS"), s.last("PAYMENTS"), s.last("DEADLETTERS"))
	}
	if first, last := s.sealOf(1), s.sealOf(s.last("WEBHOOKS")); first != "k1" || last != "k2" {
		s.t.Errorf("the first is sealed with %s, the last with %s", first, last)
	}
	s.t.Logf("%d webhooks at %d a second: all 200, all stored, all events", total, sealRate)
}

// sealOf is the id of the key that a stored delivery names.
func (s *siege) sealOf(sequence uint64) string {
	s.t.Helper()
	seal := s.message("WEBHOOKS", sequence).Header.Get("Webhook-Seal")
	parts := strings.Split(seal, ";")
	if len(parts) != 3 {
		s.t.Fatalf("sealed with %q", seal)
	}
	return parts[1]
}

// pour sends webhooks at the rate until stop is called, which returns how many came;
// every answer must be a 200.
func (s *siege) pour() (sent *atomic.Int64, stop func() int64) {
	sent = &atomic.Int64{}
	end := make(chan struct{})
	var answers sync.WaitGroup
	answers.Go(func() {
		tick := time.NewTicker(time.Second / sealRate)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
			}
			body := payment(fmt.Sprint("pour-", sent.Add(1)))
			answers.Go(func() {
				if status, err := quickly(s.at.Webhooks, toPIK(body, "Connection: close")); status != 200 {
					s.t.Errorf("answered %d, %v", status, err)
				}
			})
		}
	})
	stop = sync.OnceValue(func() int64 { close(end); answers.Wait(); return sent.Load() })
	s.t.Cleanup(func() { stop() }) // where the test gave up
	return sent, stop
}
