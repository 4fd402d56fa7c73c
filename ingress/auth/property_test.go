package auth

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"paybridge/schemas/provider"
)

// TestOnlyWhatWasSignedVerifies draws bodies, secrets and shapes: what is signed
// verifies, and with any one byte of the body or the signature changed does not.
func TestOnlyWhatWasSignedVerifies(t *testing.T) {
	shapes := everyShape()
	names := make([]string, 0, len(shapes))
	for name, a := range shapes {
		if a.AnyOf[0].Kind == provider.HMAC && a.AnyOf[0].Key == provider.KeyText {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		a := shapes[rapid.SampledFrom(names).Draw(t, "shape")]
		secret := weak("k", rapid.StringMatching(`[!-~]{1,80}`).Draw(t, "secret"))
		r := everyRequest()
		r.Body = rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "body")
		var err error
		if r.Header, r.Query, err = Sign(a, secret, r); err != nil {
			t.Fatal(err)
		}
		v, err := New(a, []Secret{weak("other", "another-account's-secret"), secret})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.Verify(r); err != nil || got.KeyID != "k" {
			t.Fatalf("%+v %v", got, err)
		}
		parsed, err := provider.ParseTemplate(a.AnyOf[0].Signed)
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Refers(provider.RefBody) {
			changed := r.clone()
			changed.Body[rapid.IntRange(0, len(r.Body)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			if _, err := v.Verify(changed); err == nil {
				t.Fatal("a changed body is accepted")
			}
		}
		name := a.AnyOf[0].Signature.Headers[0]
		text := []byte(r.Header.Get(name))
		at := rapid.IntRange(0, len(text)-1).Draw(t, "place")
		text[at] ^= 1
		changed := r.clone()
		changed.Header[name] = []string{string(text)}
		if _, err := v.Verify(changed); err == nil {
			t.Fatalf("accepted with byte %d of %q changed", at, text)
		}
	})
}
