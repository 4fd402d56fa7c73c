package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSecurityTestMode has events of a provider's test mode (S-30). What is live is not
// read in a body, which says whatever its sender says, but decided by whose secret
// signs: with that of the test mode it is refused where the live account is configured.
// What the live account's own secret signs is an event in either mode, and says in which,
// so that nothing vanishes and who wants to can tell.
func TestSecurityTestMode(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	said := map[string]bool{}
	for _, mode := range []string{"false", "true"} {
		body := strings.Replace(stamped("mode-"+mode), `"object":"event"`, `"object":"event","livemode":`+mode, 1)
		byTest := "Stripe-Signature: t=" + stamp + ",v1=" + sha(secretOf("stripe-test-mode"), stamp+"."+body)
		s.refused(t, post("/webhooks/stripe", body, byTest), 401)
		s.refused(t, post("/webhooks/stripe", body, byTest, "Livemode: true", "Stripe-Livemode: true"), 401)
		s.accepted(t, post("/webhooks/stripe", body, stripe(stamp, body)), body)
	}
	s.settled()
	for _, m := range s.all("PAYMENTS") {
		var e struct {
			ID   string
			Data struct {
				Native struct {
					Livemode *bool
				}
			}
		}
		if err := json.Unmarshal(m.Data(), &e); err != nil || e.Data.Native.Livemode == nil {
			t.Fatalf("%v: %s", err, m.Data())
		}
		said[e.ID] = *e.Data.Native.Livemode
	}
	if live, test := said["evt_mode-true"], said["evt_mode-false"]; len(said) != 2 || !live || test {
		t.Errorf("the events say %v", said)
	}
	if dead := s.last("DEADLETTERS"); dead != 0 {
		t.Errorf("%d dead letters", dead)
	}
}
