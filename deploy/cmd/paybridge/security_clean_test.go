package main

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/nats-io/nats.go"
)

// Personal data and card numbers that the attacks plant in bodies, headers, paths
// and queries. Outside the bodies that are stored they may be nowhere.
const (
	canaryCPF   = "529.982.247-25"
	canaryPAN   = "4111111111111111"
	canaryToken = "canary-token-c0ffee42"
	canaryText  = "canary-text-beefcafe"
	canaryMail  = "canary@maria.example"
)

// canaries are all texts that must not leak, and the common start of all secrets.
var canaries = []string{canaryCPF, "52998224725", canaryPAN, canaryToken, canaryText, canaryMail, "canary-secret-", "5f1d7c02a9e84b36"}

// checkLeak fails where a text that leaves the bridge holds a canary.
func (s *siege) checkLeak(where, text string) {
	s.t.Helper()
	for _, canary := range canaries {
		if at := strings.Index(text, canary); at >= 0 {
			s.t.Errorf("%s holds %q: %.300q", where, canary, text[max(0, at-100):])
		}
	}
}

// storedHeaders are the only names that a stored message may have.
var storedHeaders = map[string]*regexp.Regexp{
	"WEBHOOKS":    regexp.MustCompile(`^(Nats-Msg-Id|Nats-Expected-Stream|Nats-Batch-(?:Id|Sequence|Commit)|Webhook-(Source|Provider|Endpoint|Received-At|Request-Id|Scheme|Key-Id|Traceparent|Query|Seal)|Webhook-Header-[A-Z][A-Za-z0-9_-]*)$`),
	"PAYMENTS":    regexp.MustCompile(`^(Nats-Msg-Id|Nats-Expected-Stream|Nats-Batch-(?:Id|Sequence|Commit)|Content-Type)$`),
	"DEADLETTERS": regexp.MustCompile(`^(Nats-Msg-Id|Nats-Expected-Stream|Deadletter-(Reason|Source|Stream-Sequence|Deliveries|Normalizer-Version|Pointer)|Webhook-(Source|Provider|Endpoint|Received-At|Request-Id|Scheme|Key-Id|Traceparent|Query|Seal)|Webhook-Header-[A-Z][A-Za-z0-9_-]*)$`),
}

// checkClean is what must hold after every attack: the process lives and is ready,
// nothing was published but on the subjects of the contract, under its headers and
// for sources that are configured, and no canary is in a log, a metric, a header or
// an answer.
func (s *siege) checkClean() {
	s.t.Helper()
	s.settled()
	if ready := s.fetch("/readyz"); !s.full && strings.Count(ready, `"ok"`) != 3 {
		s.t.Errorf("not ready afterwards: %s", ready)
	}
	for _, subject := range s.heard.all() {
		s.checkSubject(subject)
	}
	for stream, named := range storedHeaders {
		for _, m := range s.all(stream) {
			if !strings.HasPrefix(m.Subject(), strings.ToLower(stream)+".") {
				s.t.Errorf("%s holds %q", stream, m.Subject())
			}
			s.checkSubject(m.Subject())
			s.checkHeaders(stream, named, m.Headers())
		}
	}
	s.checkLeak("/metrics", s.fetch("/metrics"))
	s.checkLeak("stdout", s.out.String())
	s.checkLog()
}

// checkSubject checks that a subject is the contract's and of a configured source.
func (s *siege) checkSubject(subject string) {
	s.t.Helper()
	for _, form := range siegeStreams {
		if found := form.FindStringSubmatch(subject); found != nil {
			if found[1] != secondPIK && found[1] != s.extra && s.library.Files(found[1]) == nil {
				s.t.Errorf("%q is of no source", subject)
			}
			return
		}
	}
	s.t.Errorf("stray subject %.200q", subject)
}

// checkHeaders checks a stored message's headers.
func (s *siege) checkHeaders(stream string, named *regexp.Regexp, headers nats.Header) {
	s.t.Helper()
	for name, values := range headers {
		if !named.MatchString(name) {
			s.t.Errorf("%s: stored header %.100q", stream, name)
		}
		for _, value := range values {
			if strings.ContainsAny(value, "\r\n\x00") {
				s.t.Errorf("%s: %s is %.200q", stream, name, value)
			}
			if stream != "PAYMENTS" || name != nats.MsgIdHdr { // the id of an event is its provider's
				s.checkLeak(stream+" "+name, value)
			}
		}
	}
}

// longestLine bounds a line of the log; a stack of a panic would be longer.
const longestLine = 1024

// checkLog checks that every line is one short JSON object without a canary.
func (s *siege) checkLog() {
	s.t.Helper()
	for line := range strings.Lines(s.errs.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil || len(line) > longestLine {
			s.t.Errorf("log line of %d bytes, %v: %.300q", len(line), err, line)
		}
		if strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\x1b\r\x00") {
			s.t.Errorf("log line with control characters: %.300q", line)
		}
		if _, panicked := fields["panic"]; panicked || fields["msg"] == "panic" {
			s.t.Errorf("a panic: %.1000s", line)
		}
		s.checkLeak("the log", line)
	}
}
