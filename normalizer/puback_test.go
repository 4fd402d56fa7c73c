package normalizer

import (
	"reflect"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
)

// A plain answer is read as a parser reads it, and nothing else is taken for one.
func TestPlainAck(t *testing.T) {
	plain := []string{
		`{"stream":"PAYMENTS","seq":1}`, `{"stream":"DEADLETTERS","seq":90}`, `{"stream":"PAYMENTS","seq":999999999999999999}`,
	}
	for _, text := range append([]string{
		``, `{}`, `{"stream":"PAYMENTS","seq":}`, `{"stream":"PAYMENTS","seq":0}`, `{"stream":"PAYMENTS","seq":01}`,
		`{"stream":"PAYMENTS","seq":-1}`, `{"stream":"PAYMENTS","seq":1.5}`, `{"stream":"PAYMENTS","seq":1`,
		`{"stream":"PAYMENTS","seq":1e3}`, `{"stream":"PAYMENTS","seq":18446744073709551616}`,
		`{"stream":"PAYMENTS", "seq":1}`, `{"stream":"OTHER","seq":1}`, `{"stream":"","seq":1}`, `{"stream":"PAY\"MENTS","seq":1}`,
		`{"stream":"PAYMENTS","seq":1,"duplicate":true}`, `{"stream":"PAYMENTS","domain":"d","seq":1}`,
		`{"stream":"PAYMENTS","seq":4,"batch":"b","count":2}`, `{"stream":"PAYMENTS","seq":1}}`, `{"stream":"PAYMENTS","seq":1}x`,
		`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence"},"stream":"PAYMENTS","seq":0}`,
	}, plain...) {
		got := plainAck([]byte(text))
		if isPlain := slices.Contains(plain, text); (got != nil) != isPlain {
			t.Errorf("%s: %+v, plain %v", text, got, isPlain)
			continue
		}
		var want pubAck
		err := json.Unmarshal([]byte(text), &want)
		if got != nil && (err != nil || !reflect.DeepEqual(*got, want)) {
			t.Errorf("%s: %+v, a parser says %+v, %v", text, *got, want, err)
		}
	}
}

func BenchmarkReadAck(b *testing.B) {
	for name, text := range map[string]string{"plain": `{"stream":"PAYMENTS","seq":1234567}`, "other": `{"stream":"PAYMENTS","seq":1234567,"duplicate":true}`} {
		b.Run(name, func(b *testing.B) {
			m := &nats.Msg{Data: []byte(text)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := readAck(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
