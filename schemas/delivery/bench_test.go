package delivery

import (
	"bytes"
	"testing"
)

// benchDelivery has the size of what most providers send: 2 KB.
func benchDelivery() Delivery {
	d := testDelivery()
	d.Query = ""
	d.Body = bytes.Repeat([]byte("x"), 2048)
	return d
}

func BenchmarkMessageAndSeal(b *testing.B) {
	d, keys := benchDelivery(), Keys{testKey(b, "k1")}
	b.ReportAllocs()
	b.SetBytes(int64(len(d.Body)))
	for b.Loop() {
		d.Message(keys)
	}
}

// BenchmarkRead is what a delivery costs before its pack sees it, the digest of its
// events included.
func BenchmarkRead(b *testing.B) {
	keys := Keys{testKey(b, "k1")}
	msg := benchDelivery().Message(keys)
	b.ReportAllocs()
	b.SetBytes(int64(len(msg.Data)))
	for b.Loop() {
		d, err := keys.Read(msg.Subject, msg.Header, msg.Data)
		if err != nil {
			b.Fatal(err)
		}
		d.BodyDigest()
	}
}

func BenchmarkMessageID(b *testing.B) {
	d := benchDelivery()
	b.ReportAllocs()
	b.SetBytes(int64(len(d.Body)))
	for b.Loop() {
		d.MessageID()
	}
}
