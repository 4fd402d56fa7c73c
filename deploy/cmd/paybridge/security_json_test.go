package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	natsjs "github.com/nats-io/nats.go/jetstream"
)

// volley sends requests over a few connections, for as long as these stay open, and
// returns the status of each; 0 where there was none. What is not stored is sent again.
func (s *siege) volley(requests []string) []int {
	statuses := make([]int, len(requests))
	next := make(chan int)
	var senders sync.WaitGroup
	for range 6 {
		senders.Go(func() {
			var c net.Conn
			var in *bufio.Reader
			send := func(request string) reply {
				if c == nil {
					c = s.dial()
					in = bufio.NewReader(c)
				}
				_ = c.SetDeadline(time.Now().Add(siegePatience)) // of this request; it fails for a closed connection only
				_, _ = io.WriteString(c, request)                // an answer may be there all the same
				got, err := readReply(in, "POST")
				if err != nil || got.closed {
					c.Close()
					c = nil
				}
				return got
			}
			for i := range next {
				statuses[i] = persist(func() reply { return send(requests[i]) }).status
			}
			if c != nil {
				c.Close()
			}
		})
	}
	for i := range requests {
		next <- i
	}
	close(next)
	senders.Wait()
	return statuses
}

// fate is what became of one stored delivery.
type fate struct {
	body   []byte
	events []natsjs.Msg
	dead   []natsjs.Msg
}

// fates follows every stored delivery to its events and dead letters. Each dead
// letter is the whole delivery, byte for byte. It is keyed by source and body.
func (s *siege) fates(t *testing.T) map[string]*fate {
	t.Helper()
	s.settled()
	bySequence := make(map[uint64]*fate)
	byBody := make(map[string]*fate)
	for i, m := range s.all("WEBHOOKS") {
		f := &fate{body: m.Data()}
		key := m.Headers().Get("Webhook-Source") + " " + string(m.Data())
		if byBody[key] != nil {
			t.Errorf("stored twice: %.100q", m.Data())
		}
		bySequence[uint64(i+1)], byBody[key] = f, f
	}
	for _, m := range s.all("PAYMENTS") {
		var e struct {
			Sequence string `json:"sequence"`
		}
		if err := json.Unmarshal(m.Data(), &e); err != nil || len(e.Sequence) != len("00000000000000000042.0000") {
			t.Fatalf("an event that is none, of sequence %.100q: %v", e.Sequence, err)
		}
		f := bySequence[number(t, e.Sequence[:20])]
		f.events = append(f.events, m)
	}
	for _, m := range s.all("DEADLETTERS") {
		f := bySequence[number(t, m.Headers().Get("Deadletter-Stream-Sequence"))]
		f.dead = append(f.dead, m)
		if !bytes.Equal(m.Data(), f.body) {
			t.Errorf("the dead letter of %.100q holds %.100q", f.body, m.Data())
		}
		if reason := m.Headers().Get("Deadletter-Reason"); !strings.HasSuffix(m.Subject(), "."+reason) {
			t.Errorf("%s says %q", m.Subject(), reason)
		}
	}
	return byBody
}

func number(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSecurityHostileBodies sends several hundred authentic bodies that nobody wants
// (S-42, S-43, S-66 to S-79): each gets its 200, is stored byte for byte, and becomes
// an event that holds it verbatim, or a dead letter. What a second JSON parser
// refuses never becomes an event.
func TestSecurityHostileBodies(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	bodies := hostileBodies()
	requests := make([]string, len(bodies))
	for i, h := range bodies {
		requests[i] = toPIK(h.body)
	}
	for i, status := range s.volley(requests) {
		if status != 200 {
			t.Errorf("%s: answered %d", bodies[i].name, status)
		}
	}
	found := s.fates(t)
	if len(found) != len(bodies) || len(bodies) < 1000 {
		t.Errorf("%d sent, %d stored", len(bodies), len(found))
	}
	events := 0
	for _, h := range bodies {
		f := found["pik "+h.body]
		if f == nil {
			t.Errorf("%s: not stored byte for byte", h.name)
			continue
		}
		events += len(f.events)
		f.check(t, h)
	}
	log := s.errs.String()
	for _, value := range append(naughtyTexts(), "evt_naughty", "txn_broken", "payment.confirmed") {
		if len(value) >= 10 && strings.Contains(log, value) {
			t.Errorf("the log holds %.100q", value)
		}
	}
	if events < 300 || events > len(bodies)-300 {
		t.Errorf("%d of %d became events: the bodies are not what they are meant to be", events, len(bodies))
	}
}

// beyond are the shapes that are over a limit, and the reason that says so.
var beyond = map[string]string{
	"depth 65": "too_deep", "depth 1,000": "too_deep", "100,000 lists": "too_deep", "480,000 lists": "too_deep", "100,000 objects": "too_deep",
	"480,000 values": "too_large", "300,000 objects": "too_large", "a key of 1,025": "too_large", "a key of 900 KB": "too_large",
}

// check compares what became of a body with what others say of it.
func (f *fate) check(t *testing.T, h hostile) {
	t.Helper()
	if len(f.events)+len(f.dead) != 1 {
		t.Errorf("%s: %d events, %d dead letters", h.name, len(f.events), len(f.dead))
		return
	}
	if reason := beyond[h.name]; reason != "" && (len(f.dead) != 1 || f.dead[0].Headers().Get("Deadletter-Reason") != reason) {
		t.Errorf("%s: is not dead because %s", h.name, reason)
	}
	broken := !json.Valid([]byte(h.body)) || !utf8.ValidString(h.body) || strings.HasPrefix(h.name, "broken ")
	if len(f.dead) == 1 {
		switch reason := f.dead[0].Headers().Get("Deadletter-Reason"); {
		case broken && reason != "malformed_json" && reason != "too_deep" && reason != "too_large":
			t.Errorf("%s: is not JSON, and dead because %s", h.name, reason)
		case !broken && strings.HasPrefix(h.name, "naughty ") && !strings.HasSuffix(h.name, "bare") && reason != "mapping_failed" && reason != "id_conflict":
			t.Errorf("%s: dead because %s", h.name, reason)
		}
		return
	}
	if broken {
		t.Errorf("%s: became an event: %.200q", h.name, h.body)
		return
	}
	m := f.events[0]
	if !bytes.Contains(m.Data(), bytes.Trim(f.body, " \t\r\n")) {
		t.Errorf("%s: its event does not hold it verbatim: %.300q", h.name, m.Data())
	}
	var native struct {
		Event json.RawMessage `json:"event"`
	}
	var kind string
	if json.Unmarshal(f.body, &native) != nil || !bytes.HasPrefix(native.Event, []byte(`"`)) || json.Unmarshal(native.Event, &kind) != nil {
		return // a type that is no text
	}
	if strings.Contains(strings.ToUpper(h.body), `"EVENT"`) && strings.Count(strings.ToUpper(h.body), `"EVENT"`) > 1 {
		return // encoding/json takes the last of any spelling
	}
	want := "payments.pik.unknown.unknown."
	if kind == "payment.confirmed" {
		want = "payments.pik.payin.confirmed."
	}
	if want += asTokens(kind); m.Subject() != want {
		t.Errorf("%s: published on %.200s, want %.200s", h.name, m.Subject(), want)
	}
}

// asTokens writes a native type as the contract says: dots are boundaries, bytes
// outside [A-Za-z0-9_-] become =XX, an empty token =, and what is too long is cut.
func asTokens(kind string) string {
	var pieces []string // one byte, escape or boundary each
	for i, token := range strings.Split(kind, ".") {
		if i > 0 {
			pieces = append(pieces, ".")
		}
		if token == "" {
			pieces = append(pieces, "=")
		}
		for _, b := range []byte(token) {
			if strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", b) >= 0 {
				pieces = append(pieces, string(b))
			} else {
				pieces = append(pieces, fmt.Sprintf("=%02X", b))
			}
		}
	}
	if len(kind) <= 128 {
		return strings.Join(pieces, "")
	}
	digest := sha256.Sum256([]byte(kind))
	text := ""
	for _, piece := range pieces {
		if len(text)+len(piece) > 64 {
			break
		}
		text += piece
	}
	return strings.TrimSuffix(text, ".") + "=~" + base64.RawURLEncoding.EncodeToString(digest[:])[:22]
}
