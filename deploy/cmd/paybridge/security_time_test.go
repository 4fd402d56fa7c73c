package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// stripe is Stripe's header for a body dated with a text.
func stripe(stamp, body string) string {
	return "Stripe-Signature: t=" + stamp + ",v1=" + sha(secretOf("stripe"), stamp+"."+body)
}

// stamped writes an event of Stripe with an id of its own.
func stamped(id string) string {
	return `{"id":"evt_` + id + `","object":"event","type":"payment_intent.succeeded","created":1700000000,"data":{"object":{"id":"pi_` + id + `","amount":100,"currency":"usd"}}}`
}

// TestSecurityTimestamps dates what is signed (S-21 to S-25). The clock is the real
// one, so nothing here is nearer to a tolerance than four seconds.
func TestSecurityTimestamps(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	paddle := func(stamp, body string) string {
		return "Paddle-Signature: ts=" + stamp + ";h1=" + sha(secretOf("paddle"), stamp+":"+body)
	}
	for _, row := range []struct {
		source string
		age    time.Duration
		answer int
	}{
		{"stripe", 0, 200},
		{"stripe", 296 * time.Second, 200},
		{"stripe", 304 * time.Second, 401},
		{"stripe", -296 * time.Second, 200},
		{"stripe", -304 * time.Second, 401}, // Stripe's own library takes it
		{"stripe", 24 * time.Hour, 401},
		{"stripe", -24 * time.Hour, 401},
		{"paddle", time.Second, 200},
		{"paddle", 9 * time.Second, 401},
		{"paddle", -time.Second, 200},
		{"paddle", -9 * time.Second, 401},
	} {
		t.Run(fmt.Sprint(row.source, " ", row.age), func(t *testing.T) {
			body := stamped(fmt.Sprint(row.source, row.age))
			stamp := strconv.FormatInt(time.Now().Add(-row.age).Unix(), 10)
			line := stripe(stamp, body)
			if row.source == "paddle" {
				line = paddle(stamp, body)
			}
			if row.answer == 200 {
				s.accepted(t, post("/webhooks/"+row.source, body, line), body)
				return
			}
			s.refused(t, post("/webhooks/"+row.source, body, line), row.answer)
		})
	}
	now := time.Now()
	for _, stamp := range []string{
		"", "-1", "0", "9223372036854775807", "9223372036854775808", "18446744073709551616", strings.Repeat("9", 400), "1e9", "NaN", "Infinity", "0x5f", "0x" + strconv.FormatInt(now.Unix(), 16),
		"+" + strconv.FormatInt(now.Unix(), 10), " " + strconv.FormatInt(now.Unix(), 10), strconv.FormatInt(now.Unix(), 10) + " ", "0" + strconv.FormatInt(now.Unix(), 10) + ".0", strconv.FormatInt(now.Unix(), 10) + ".0",
		strconv.FormatInt(now.Unix(), 8), strconv.FormatInt(now.UnixMilli(), 10), strconv.FormatInt(now.UnixNano(), 10), now.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC1123),
		"１７００００００００", "١٧٠٠٠٠٠٠٠٠", "1_700_000_000", "now", "null", "%30",
	} {
		t.Run("stamp "+stamp[:min(len(stamp), 20)], func(t *testing.T) {
			body := stamped("odd")
			s.refused(t, post("/webhooks/stripe", body, stripe(stamp, body)), 401)
		})
	}
}

// TestSecurityLists has signatures in a list of pairs (S-15 to S-17, S-24).
func TestSecurityLists(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	var (
		body  = stamped("lists")
		now   = time.Now()
		stamp = strconv.FormatInt(now.Unix(), 10)
		stale = strconv.FormatInt(now.Add(-time.Hour).Unix(), 10)
		good  = sha(secretOf("stripe"), stamp+"."+body)
		old   = sha(secretOf("stripe"), stale+"."+body)
		bad   = strings.Repeat("0", 64)
	)
	for _, value := range []string{
		"t=" + stamp, "v1=" + good, "t=" + stamp + ",v1=", "t=" + stamp + ",v1", "t=" + stamp + "," + good, good, ",,,", "=,=,=", "t=,v1=",
		"t=" + stamp + ",v0=" + good, "t=" + stamp + ",v1a=" + good, "t=" + stamp + ",V1=" + good, "t=" + stamp + ",v2=" + good, "t=" + stamp + ",v1 =" + good,
		"t=" + stamp + ",v1=" + bad + ",v0=" + good, "T=" + stamp + ",v1=" + good,
		"t=" + stamp + ",t=" + stale + ",v1=" + good, "t=" + stale + ",t=" + stamp + ",v1=" + good, "t=" + stamp + ",t=" + stamp + ",v1=" + good,
		"t=" + stamp + ",v1=" + old, "t=" + stale + ",v1=" + old, "t=" + stale + ",v1=" + good,
		"t=" + stamp + ";v1=" + good, "t:" + stamp + ",v1:" + good, "t=" + stamp + " v1=" + good, "t=" + stamp + ",v1=sha256=" + good,
		"t=" + stamp + strings.Repeat(",v1="+bad, 16) + ",v1=" + good, // over 16 entries
		"t=" + stamp + ",v1=" + good + strings.Repeat(",v1="+bad, 200),
		"t=" + stamp + ",v1=" + good + strings.Repeat(",", 2000),
	} {
		t.Run(value[:min(len(value), 60)], func(t *testing.T) {
			s.refused(t, post("/webhooks/stripe", body, "Stripe-Signature: "+value), 401)
		})
	}
	// Ten thousand do not even fit into the headers.
	s.refused(t, post("/webhooks/stripe", body, "Stripe-Signature: t="+stamp+strings.Repeat(",v1="+bad, 10_000)), 431)
	s.accepted(t, post("/webhooks/stripe", body, "Stripe-Signature: t="+stamp+",v1="+bad+",v1="+bad+",v1="+good), body)
	s.repeated(t, post("/webhooks/stripe", body, "Stripe-Signature: t="+stamp+",v1="+good+",v0="+bad))
	s.repeated(t, post("/webhooks/stripe", body, "stripe-signature: v1="+good+",t="+stamp))
	s.repeated(t, post("/webhooks/stripe", body, "STRIPE-SIGNATURE: t="+stamp+",v1="+good))
}

// TestSecurityUnits has milliseconds where the provider dates in them, of any age,
// because it says nothing of one; the date is signed all the same (S-25).
func TestSecurityUnits(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	body := stamped("units")
	line := func(stamp, signed string) string {
		return "Transfeera-Signature: t=" + stamp + ",v1=" + sha(secretOf("transfeera"), signed+"."+body)
	}
	now := strconv.FormatInt(time.Now().UnixMilli(), 10)
	s.refused(t, post("/webhooks/transfeera", body, line(now+"0", now)), 401)
	s.refused(t, post("/webhooks/transfeera", body, line("x", "x")), 401)
	s.refused(t, post("/webhooks/transfeera", body, line("-1", "-1")), 401)
	s.refused(t, post("/webhooks/transfeera", body, line("", "")), 401)
	s.accepted(t, post("/webhooks/transfeera", body, line(now, now)), body)
	s.repeated(t, post("/webhooks/transfeera", body, line("1600000000000", "1600000000000")))
}

// TestSecurityReplays repeats an accepted request: many times at once, and with what
// no signature covers changed (S-26, S-27).
func TestSecurityReplays(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	body := payment("replay")
	s.accepted(t, toPIK(body), body)
	before := s.last("WEBHOOKS")
	request := toPIK(body)
	answers := make(chan int, 200)
	for range 8 {
		go func() {
			for range cap(answers) / 8 {
				status, err := quickly(s.at.Webhooks, request)
				if err != nil {
					status = -1
				}
				answers <- status
			}
		}()
	}
	for range cap(answers) {
		if status := <-answers; status != 200 {
			t.Errorf("answered %d", status)
		}
	}
	if after := s.last("WEBHOOKS"); after != before {
		t.Errorf("%d stored again", after-before)
	}
	for _, line := range []string{"X-Request-Id: other", "X-GitHub-Delivery: other", "Webhook-Id: other", "Idempotency-Key: other", "Nats-Msg-Id: other", "Date: Thu, 01 Jan 1970 00:00:00 GMT"} {
		s.repeated(t, toPIK(body, line))
	}
	s.repeated(t, post("/webhooks/pik?other=1", body, pik(body)))
	hub := func(id string) string {
		return post("/webhooks/github", body, "X-Hub-Signature-256: sha256="+sha(secretOf("github"), body), "X-GitHub-Event: push", "X-GitHub-Delivery: "+id)
	}
	s.accepted(t, hub("1"), body)
	s.repeated(t, hub("2"))
	s.settled()
	if events := s.last("PAYMENTS"); events != 2 {
		t.Errorf("%d events of two deliveries", events)
	}
}
