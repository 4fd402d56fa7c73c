package event

import (
	"encoding/json"
	"time"

	"pgregory.net/rapid"
)

func ptr[T any](v T) *T { return &v }

// testEvent is the documented PIK example, as the contract has it.
func testEvent() Event {
	return Event{
		ID:           "evt_xyz789",
		Source:       "urn:paybridge:pik",
		Type:         "global.pik.payment.confirmed",
		Subject:      "txn_def456",
		Time:         time.Date(2025, 1, 15, 10, 30, 0, 0, time.UTC),
		DataSchema:   "urn:paybridge:schema:pik:payment.confirmed:1",
		Provider:     "pik",
		Sequence:     "00000000000000000042.0000",
		PartitionKey: "pik/txn_def456",
		RawDigest:    RawDigest([]byte("body")),
		AuthScheme:   "hmac",
		Traceparent:  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		Payment: Payment{
			Kind:           Payin,
			Direction:      In,
			State:          Confirmed,
			ID:             ptr("txn_def456"),
			Reference:      ptr("link_abc123"),
			Rail:           Crypto,
			Amount:         &Money{Value: "75.00", Currency: "USDT"},
			Network:        &Network{Chain: ptr("polygon"), TxHashes: []string{"0xabc"}},
			Payer:          &Party{Name: ptr("José \"Zé\"\n"), Document: &Document{Type: "cpf", Masked: "***.456.789-**"}},
			OccurredAt:     ptr("2025-01-15T10:30:00Z"),
			ReceivedAt:     "2025-01-15T10:30:01.000000042Z",
			ProviderStatus: ptr("confirmed"),
			Notes:          []string{NoteUnknownExponent},
		},
		Native:     json.RawMessage("{\"id\": \"evt_xyz789\",\n \"amount\":75.00, \"wei\":115792089237316195423570985008687907853269984665640564039457584007913129639935}"),
		NativeType: "payment.confirmed",
		SourceName: "pik",
	}
}

// anyText is text that subjects, headers and attributes have trouble with.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.StringOfN(rapid.RuneFrom([]rune("ab.=~>*% \"\\\t\r\n\x00\x7f\u0085\u00e9\u20ac\ufdd0\uffff\U0001f600")), 0, 160, -1),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 200), func(b []byte) string { return string(b) }),
	)
}

func anyMoney() *rapid.Generator[*Money] {
	return rapid.Custom(func(t *rapid.T) *Money {
		currency := rapid.SampledFrom([]string{"BRL", "usd", "JPY", "KWD", "CLF", "USDT", "₿"}).Draw(t, "currency")
		m, _, err := NewMoney(rapid.StringMatching(`-?[0-9]{1,30}(\.[0-9]{1,6})?([eE][+-]?[0-9])?`).Draw(t, "value"), currency)
		if err != nil {
			t.Fatal(err)
		}
		return &m
	})
}

// maybe draws nil or a pointer to what g draws.
func maybe[T any](t *rapid.T, name string, g *rapid.Generator[T]) *T {
	if rapid.Bool().Draw(t, name+"?") {
		return nil
	}
	return ptr(g.Draw(t, name))
}

// anyEvent draws events as a mapping makes them: a provider's texts go through the
// functions of this package.
func anyEvent() *rapid.Generator[Event] {
	return rapid.Custom(func(t *rapid.T) Event {
		e := testEvent()
		utf8 := rapid.String()
		e.NativeType = anyText().Draw(t, "native type")
		e.SourceName = rapid.StringMatching(`[a-z0-9][a-z0-9_-]{0,63}`).Draw(t, "source name")
		e.ID = CleanID(anyText().Draw(t, "id"))
		e.Type = "com.example." + AttributeText(e.NativeType)
		e.DataSchema = "urn:paybridge:schema:x:" + URIText(e.NativeType) + ":1"
		e.Subject = AttributeText(anyText().Draw(t, "subject"))
		e.Time = time.Unix(rapid.Int64Range(0, 1<<37).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		e.Sequence = Sequence(rapid.Uint64().Draw(t, "sequence"), rapid.IntRange(0, 9999).Draw(t, "item"))
		e.PartitionKey = "x/" + e.Subject
		if rapid.Bool().Draw(t, "replay") {
			e.ReplayID, e.Replaces, e.Traceparent, e.DataSchema = "run-7", Sequence(7, 0), "", ""
		}
		p := &e.Payment
		p.Kind = rapid.SampledFrom(Kinds()).Draw(t, "kind")
		p.State = rapid.SampledFrom(States()).Draw(t, "state")
		p.Direction = rapid.SampledFrom(Directions()).Draw(t, "direction")
		p.Rail = rapid.SampledFrom(Rails()).Draw(t, "rail")
		for name, text := range map[string]**string{
			"payment id": &p.ID, "reference": &p.Reference, "parent": &p.Parent,
			"status": &p.ProviderStatus, "code": &p.ProviderCode, "reason": &p.Reason,
		} {
			*text = maybe(t, name, utf8)
		}
		for name, money := range map[string]**Money{
			"amount": &p.Amount, "original": &p.Original, "refunded": &p.Refunded, "fee": &p.Fee, "net": &p.Net,
		} {
			*money = nil
			if m := maybe(t, name, anyMoney()); m != nil {
				*money = *m
			}
		}
		p.Network = maybe(t, "network", rapid.Custom(func(t *rapid.T) Network {
			return Network{
				EndToEndID: maybe(t, "end to end id", utf8), TxID: maybe(t, "txid", utf8), ReturnID: maybe(t, "return id", utf8),
				Chain: maybe(t, "chain", utf8), TxHashes: rapid.SliceOfN(utf8, 0, 3).Draw(t, "hashes"),
			}
		}))
		p.Payee = maybe(t, "payee", rapid.Custom(func(t *rapid.T) Party {
			return Party{Name: maybe(t, "name", utf8), BankISPB: maybe(t, "ispb", utf8)}
		}))
		p.Notes = rapid.SliceOfN(rapid.StringMatching(`[a-z0-9_]{1,12}`), 0, 3).Draw(t, "notes")
		switch rapid.IntRange(0, 2).Draw(t, "native") {
		case 0:
			e.Native = nil
		case 1:
			b, err := json.Marshal(map[string]any{utf8.Draw(t, "key"): utf8.Draw(t, "value"), "n": json.Number("1.50")})
			if err != nil {
				t.Fatal(err)
			}
			e.Native = b
		}
		return e
	})
}
