package operate

import (
	"strings"
	"testing"

	"paybridge/schemas/provider"
)

func testSender(t *testing.T) Sender {
	t.Helper()
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	c := parsed(t, `
seal: {keys: [{id: s1, env: SET}]}
sources:
  - {name: pik, provider: pik, url: "https://pay.example.com/pik", secrets: [{id: next, env: SET}]}
  - {name: bare, provider: bidali, secrets: [{id: current, env: UNSET}]}
  - name: orders
    provider: pixorder
    endpoints:
      Fee: {secrets: [{id: fee, env: SET}]}
      PixPayment: {secrets: [{id: pay, env: SET}]}
`)
	return Sender{Config: c, Library: lib, Base: "http://127.0.0.1:8080"}
}

// TestPrepare says what is sent for what is typed.
func TestPrepare(t *testing.T) {
	for _, test := range []struct {
		source, fixture, endpoint string
		wantURL, wantFixture, key string
	}{
		{"pik", "", "", "/webhooks/pik", "payment-confirmed", "next"},
		{"pik", "payment-failed", "", "/webhooks/pik", "payment-failed", "next"},
		{"orders", "", "", "/webhooks/orders/Fee", "fee", "fee"},
		{"orders", "", "PixPayment", "/webhooks/orders/PixPayment", "pix-payment", "pay"},
		{"orders", "pix-payment", "", "/webhooks/orders/PixPayment", "pix-payment", "pay"},
	} {
		got, err := testSender(t).Prepare(test.source, test.fixture, test.endpoint)
		if err != nil {
			t.Errorf("%+v: %v", test, err)
			continue
		}
		if got.URL != "http://127.0.0.1:8080"+test.wantURL || got.Fixture.Name != test.wantFixture || got.Secret.ID != test.key {
			t.Errorf("%+v: got %s %s %s", test, got.URL, got.Fixture.Name, got.Secret.ID)
		}
	}
	send, err := testSender(t).Prepare("pik", "", "")
	if err != nil || send.Signed != "https://pay.example.com/pik" {
		t.Errorf("signed URL %q, %v", send.Signed, err)
	}
}

// TestPrepareExplains says what a person is told who typed something else.
func TestPrepareExplains(t *testing.T) {
	for _, test := range []struct{ source, fixture, endpoint, message, does string }{
		{"picpay", "", "", `source "picpay" is not configured`, "pik, bare, orders"},
		{"pik", "nonsense", "", `no fixture "nonsense"`, "payment-confirmed"},
		{"pik", "", "Fee", "no fixture", ""},
		{"orders", "", "PixRefund", "no fixture", ""},
		{"bare", "", "", "no secret to sign with", "paybridge up"},
	} {
		_, err := testSender(t).Prepare(test.source, test.fixture, test.endpoint)
		checkAdvice(t, err, test.message, test.does)
	}
}

// TestExemplaryIsMoneyComingIn says what `send` shows of a provider by default.
func TestExemplaryIsMoneyComingIn(t *testing.T) {
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pik", "bidali", "picpay"} {
		all, err := lib.Fixtures(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := ChooseFixture(all, "", func(provider.Fixture) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(f.Events[0]), `"paymentkind": "payin"`) || !strings.Contains(string(f.Events[0]), `"paymentstate": "confirmed"`) {
			t.Errorf("%s: the default fixture is %s", name, f.Name)
		}
	}
}
