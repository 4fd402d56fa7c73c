package event

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The whole event, byte for byte: what a client in any language sees.
func TestAppendStructuredIsTheContract(t *testing.T) {
	e := testEvent()
	want := `{"specversion":"1.0","id":"evt_xyz789","source":"urn:paybridge:pik","type":"global.pik.payment.confirmed",` +
		`"subject":"txn_def456","time":"2025-01-15T10:30:00Z","datacontenttype":"application/json",` +
		`"dataschema":"urn:paybridge:schema:pik:payment.confirmed:1","provider":"pik","paymentkind":"payin",` +
		`"paymentstate":"confirmed","sequence":"00000000000000000042.0000","partitionkey":"pik/txn_def456",` +
		`"rawdigest":"sha256-230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5","authscheme":"hmac",` +
		`"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",` +
		`"data":{"payment":{"kind":"payin","direction":"in","state":"confirmed","id":"txn_def456","reference":"link_abc123",` +
		`"parent":null,"rail":"crypto","amount":{"value":"75.00","currency":"USDT","minor":null,"exponent":null},` +
		`"original":null,"refunded":null,"fee":null,"net":null,` +
		`"network":{"end_to_end_id":null,"txid":null,"return_id":null,"chain":"polygon","tx_hashes":["0xabc"]},` +
		`"payer":{"name":"José \"Zé\"\n","document":{"type":"cpf","masked":"***.456.789-**"},"bank_ispb":null},` +
		`"payee":null,"occurred_at":"2025-01-15T10:30:00Z","received_at":"2025-01-15T10:30:01.000000042Z",` +
		`"provider_status":"confirmed","provider_code":null,"reason":null,"notes":["unknown_exponent"]},` +
		`"native":` + string(e.Native) + `}}`
	got, err := e.AppendStructured([]byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != "before"+want {
		t.Errorf("\n got %s\nwant before%s", got, want)
	}
}

func TestCorrectedEvent(t *testing.T) {
	e := testEvent()
	e.ReplayID, e.Replaces, e.Native = "run-7", "00000000000000000042.0000", nil
	got, err := e.AppendStructured(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(got), `,"replayid":"run-7","replaces":"00000000000000000042.0000","data":{"payment":{`) {
		t.Errorf("%s", got)
	}
	if strings.Contains(string(got), "native") {
		t.Errorf("native is left out, but is there: %s", got)
	}
	if e.MessageID() != "pik/evt_xyz789 run-7" {
		t.Errorf("message id %q: the event that it corrects would swallow it", e.MessageID())
	}
}

// encoding/json is the second opinion on every payment.
func TestPaymentIsItsStructTags(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent().Draw(t, "event")
		var w writer
		e.Payment.append(&w)
		if w.err != nil {
			t.Fatal(w.err)
		}
		if e.Payment.Notes == nil {
			e.Payment.Notes = []string{}
		}
		if n := e.Payment.Network; n != nil && n.TxHashes == nil {
			n.TxHashes = []string{}
		}
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(e.Payment); err != nil {
			t.Fatal(err)
		}
		var gotTree, wantTree any
		if err := json.Unmarshal(w.buf, &gotTree); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(want.Bytes(), &wantTree); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(gotTree, wantTree) {
			t.Fatalf("\n got %s\nwant %s", w.buf, &want)
		}
	})
}

func TestNoListIsNull(t *testing.T) {
	e := testEvent()
	e.Payment.Notes, e.Payment.Network.TxHashes = nil, nil
	got, err := e.AppendStructured(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(got), `"notes":[]`) || !strings.Contains(string(got), `"tx_hashes":[]`) {
		t.Errorf("%s", got)
	}
}

func TestInvalidUTF8IsRefused(t *testing.T) {
	for field, change := range map[string]func(*Payment){
		"id":        func(p *Payment) { p.ID = ptr("\xff") },
		"name":      func(p *Payment) { p.Payer.Name = ptr("a\xc3") },
		"masked":    func(p *Payment) { p.Payer.Document.Masked = "\xed\xa0\x80" },
		"tx_hashes": func(p *Payment) { p.Network.TxHashes = []string{"ok", "\xff"} },
	} {
		e := testEvent()
		change(&e.Payment)
		dst, err := e.AppendStructured([]byte("before"))
		checkInvalid(t, err, field+" is not valid UTF-8")
		if string(dst) != "before" {
			t.Errorf("%s: %q", field, dst)
		}
		if _, err := e.Message(Binary); err == nil {
			t.Errorf("%s: binary mode takes it", field)
		}
		if _, err := e.CloudEvent(); err == nil {
			t.Errorf("%s: the SDK's event takes it", field)
		}
	}
}

// Numbers and white space of the provider's item are as it wrote them.
func TestNativeIsVerbatim(t *testing.T) {
	for _, native := range []string{
		`{"a":100.00,"b":1e+2,"wei":115792089237316195423570985008687907853269984665640564039457584007913129639935}`,
		"{\r\n\t\"a\" : \"\\/\\u00e7\" , \"<&>\": \"\u2028\" }",
		`[]`, `"text"`, `0.10`, `null`,
	} {
		e := testEvent()
		e.Native = json.RawMessage(native)
		for _, mode := range []Mode{Structured, Binary} {
			msg, err := e.Message(mode)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(msg.Data, []byte(`,"native":`+native+`}`)) {
				t.Errorf("%s: %s is not verbatim in %s", mode, native, msg.Data)
			}
			got, err := Decode(msg.Header, msg.Data)
			if err != nil || string(got.Native) != native {
				t.Errorf("%s: %s came back as %s, %v", mode, native, got.Native, err)
			}
		}
	}
}
