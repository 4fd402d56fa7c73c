package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"paybridge/config"
	"paybridge/schemas/delivery"
)

// verified runs a verification of everything.
func (r *rig) verified(v Verify) (Verified, []Unverified) {
	r.t.Helper()
	var failures []Unverified
	sum, err := v.Run(r.t.Context(), r.js, Range{}, func(u Unverified) { failures = append(failures, u) })
	if err != nil {
		r.t.Fatal(err)
	}
	return sum, failures
}

// TestVerify says what of each kind of stored message is proven, and what is wrong
// with those that are not.
func TestVerify(t *testing.T) {
	other, err := delivery.NewKey("k2", "another-seal-key-of-somebody")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		store   func(r *rig)
		signed  int
		sealed  int
		problem string
	}{
		{"sealed and signed", func(r *rig) { r.receive(pikBody("evt_1", "txn_1")) }, 1, 0, ""},
		{"a token is not stored", func(r *rig) { r.store(r.delivery("picpay", "token", `{}`)) }, 0, 1, ""},
		{"sealed by an ingress that accepted a wrong signature", func(r *rig) {
			r.store(r.delivery("pik", "hmac", `{}`))
		}, 0, 0, "missing"},
		{"sealed with another key", func(r *rig) {
			r.seals = delivery.Keys{other}
			r.receive(pikBody("evt_1", "txn_1"))
		}, 0, 0, "unknown_key"},
		{"not sealed", func(r *rig) {
			if _, err := r.js.PublishMsg(r.t.Context(), &nats.Msg{Subject: "webhooks.pik.default", Data: []byte("{}")}); err != nil {
				r.t.Fatal(err)
			}
		}, 0, 0, "seal missing"},
		{"one byte changed", func(r *rig) {
			d := r.delivery("pik", "hmac", `{"a":1}`)
			msg := d.Message(r.seals)
			msg.Data = []byte(`{"a":2}`)
			if _, err := r.js.PublishMsg(r.t.Context(), msg); err != nil {
				r.t.Fatal(err)
			}
		}, 0, 0, "seal wrong"},
		{"copied in later", func(r *rig) {
			d := r.delivery("pik", "hmac", `{}`)
			d.ReceivedAt = d.ReceivedAt.Add(-time.Hour)
			r.store(d)
		}, 0, 0, "more than 10m apart"},
		{"a source that is gone", func(r *rig) {
			d := r.delivery("pik", "hmac", `{}`)
			d.Source = "gone"
			r.store(d)
		}, 0, 0, "not in the configuration"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			v := r.verify()
			test.store(r)
			sum, failures := r.verified(v)
			if sum.Deliveries != 1 || sum.Signed != test.signed || sum.SealedOnly != test.sealed {
				t.Errorf("got %+v", sum)
			}
			switch {
			case test.problem == "" && len(failures) != 0:
				t.Errorf("got %+v", failures)
			case test.problem != "" && (len(failures) != 1 || !strings.Contains(failures[0].Problem, test.problem) || failures[0].Sequence != 1):
				t.Errorf("got %+v, want %q", failures, test.problem)
			}
		})
	}
}

// TestVerifyWithOldSecrets says that a delivery verifies for as long as its secret
// is configured, and that the failure names the secret when it is not.
func TestVerifyWithOldSecrets(t *testing.T) {
	r := newRig(t)
	r.receive(pikBody("evt_1", "txn_1"))
	old := r.config.Sources[0].Secrets[0]
	next := config.NewSecret("next", "the-secret-after-rotation-1")
	r.config.Sources[0].Secrets = []config.Secret{next}
	_, failures := r.verified(r.verify())
	if len(failures) != 1 || !strings.Contains(failures[0].Do, `"current"`) {
		t.Errorf("the old secret is gone: %+v", failures)
	}
	r.config.Sources[0].Secrets = []config.Secret{next, old}
	if sum, failures := r.verified(r.verify()); sum.Signed != 1 {
		t.Errorf("both are there: %+v %+v", sum, failures)
	}
}

// TestVerifyAndAuditSayHowFar says that both tell their progress to the last item, and that
// an interruption is one by its kind.
func TestVerifyAndAuditSayHowFar(t *testing.T) {
	r := newRig(t)
	for i := range 3 {
		r.receive(pikBody(fmt.Sprint("evt_", i), fmt.Sprint("txn_", i)))
		r.normalize(all)
	}
	v := r.verify()
	var said []string
	v.Progress = func(done, total int) { said = append(said, fmt.Sprintf("%d/%d", done, total)) }
	if _, err := v.Run(t.Context(), r.js, Range{}, func(Unverified) {}); err != nil || strings.Join(said, " ") != "1/3 2/3 3/3" {
		t.Errorf("verify: %v, %v", said, err)
	}
	said = nil
	audit := Audit{Programs: r.programs, Deep: true, Progress: func(what string) func(done, total int) {
		return func(done, total int) { said = append(said, fmt.Sprintf("%s %d/%d", what, done, total)) }
	}}
	if _, err := audit.Run(t.Context(), r.js, 0, 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"messages of PAYMENTS 3/3", "deliveries mapped again 3/3", "messages of PAYMENTS searched 3/3"} {
		if !slices.Contains(said, want) {
			t.Errorf("audit does not say %q: %v", want, said)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Run(ctx, r.js, Range{}, func(Unverified) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := audit.Run(ctx, r.js, 0, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
