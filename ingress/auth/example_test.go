package auth_test

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

// The auth half of a pack and the secrets of a source make a verifier.
func ExampleVerifier_Verify() {
	library, err := provider.BuiltIn()
	if err != nil {
		fmt.Println(err)
		return
	}
	pack, err := library.Auth("pixorder")
	if err != nil {
		fmt.Println(err)
		return
	}
	// allow_weak, because "abc" is the documentation's secret.
	verifier, err := auth.New(pack, []auth.Secret{auth.NewSecret("current", "abc", true, "paybridge.yaml:12")})
	if err != nil {
		fmt.Println(err)
		return
	}
	request := auth.Request{
		Method:     "POST",
		Header:     http.Header{"Signature": {"1f14a62b15ba5095326d6c75c3e2e6b462dd71e1c4b7fbdac0f32309adb7be5f"}},
		Body:       []byte(`{"a":1}`),
		ReceivedAt: time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC),
	}
	result, err := verifier.Verify(request)
	fmt.Println(result.Scheme, result.KeyID, err)

	request.Body = []byte(`{"a":2}`)
	_, err = verifier.Verify(request)
	var refusal *auth.Error
	fmt.Println(errors.As(err, &refusal), refusal.Reason)
	// Output:
	// hmac current <nil>
	// true mismatch
}

// Every bad secret is reported at once, by where the operator wrote it.
func ExampleNew() {
	pack := &provider.Auth{Name: "acme", AnyOf: []provider.Scheme{{Kind: provider.Token, Token: provider.Value{Header: "X-Token"}}}}
	_, err := auth.New(pack, []auth.Secret{
		auth.NewSecret("current", "changeme", false, "paybridge.yaml:12"),
		auth.NewSecret("next", "", false, "paybridge.yaml:13"),
	})
	fmt.Println(err)
	// Output:
	// paybridge.yaml:12: secret current: is a well-known placeholder; write the secret that the provider shows, or allow_weak: true beside it
	// paybridge.yaml:13: secret next: is empty; write the secret that the provider shows
}

// A request is signed as the provider would sign it.
func ExampleSign() {
	library, err := provider.BuiltIn()
	if err != nil {
		fmt.Println(err)
		return
	}
	pack, err := library.Auth("stripe")
	if err != nil {
		fmt.Println(err)
		return
	}
	header, _, err := auth.Sign(pack, auth.NewSecret("current", "whsec_bridge_vector_1", false, ""), auth.Request{
		Method:     "POST",
		Body:       []byte(`{"id":"evt_1","amount":100.00}`),
		ReceivedAt: time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC),
	})
	fmt.Println(header.Get("Stripe-Signature"), err)
	// Output: t=1768478400,v1=e037f7d697c7285e88919a8200ba6bc7130af1e3a048fdf8d8a02074e4e682b3 <nil>
}
