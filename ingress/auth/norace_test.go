//go:build !race

// The race detector makes pools forget what they hold, so what is counted here is
// counted without it.

package auth

import (
	"bytes"
	"net/http"
	"testing"

	"paybridge/schemas/provider"
)

// TestVerifyingAllocatesNothing holds the hot path of every HMAC shape, accepted and
// refused, to no allocation.
func TestVerifyingAllocatesNothing(t *testing.T) {
	for name, a := range map[string]*provider.Auth{
		"plain": plainHMAC(provider.SHA256), "stripe-like": stripeLike(), "standard webhooks": standardWebhooks(),
		"token": tokenIn("X-Token", ""), "mercadopago-like": mercadoPagoLike(),
	} {
		secret, r := authentic(t, a)
		v, err := New(a, []Secret{secret, otherOf(a)})
		if err != nil {
			t.Fatal(err)
		}
		wrong := r.clone()
		wrong.Header = http.Header{}
		for header := range r.Header {
			wrong.Header[header] = []string{string(bytes.Repeat([]byte("0"), 64))}
		}
		for _, c := range []struct {
			request  Request
			accepted bool
		}{{r, true}, {wrong, false}} {
			allocations := testing.AllocsPerRun(100, func() {
				early := v.Early(c.request)
				if _, err := v.Verify(c.request); (err == nil) != c.accepted || c.accepted && early != nil {
					t.Fatal(err)
				}
			})
			if allocations >= 1 {
				t.Errorf("%s: %v allocations", name, allocations)
			}
		}
	}
}
