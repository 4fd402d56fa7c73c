package mapping

import (
	"testing"

	"paybridge/schemas/provider"
)

func BenchmarkTrial(b *testing.B) {
	lib, err := provider.BuiltIn()
	if err != nil {
		b.Fatal(err)
	}
	e, err := lib.Events("picpay")
	if err != nil {
		b.Fatal(err)
	}
	p, err := Compile(e, Settings{})
	if err != nil {
		b.Fatal(err)
	}
	d := picpayDelivery()
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Decode(d)
		}
	})
	b.Run("map", func(b *testing.B) {
		doc, _ := p.Decode(d)
		b.ReportAllocs()
		for b.Loop() {
			p.Map(d, doc, 7)
		}
	})
	b.Run("encode", func(b *testing.B) {
		doc, _ := p.Decode(d)
		it := p.Map(d, doc, 7)
		b.ReportAllocs()
		for b.Loop() {
			it[0].Event.AppendStructured(make([]byte, 0, 4096))
		}
	})
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			doc, _ := p.Decode(d)
			it := p.Map(d, doc, 7)
			it[0].Event.AppendStructured(make([]byte, 0, 4096))
		}
	})
}
