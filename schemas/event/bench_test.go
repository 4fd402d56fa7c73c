package event

import (
	"encoding/json"
	"strings"
	"testing"
)

// benchEvent carries a native of 2 KB, which is what most providers send.
func benchEvent() Event {
	e := testEvent()
	e.Native = json.RawMessage(`{"id":"evt_xyz789","amount":75.00,"text":"` + strings.Repeat("x", 2000) + `"}`)
	e.Payment.Amount = &Money{Value: "75.00", Currency: "BRL", Minor: ptr("7500"), Exponent: ptr(2)}
	return e
}

func BenchmarkAppendStructured(b *testing.B) {
	e := benchEvent()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = e.AppendStructured(buf[:0]); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkMessage(b *testing.B) {
	for _, mode := range []Mode{Structured, Binary} {
		b.Run(string(mode), func(b *testing.B) {
			e, room := benchEvent(), Room{}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := room.Message(&e, mode); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, mode := range []Mode{Structured, Binary} {
		b.Run(string(mode), func(b *testing.B) {
			e := benchEvent()
			msg, err := e.Message(mode)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(msg.Header, msg.Data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNewMoney(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := NewMoney("1234.5", "BRL"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSubject(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Subject("picpay", Payin, Confirmed, "TransactionUpdateMessage")
	}
}
