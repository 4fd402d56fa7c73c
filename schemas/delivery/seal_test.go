package delivery

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// problem is the kind of err, "" where err is nil.
func problem(t *testing.T, err error) SealProblem {
	t.Helper()
	if err == nil {
		return ""
	}
	var typed *SealError
	if !errors.As(err, &typed) {
		t.Fatalf("%v is no *SealError", err)
	}
	return typed.Problem
}

func TestSealIsTheContract(t *testing.T) {
	key, err := NewKey("k1", "0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	d := testDelivery()
	d.Query, d.Traceparent = "", ""
	msg := d.Message(Keys{key})
	// What is sealed, by hand, and its HMAC by another program:
	//   openssl dgst -sha256 -hmac 0123456789abcdef -binary | basenc --base64url | tr -d =
	const want = "v1\n" +
		"webhooks.pik.default\n" +
		"06vNFTXjcNA28FW-XflIOX\n" +
		"Webhook-Endpoint:default\n" +
		"Webhook-Header-Pik-Signature:sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n" +
		"Webhook-Header-X-Event:payment.confirmed\n" +
		"Webhook-Header-X-Event:again\n" +
		"Webhook-Key-Id:current\n" +
		"Webhook-Provider:pik\n" +
		"Webhook-Received-At:2025-01-15T10:30:00.000000042Z\n" +
		"Webhook-Request-Id:8f14e45fceea167a\n" +
		"Webhook-Scheme:hmac\n" +
		"Webhook-Source:pik\n" +
		"e40f228343d1dc1fa3a679199a3cdabeaf750df50fe6fb912ae1e03b1cf44112\n"
	if got := string(appendSealed(nil, msg.Subject, msg.Header, sha256.Sum256(msg.Data))); got != want {
		t.Errorf("sealed:\n%s\nwant:\n%s", got, want)
	}
	if got := msg.Header.Get(SealHeader); got != "v1;k1;2rjpcM0X9_KYh1hCXlhGVqS6X4BByIOAkLu5q27jJpc" {
		t.Errorf("seal %q", got)
	}
}

func TestOpenRefusesEveryChange(t *testing.T) {
	keys := Keys{testKey(t, "k1")}
	for name, tt := range map[string]struct {
		change func(*nats.Msg)
		want   SealProblem
	}{
		"nothing":            {func(m *nats.Msg) {}, ""},
		"other header":       {func(m *nats.Msg) { m.Header.Set("Nats-Expected-Stream", "WEBHOOKS") }, ""},
		"subject":            {func(m *nats.Msg) { m.Subject = "webhooks.pik.other" }, SealWrong},
		"body":               {func(m *nats.Msg) { m.Data = append([]byte(" "), m.Data...) }, SealWrong},
		"no body":            {func(m *nats.Msg) { m.Data = nil }, SealWrong},
		"message id":         {func(m *nats.Msg) { m.Header.Set(MessageIDHeader, "x") }, SealWrong},
		"no message id":      {func(m *nats.Msg) { m.Header.Del(MessageIDHeader) }, SealMalformed},
		"two message ids":    {func(m *nats.Msg) { m.Header.Add(MessageIDHeader, "x") }, SealMalformed},
		"header added":       {func(m *nats.Msg) { m.Header.Set("Webhook-New", "x") }, SealWrong},
		"header dropped":     {func(m *nats.Msg) { m.Header.Del(QueryHeader) }, SealWrong},
		"header doubled":     {func(m *nats.Msg) { m.Header.Add(SourceHeader, "pik") }, SealWrong},
		"values swapped":     {func(m *nats.Msg) { slices.Reverse(m.Header["Webhook-Header-X-Event"]) }, SealWrong},
		"colon moved":        {func(m *nats.Msg) { moveColon(m.Header) }, SealMalformed},
		"line moved":         {func(m *nats.Msg) { joinLines(m.Header) }, SealMalformed},
		"line in message id": {func(m *nats.Msg) { m.Header.Set(MessageIDHeader, "a\nWebhook-A:b") }, SealMalformed},
		"no seal":            {func(m *nats.Msg) { m.Header.Del(SealHeader) }, SealMissing},
		"two seals":          {func(m *nats.Msg) { m.Header.Add(SealHeader, m.Header.Get(SealHeader)) }, SealMalformed},
		"empty seal":         {func(m *nats.Msg) { m.Header.Set(SealHeader, "") }, SealMalformed},
		"seal of v2":         {func(m *nats.Msg) { swap(m.Header, "v1;", "v2;") }, SealMalformed},
		"seal cut":           {func(m *nats.Msg) { m.Header.Set(SealHeader, m.Header.Get(SealHeader)[:40]) }, SealMalformed},
		"seal padded":        {func(m *nats.Msg) { m.Header.Set(SealHeader, m.Header.Get(SealHeader)+"=") }, SealMalformed},
		"only a version":     {func(m *nats.Msg) { m.Header.Set(SealHeader, "v1;") }, SealMalformed},
		"unknown key":        {func(m *nats.Msg) { swap(m.Header, ";k1;", ";k9;") }, SealUnknownKey},
		"no key id":          {func(m *nats.Msg) { swap(m.Header, ";k1;", ";;") }, SealUnknownKey},
	} {
		t.Run(name, func(t *testing.T) {
			msg := testDelivery().Message(keys)
			tt.change(msg)
			if got := problem(t, keys.Open(msg.Subject, msg.Header, msg.Data)); got != tt.want {
				t.Errorf("problem %q, want %q", got, tt.want)
			}
			if d, err := keys.Read(msg.Subject, msg.Header, msg.Data); problem(t, err) != tt.want || tt.want != "" && d.Body != nil {
				t.Errorf("read %+v, %v, want problem %q", d, err, tt.want)
			}
		})
	}
}

// TestReadIsOpenAndDecode: and it knows the digest that everybody else computes.
func TestReadIsOpenAndDecode(t *testing.T) {
	keys := Keys{testKey(t, "k1")}
	for _, body := range []string{`{"a":1}`, ""} {
		d := testDelivery()
		d.Body = []byte(body)
		msg := d.Message(keys)
		got, err := keys.Read(msg.Subject, msg.Header, msg.Data)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Decode(msg.Subject, msg.Header, msg.Data)
		if err != nil {
			t.Fatal(err)
		}
		if got.digest != sha256.Sum256(d.Body) || got.BodyDigest() != got.digest || want.BodyDigest() != got.digest {
			t.Errorf("%q: digests %x, %x, %x", body, got.digest, got.BodyDigest(), want.BodyDigest())
		}
		got.digest = want.digest
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: read %+v, decoded %+v", body, got, want)
		}
	}
	// What is sealed and no delivery is the decoder's to refuse.
	msg := testDelivery().Message(nil)
	msg.Header.Del(SchemeHeader)
	msg.Header.Set(SealHeader, keys[0].seal(msg.Subject, msg.Header, sha256.Sum256(msg.Data)))
	var undecoded *DecodeError
	if _, err := keys.Read(msg.Subject, msg.Header, msg.Data); !errors.As(err, &undecoded) || undecoded.Header != SchemeHeader {
		t.Errorf("without a scheme: %v", err)
	}
}

func swap(h nats.Header, from, to string) {
	h.Set(SealHeader, strings.Replace(h.Get(SealHeader), from, to, 1))
}

// moveColon makes a header whose sealed line reads like another header's.
func moveColon(h nats.Header) {
	h.Del(SchemeHeader)
	h["Webhook-Scheme:hm"] = []string{"ac"}
}

// joinLines makes one header of two, with the same sealed lines.
func joinLines(h nats.Header) {
	h["Webhook-Scheme"] = []string{"hmac\nWebhook-Source:pik"}
	h.Del(SourceHeader)
}

func TestEveryFlippedByteIsRefused(t *testing.T) {
	keys := Keys{testKey(t, "k1")}
	msg := testDelivery().Message(keys)
	for name, values := range msg.Header {
		for i, value := range values {
			for at := range value {
				header := nats.Header{}
				for n, v := range msg.Header {
					header[n] = slices.Clone(v)
				}
				header[name][i] = value[:at] + string([]byte{value[at] ^ 1}) + value[at+1:]
				if keys.Open(msg.Subject, header, msg.Data) == nil {
					t.Errorf("header %s opens with byte %d flipped", name, at)
				}
			}
		}
	}
	for at := range msg.Data {
		data := slices.Clone(msg.Data)
		data[at] ^= 1
		if keys.Open(msg.Subject, msg.Header, data) == nil {
			t.Errorf("opens with byte %d of the body flipped", at)
		}
	}
}

func TestRotation(t *testing.T) {
	old, current, foreign := testKey(t, "old"), testKey(t, "new"), testKey(t, "foreign")
	d := testDelivery()
	for name, tt := range map[string]struct {
		seal, open Keys
		want       SealProblem
	}{
		"one key":                    {Keys{old}, Keys{old}, ""},
		"sealed before the rotation": {Keys{old}, Keys{current, old}, ""},
		"the first seals":            {Keys{current, old}, Keys{current}, ""},
		"the second does not seal":   {Keys{current, old}, Keys{old}, SealUnknownKey},
		"the old one is gone":        {Keys{old}, Keys{current}, SealUnknownKey},
		"nobody's":                   {Keys{foreign}, Keys{current, old}, SealUnknownKey},
		"no key opens":               {Keys{old}, nil, SealUnknownKey},
		"no key seals":               {nil, Keys{old}, SealMissing},
	} {
		msg := d.Message(tt.seal)
		if got := problem(t, tt.open.Open(msg.Subject, msg.Header, msg.Data)); got != tt.want {
			t.Errorf("%s: problem %q, want %q", name, got, tt.want)
		}
	}
}

func TestTwoKeysOfOneID(t *testing.T) {
	one, err := NewKey("k1", "the first secret of k1")
	if err != nil {
		t.Fatal(err)
	}
	two := testKey(t, "k1")
	for _, sealer := range []Key{one, two} {
		msg := testDelivery().Message(Keys{sealer})
		if err := (Keys{one, two}).Open(msg.Subject, msg.Header, msg.Data); err != nil {
			t.Errorf("does not open: %v", err)
		}
	}
	msg := testDelivery().Message(Keys{one})
	if got := problem(t, Keys{two}.Open(msg.Subject, msg.Header, msg.Data)); got != SealWrong {
		t.Errorf("the right id with the wrong secret: problem %q", got)
	}
}

func TestNewKeyRefuses(t *testing.T) {
	const secret = "canary-secret-xyz"
	const guessed = "seal: key k1 is a placeholder or one byte repeated: make a random one, such as `openssl rand -hex 32`"
	for name, tt := range map[string]struct{ id, secret, want string }{
		"good":        {"k1.2025_01-a", secret, ""},
		"no id":       {"", secret, "seal: a key id has 1 to 64 characters"},
		"long id":     {strings.Repeat("k", 65), secret, "seal: a key id has 1 to 64 characters"},
		"id with ;":   {"a;b", secret, "seal: a key id has letters, digits, dot, underscore and hyphen only"},
		"no secret":   {"k1", "", "seal: key k1 is empty"},
		"15 bytes":    {"k1", secret[:15], "seal: key k1: 15 bytes are too few, use 16 or more"},
		"16 bytes":    {"k1", secret[:16], ""},
		"16 in runes": {"k1", "éééééééé", ""},
		"one letter":  {"k1", strings.Repeat("a", 32), guessed},
		"all zero":    {"k1", strings.Repeat("\x00", 32), guessed},
		"change me":   {"k1", "Change-Me-Change-Me", guessed},
		"your secret": {"k1", "<your secret seal key>", guessed},
	} {
		got := ""
		if _, err := NewKey(tt.id, tt.secret); err != nil {
			got = err.Error()
		}
		if _, err := NewWeakKey(tt.id, tt.secret); (err == nil) != (tt.id == "k1" && tt.secret != "" || tt.want == "") {
			t.Errorf("%s, taken as it is: %v", name, err)
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestNothingPrintsAKey(t *testing.T) {
	key, err := NewKey("k1", "canary-secret-xyz")
	if err != nil {
		t.Fatal(err)
	}
	type holder struct {
		keys Keys
		Key  Key
	}
	var printed strings.Builder
	for _, v := range []any{key, &key, Keys{key}, holder{Keys{key}, key}, map[string]Key{"a": key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p"} {
			fmt.Fprintf(&printed, verb+"\n", v)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		printed.Write(text)
	}
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("keys", "key", key, "keys", Keys{key})
	for _, form := range []string{"canary-secret", fmt.Sprintf("%x", "canary-secret"), fmt.Sprint([]byte("canary"))[1:20]} {
		if strings.Contains(printed.String(), form) {
			t.Errorf("printed %q in:\n%s", form, printed.String())
		}
	}
	if got := fmt.Sprint(key); got != "seal key k1" {
		t.Errorf("a key prints as %q", got)
	}
	if key.ID() != "k1" {
		t.Errorf("id %q", key.ID())
	}
}

func FuzzSealOpen(f *testing.F) {
	f.Add("webhooks.pik.default", "id", "Webhook-Source", "pik", []byte("{}"), "v1;k1;x")
	f.Add("webhooks.pik.default", "a\nb", "Webhook-A:b", "c\nWebhook-B:d", []byte(nil), "")
	f.Add("", "", "Webhook-Seal", "v1;k1;", []byte("x"), "v1;k1;AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, subject, id, name, value string, data []byte, forged string) {
		key, err := NewKey("k1", "a secret that is only in this test")
		if err != nil {
			t.Fatal(err)
		}
		h := nats.Header{MessageIDHeader: {id}, SourceHeader: {"pik"}}
		h[name] = append(h[name], value)
		delete(h, SealHeader)
		sealed := maps.Clone(h)
		sealed[SealHeader] = []string{key.seal(subject, h, sha256.Sum256(data))}
		if plainNames(h) {
			if err := (Keys{key}).Open(subject, sealed, data); err != nil {
				t.Errorf("own seal does not open: %v", err)
			}
		}
		sealed[SourceHeader] = append(slices.Clone(sealed[SourceHeader]), "other")
		if (Keys{key}).Open(subject, sealed, data) == nil {
			t.Error("opens with a header value added")
		}
		h[SealHeader] = []string{forged}
		if (Keys{key}).Open(subject, h, data) == nil {
			t.Error("a forged seal opens")
		}
	})
}
