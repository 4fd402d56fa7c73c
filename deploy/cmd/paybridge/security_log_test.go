package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecurityCanaries plants secrets, tokens and personal data wherever a request
// has room, on every path that a request can take (S-91 to S-93). That none of it
// leaves but with the body is looked for at the end: see checkClean.
func TestSecurityCanaries(t *testing.T) {
	t.Parallel()
	packs := t.TempDir()
	writePack(t, packs, "doorbell", "name: doorbell\ntitle: Doorbell\ndocs: [https://example.com]\nconfidence: unconfirmed\n"+
		"auth:\n  scheme: token\n  token: {query: token}\nevents:\n  type_prefix: com.example\n  version: \"1\"\n  body: json\n  type: item.event\n  id: item.id\n")
	s := besiege(t, func(text string) string {
		return "providers_dir: " + packs + "\n" + text + "  - name: doorbell\n    provider: doorbell\n    secrets: [{id: current, value: " + canaryToken + "}]\n"
	})
	s.extra = "doorbell"
	lines := []string{
		"User-Agent: " + canaryText + " ${jndi:ldap://x/" + canaryText + "} %s%n", "Authorization: Bearer " + canaryToken, "Cookie: session=" + canaryToken, "X-Request-Id: " + canaryCPF,
		"Referer: https://example.com/?card=" + canaryPAN, "X-Forwarded-For: " + canaryText, "Nats-Msg-Id: " + canaryText, "traceparent: 00-" + canaryText, "X-GitHub-Event: x", "From: " + canaryMail,
		"Asaas-Access-Token: " + canaryToken, "X-Api-Key: " + canaryToken, "Content-Type: text/" + canaryText, "Stripe-Signature: " + canaryToken,
	}
	full := strings.Replace(payment("canaries"), `"status":"confirmed"`, `"status":"`+canaryText+`","amount_text":"`+canaryPAN+`","customer":{"name":"`+canaryText+`","document":"`+canaryCPF+`","email":"`+canaryMail+`"},"token":"`+canaryToken+`"`, 1)
	query := "?token=" + canaryToken + "&hmac=" + canaryToken + "&cpf=" + canaryCPF + "&x=" + canaryText
	// Every path that ends without a delivery.
	for _, row := range []struct {
		request string
		status  int
	}{
		{post("/webhooks/"+canaryText+"/"+canaryCPF+"/%0d%0a%1b"+query, full, lines...), 404},
		{post("/"+canaryPAN, full, lines...), 404},
		{strings.Replace(post("/webhooks/pik"+query, full, lines...), "POST", "PUT", 1), 405},
		{strings.Replace(post("/webhooks/pik"+query, full, lines...), "POST", "canary-text-beefcafe", 1), 405},
		{post("/webhooks/pik"+query, full, append(lines, "Content-Encoding: "+canaryText)...), 415},
		{post("/webhooks/pik"+query, full+strings.Repeat(" ", largestBody), lines...), 413},
		{post("/webhooks/pik"+query, "", lines...), 400},
		{post("/webhooks/pik"+query, full, lines...), 401},
		{post("/webhooks/pik"+query, full, append(lines, "PIK-Signature: "+canaryToken)...), 401},
		{post("/webhooks/picpay"+query, full, lines...), 401},
		{post("/webhooks/asaas"+query, full, lines...), 401},
		{post("/webhooks/doorbell?token="+canaryToken+"x", full, lines...), 401},
		{post("/webhooks/doorbell?token="+canaryToken+"&token="+canaryToken, full, lines...), 401},
		{post("/webhooks/pik"+query, full, append(lines, canaryText)...), 400},
		{post("/webhooks/pik"+query, full, append(lines, "X-"+canaryText+" : "+canaryCPF)...), 400},
		{post("/webhooks/pik"+query, full, append(lines, "X-A: "+canaryText+"\x00")...), 400},
		{post("/webhooks/pik"+query, full, append(lines, "X-A: \x1b[31m"+canaryText)...), 400},
		{post("/webhooks/pik", full, append(lines, "Content-Length: "+canaryPAN)...), 400},
		{with("POST /webhooks/pik"+query+" HTTP/1.1", pik(full), "Transfer-Encoding: chunked") + canaryText + "\r\n", 400},
		{post("/webhooks/pik"+query, full, append(lines, "X-A: "+strings.Repeat(canaryText, 1000))...), 431},
		{post("/webhooks/ "+canaryText, full, lines...), 400},
	} {
		got := s.refused(t, row.request, row.status)
		s.checkLeak("an answer", got.body+fmt.Sprint(got.header))
	}
	// And those that end with one: as an event, as dead letters of several reasons.
	s.accepted(t, post("/webhooks/pik"+query, full, append(lines, pik(full))...), full)
	for _, body := range []string{
		canaryText, `"` + canaryCPF, `{"document":"` + canaryCPF + `","x":` + canaryPAN + `,}`, `{"a":"` + canaryToken + `","a":"` + canaryMail + `"}`, "\xff" + canaryCPF, `["` + canaryPAN + `"]`, `{"data":{"document":"` + canaryCPF + `"}}`,
		strings.Repeat("[", 100) + canaryPAN, `{"event":{"x":"` + canaryCPF + `"}}`, `{"event":["` + canaryCPF + `"],"id":"x"}`, `{"event":"canaries","id":["` + canaryPAN + `"]}`, `{"event":"payment.confirmed","id":"evt_amount","data":{"transaction_id":"t","amount":"` + canaryText + `","currency":"` + canaryText + `"}}`,
		`{"event":"payment.confirmed","id":"evt_time","created_at":"` + canaryText + `","data":"` + canaryCPF + `"}`, strings.Replace(full, `"event":`, `"x":"y","event":`, 1), // the last has a stored event's id
	} {
		s.accepted(t, post("/webhooks/pik"+query, body, append(lines, pik(body))...), body)
	}
	token := strings.Replace(full, "canaries", "token", 1)
	kept := []string{"Event-Type: canaries"}
	s.accepted(t, post("/webhooks/picpay"+query, token, append(kept, "Authorization: "+secretOf("picpay"))...), token)
	m := s.accepted(t, post("/webhooks/doorbell?token="+canaryToken, token), token)
	if m.Header.Get("Webhook-Key-Id") != "current" || m.Header.Get("Webhook-Query") != "" {
		t.Errorf("stored %v", m.Header)
	}
	s.settled()
	if dead := s.last("DEADLETTERS"); dead < 8 {
		t.Errorf("only %d dead letters", dead)
	}
	if log := s.errs.String(); strings.Count(log, "webhook refused") < 20 || strings.Count(log, "webhook stored") < 16 {
		t.Errorf("not one line for each:\n%s", log)
	}
}

// writePack writes a pack of one file.
func writePack(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name, "provider.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSecurityCardinality sends thousands of requests that differ wherever a careless
// label would be taken from (S-94): no metric gets a series more.
func TestSecurityCardinality(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	attack := func(from, n int) {
		requests := make([]string, n)
		for at := range requests {
			i := from + at
			requests[at] = [...]string{
				post(fmt.Sprintf("/webhooks/source-%d", i), ""),
				post(fmt.Sprintf("/webhooks/pixorder/endpoint-%d", i), ""),
				strings.Replace(post("/webhooks/pik", ""), "POST", fmt.Sprintf("METHOD%d", i), 1),
				post("/webhooks/pik", "x", fmt.Sprintf("PIK-Signature: %d", i)),
				toPIK(fmt.Sprintf(`{"event":"type-%d","id":"evt_%d","data":{"status":"s%d","currency":"C%d"}}`, i, i, i, i)),
				post("/webhooks/pik", "x", fmt.Sprintf("Content-Encoding: c%d", i)),
			}[i%6]
		}
		s.volley(requests)
		s.settled()
	}
	series := func() int {
		n := 0
		for line := range strings.Lines(s.fetch("/metrics")) {
			if strings.HasPrefix(line, "paybridge_") {
				n++
			}
		}
		return n
	}
	attack(0, 36) // brings every series into being that these requests are for
	before := series()
	attack(36, 1200)
	if after := series(); after != before || before == 0 {
		t.Errorf("%d series became %d:\n%s", before, after, s.fetch("/metrics"))
	}
}
