package event

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Event)
		want   string
	}{
		"as it is":               {func(e *Event) {}, ""},
		"no id":                  {func(e *Event) { e.ID = "" }, `id is not 1 to 128 bytes of "!" to "~"; use CleanID`},
		"id with a space":        {func(e *Event) { e.ID = "a b" }, `id is not 1 to 128 bytes of "!" to "~"; use CleanID`},
		"id of 129":              {func(e *Event) { e.ID = strings.Repeat("x", 129) }, `id is not 1 to 128 bytes of "!" to "~"; use CleanID`},
		"no source":              {func(e *Event) { e.Source = "" }, "source is not an absolute URI"},
		"source without scheme":  {func(e *Event) { e.Source = "pik" }, "source is not an absolute URI"},
		"no type":                {func(e *Event) { e.Type = "" }, "type is missing"},
		"type with CR LF":        {func(e *Event) { e.Type = "a\r\nb" }, "type has bytes that an attribute may not hold; use AttributeText"},
		"no subject":             {func(e *Event) { e.Subject = "" }, ""},
		"subject not UTF-8":      {func(e *Event) { e.Subject = "\xff" }, "subject has bytes that an attribute may not hold; use AttributeText"},
		"subject in UTF-8":       {func(e *Event) { e.Subject = "Euro € 😀" }, ""},
		"subject with C1":        {func(e *Event) { e.Subject = "€\u0085" }, "subject has bytes that an attribute may not hold; use AttributeText"},
		"subject, blank at end":  {func(e *Event) { e.Subject = "a " }, "subject has bytes that an attribute may not hold; use AttributeText"},
		"no time":                {func(e *Event) { e.Time = time.Time{} }, "time is missing, or not between the years 0 and 9999"},
		"year 10000":             {func(e *Event) { e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "time is missing, or not between the years 0 and 9999"},
		"no dataschema":          {func(e *Event) { e.DataSchema = "" }, ""},
		"dataschema, space":      {func(e *Event) { e.DataSchema = "urn:a b" }, "dataschema is not an absolute URI; use URIText"},
		"no provider":            {func(e *Event) { e.Provider = "" }, "provider is missing"},
		"no sequence":            {func(e *Event) { e.Sequence = "" }, "sequence is not 20 digits, a dot and 4 digits; use Sequence"},
		"short sequence":         {func(e *Event) { e.Sequence = "42.0000" }, "sequence is not 20 digits, a dot and 4 digits; use Sequence"},
		"sequence in letters":    {func(e *Event) { e.Sequence = "0000000000000000004x.0000" }, "sequence is not 20 digits, a dot and 4 digits; use Sequence"},
		"sequence, item letters": {func(e *Event) { e.Sequence = "00000000000000000042.000x" }, "sequence is not 20 digits, a dot and 4 digits; use Sequence"},
		"no partitionkey":        {func(e *Event) { e.PartitionKey = "" }, "partitionkey is missing"},
		"no rawdigest":           {func(e *Event) { e.RawDigest = "" }, "rawdigest is not sha256-<hex>; use RawDigest"},
		"upper-case rawdigest":   {func(e *Event) { e.RawDigest = strings.ToUpper(e.RawDigest) }, "rawdigest is not sha256-<hex>; use RawDigest"},
		"rawdigest not hex":      {func(e *Event) { e.RawDigest = "sha256-" + strings.Repeat("x", 64) }, "rawdigest is not sha256-<hex>; use RawDigest"},
		"upper-case hex":         {func(e *Event) { e.RawDigest = "sha256-" + strings.Repeat("A", 64) }, "rawdigest is not sha256-<hex>; use RawDigest"},
		"no authscheme":          {func(e *Event) { e.AuthScheme = "" }, "authscheme is missing"},
		"traceparent with LF":    {func(e *Event) { e.Traceparent = "a\n" }, "traceparent has bytes that an attribute may not hold; use AttributeText"},
		"replayid with a space":  {func(e *Event) { e.ReplayID = "a b" }, `replayid is not 1 to 128 bytes of "!" to "~"`},
		"replaces no sequence":   {func(e *Event) { e.Replaces = "42" }, "replaces is not a sequence"},
		"kind":                   {func(e *Event) { e.Payment.Kind = "Payin" }, "payment.kind is not one of the contract's"},
		"no kind":                {func(e *Event) { e.Payment.Kind = "" }, "payment.kind is not one of the contract's"},
		"state":                  {func(e *Event) { e.Payment.State = "paid" }, "payment.state is not one of the contract's"},
		"direction":              {func(e *Event) { e.Payment.Direction = "inward" }, "payment.direction is not one of the contract's"},
		"rail":                   {func(e *Event) { e.Payment.Rail = "boleto" }, "payment.rail is not one of the contract's"},
		"no received_at":         {func(e *Event) { e.Payment.ReceivedAt = "" }, "payment.received_at is not RFC 3339 in UTC"},
		"received_at, an offset": {func(e *Event) { e.Payment.ReceivedAt = "2025-01-15T07:30:00-03:00" }, "payment.received_at is not RFC 3339 in UTC"},
		"received_at, zero off":  {func(e *Event) { e.Payment.ReceivedAt = "2025-01-15T07:30:00+00:00" }, "payment.received_at is not RFC 3339 in UTC"},
		"received_at, a comma":   {func(e *Event) { e.Payment.ReceivedAt = "2025-01-15T07:30:00,5Z" }, "payment.received_at is not RFC 3339 in UTC"},
		"received_at, one digit": {func(e *Event) { e.Payment.ReceivedAt = "2025-01-15T7:30:00.50Z" }, "payment.received_at is not RFC 3339 in UTC"},
		"received_at, February":  {func(e *Event) { e.Payment.ReceivedAt = "2025-02-30T07:30:00Z" }, "payment.received_at is not RFC 3339 in UTC"},
		"occurred_at in words":   {func(e *Event) { e.Payment.OccurredAt = ptr("yesterday") }, "payment.occurred_at is not RFC 3339 in UTC"},
		"no occurred_at":         {func(e *Event) { e.Payment.OccurredAt = nil }, ""},
		"note in words":          {func(e *Event) { e.Payment.Notes = []string{"ok", "Not ok"} }, "payment.notes/1 is not a word of a-z, 0-9 and _"},
		"empty note":             {func(e *Event) { e.Payment.Notes = []string{""} }, "payment.notes/0 is not a word of a-z, 0-9 and _"},
		"bad fee":                {func(e *Event) { e.Payment.Fee = &Money{Value: "x", Currency: "BRL"} }, "payment.fee has a value that is not an unsigned decimal number"},
	} {
		t.Run(name, func(t *testing.T) {
			e := testEvent()
			tt.change(&e)
			checkInvalid(t, e.Validate(), tt.want)
			// What does not validate is not encoded, in any form.
			if _, err := e.AppendStructured(nil); (err != nil) != (tt.want != "") {
				t.Errorf("AppendStructured: %v", err)
			}
			for _, mode := range []Mode{Structured, Binary} {
				if msg, err := e.Message(mode); (err != nil) != (tt.want != "") || (msg == nil) != (tt.want != "") {
					t.Errorf("Message(%s): %v", mode, err)
				}
			}
			if _, err := e.CloudEvent(); (err != nil) != (tt.want != "") {
				t.Errorf("CloudEvent: %v", err)
			}
		})
	}
}

func checkInvalid(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var typed *FieldError
	if !errors.As(err, &typed) || err.Error() != "event: "+want {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestValidateMoney(t *testing.T) {
	for name, tt := range map[string]struct {
		money Money
		want  string
	}{
		"known":                  {Money{"1.00", "BRL", ptr("100"), ptr(2)}, ""},
		"unknown":                {Money{"1.00", "USDT", nil, nil}, ""},
		"excess":                 {Money{"1.001", "BRL", nil, ptr(2)}, ""},
		"negative":               {Money{"-1.00", "BRL", ptr("-100"), ptr(2)}, "has a value that is not an unsigned decimal number"},
		"no value":               {Money{"", "BRL", nil, nil}, "has a value that is not an unsigned decimal number"},
		"no currency":            {Money{"1.00", "", nil, nil}, "has a currency that is not upper-case text of 1 to 32 bytes"},
		"lower case":             {Money{"1.00", "brl", ptr("100"), ptr(2)}, "has a currency that is not upper-case text of 1 to 32 bytes"},
		"exponent left out":      {Money{"1.00", "BRL", nil, nil}, "has an exponent that is not its currency's"},
		"exponent guessed":       {Money{"1.00", "USDT", nil, ptr(6)}, "has an exponent that is not its currency's"},
		"another exponent":       {Money{"1.00", "BRL", ptr("100"), ptr(3)}, "has an exponent that is not its currency's"},
		"minor left out":         {Money{"1.00", "BRL", nil, ptr(2)}, "has no minor units although its value has no excess decimals"},
		"minor guessed":          {Money{"1.00", "USDT", ptr("1000000"), nil}, "has minor units of a currency whose exponent is unknown"},
		"another minor":          {Money{"1.00", "BRL", ptr("101"), ptr(2)}, "has minor units that are not its value"},
		"minor with zeros":       {Money{"1.00", "BRL", ptr("0100"), ptr(2)}, "has minor units that are not its value"},
		"minor of excess":        {Money{"1.001", "BRL", ptr("100"), ptr(2)}, "has minor units that are not its value"},
		"too few decimals":       {Money{"1.0", "BRL", ptr("100"), ptr(2)}, "has minor units that are not its value"},
		"value with zeros":       {Money{"01.00", "BRL", ptr("100"), ptr(2)}, "has minor units that are not its value"},
		"value in exponent form": {Money{"1e0", "BRL", ptr("100"), ptr(2)}, "has minor units that are not its value"},
	} {
		e := testEvent()
		e.Payment.Net = &tt.money
		if tt.want != "" {
			tt.want = "payment.net " + tt.want
		}
		t.Run(name, func(t *testing.T) { checkInvalid(t, e.Validate(), tt.want) })
	}
}

func TestErrorsHoldNoValue(t *testing.T) {
	const canary = "canary-value\x01"
	for name, change := range map[string]func(*Event){
		"id":      func(e *Event) { e.ID = canary },
		"type":    func(e *Event) { e.Type = canary },
		"kind":    func(e *Event) { e.Payment.Kind = canary },
		"amount":  func(e *Event) { e.Payment.Amount = &Money{Value: canary, Currency: "BRL"} },
		"payer":   func(e *Event) { e.Payment.Payer.Name = ptr(canary + "\xff") },
		"bad ids": func(e *Event) { e.Payment.ID = ptr(canary + "\xff") },
	} {
		e := testEvent()
		change(&e)
		_, err := e.AppendStructured(nil)
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for _, data := range []string{`{"canary-value":1,"canary-value":2}`, `{"specversion":"canary-value"}`, `canary-value`} {
		_, err := Decode(nil, []byte(data))
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: error %v", data, err)
		}
	}
}

func TestWordsAreClosed(t *testing.T) {
	check := func(list, want string, tokens ...string) {
		t.Helper()
		if got := strings.Join(tokens, " "); got != want {
			t.Errorf("%s %q, want %q", list, got, want)
		}
		for _, word := range tokens {
			if Token(word) != word {
				t.Errorf("%s is not a subject token as it stands", word)
			}
		}
	}
	check("kinds", "payin payout transfer refund fee dispute unknown", texts(Kinds())...)
	check("states", "pending authorized confirmed settled failed expired canceled reversed unknown", texts(States())...)
	check("directions", "in out internal unknown", texts(Directions())...)
	check("rails", "pix card wallet crypto internal unknown", texts(Rails())...)
	for _, k := range Kinds() {
		if !k.Valid() {
			t.Errorf("kind %s is not valid", k)
		}
	}
	for _, s := range States() {
		if !s.Valid() {
			t.Errorf("state %s is not valid", s)
		}
	}
	for _, d := range Directions() {
		if !d.Valid() {
			t.Errorf("direction %s is not valid", d)
		}
	}
	for _, r := range Rails() {
		if !r.Valid() {
			t.Errorf("rail %s is not valid", r)
		}
	}
}

func texts[T ~string](words []T) []string {
	all := make([]string, len(words))
	for i, word := range words {
		all[i] = string(word)
	}
	return all
}
