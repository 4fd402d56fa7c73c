package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"

	"paybridge/schemas/provider"
)

// FuzzSignatureHeader holds the parser of signature headers to a second opinion:
// what it accepts has the right HMAC in it, written out, with the one timestamp.
func FuzzSignatureHeader(f *testing.F) {
	a := stripeLike()
	r := post(body)
	h, _, err := Sign(a, weak("k0", hostileSecret), r)
	if err != nil {
		f.Fatal(err)
	}
	right := h.Get("Stripe-Signature")
	for _, seed := range []string{
		right, "", ",", "=", "t=", "t=1768478400", "v1=" + strings.Repeat("0", 64), right + "," + right, right + ",v1=bad",
		strings.ToUpper(right), strings.Replace(right, ",", ", ", 1), "t=1768478400,v0=00,v1=\x00", strings.Repeat("v1=,", 20),
	} {
		f.Add(seed)
	}
	v, err := New(a, []Secret{weak("k0", hostileSecret)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r.Header.Set("Stripe-Signature", value)
		_, err := v.Verify(r)
		if early := v.Early(r); early != nil && err == nil {
			t.Fatalf("%q: early refuses what is accepted", value)
		}
		if err != nil {
			return
		}
		stamps, signatures := 0, 0
		for element := range strings.SplitSeq(value, ",") {
			element = strings.Trim(element, " \t")
			if stamp, ok := strings.CutPrefix(element, "t="); ok {
				stamps++
				second, err := strconv.ParseInt(stamp, 10, 64)
				if age := noon.Unix() - second; err != nil || len(stamp) != 10 || age < -300 || age > 300 {
					t.Fatalf("%q: accepted with the timestamp %q", value, stamp)
				}
				mac := hmac.New(sha256.New, []byte(hostileSecret))
				mac.Write([]byte(stamp + "." + body))
				if strings.Contains(strings.ToLower(value), "v1="+hex.EncodeToString(mac.Sum(nil))) {
					signatures++
				}
			}
		}
		if stamps != 1 || signatures != 1 {
			t.Fatalf("%q: accepted with %d timestamps and %d right signatures", value, stamps, signatures)
		}
	})
}

// FuzzEncoding holds that a digest has one text, upper-case hex apart.
func FuzzEncoding(f *testing.F) {
	for _, seed := range []string{"", strings.Repeat("0", 64), strings.Repeat("A", 43) + "=", strings.Repeat("A", 43), "\n", strings.Repeat("-", 43)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{provider.Hex, provider.Base64, provider.Base64URL} {
			e, err := encodingOf(name)
			if err != nil {
				t.Fatal(err)
			}
			var digest [maxDigest]byte
			if !e.decode(&digest, sha256.Size, text) {
				continue
			}
			again := e.encode(digest[:sha256.Size])
			same := text == again || name == provider.Hex && strings.EqualFold(text, again) || name == provider.Base64URL && text == again+"="
			if !same {
				t.Fatalf("%s: %q is read as %q", name, text, again)
			}
		}
	})
}

// FuzzTemplate holds that a template that is read is written as it was read, and
// that composing it never fails but by refusing, whatever the request.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		"{body}", "{id}.{timestamp}.{body}", "[id:{query:data.id|lower};]ts:{timestamp};", "{{{body}}}", "[[{body}]]", "[{header:a}", "{", "}", "[", "]", "{header:}",
		"{query:}", "{body|upper}", "[x]{body}", "[{body}[{id}]]", "{header:a b}", "{method}{url}{path}{body}",
	} {
		f.Add(seed, "data.id=1&data.id=2", "value")
	}
	f.Fuzz(func(t *testing.T, signed, query, value string) {
		parsed, err := provider.ParseTemplate(signed)
		if err != nil {
			return
		}
		again, err := provider.ParseTemplate(parsed.String())
		if err != nil || again.String() != parsed.String() {
			t.Fatalf("%q is written as %q: %v", signed, parsed.String(), err)
		}
		r := post(value, "A", value)
		r.Query, r.URL = query, value
		w := &hmacWork{}
		reason := template{parsed}.compose(&r, signedValues{timestamp: value, id: value}, w)
		if reason != "" && reason != Missing && reason != Malformed {
			t.Fatalf("%q: %s", signed, reason)
		}
		if w.body > len(w.text) {
			t.Fatalf("%q: the body belongs behind the end", signed)
		}
	})
}

// FuzzToken holds that nothing but the token is accepted, in a header, in the query,
// and as Basic credentials.
func FuzzToken(f *testing.F) {
	const token = "fuzz-token-0123456789"
	for _, seed := range []string{token, "", token + " ", " " + token, token[:20], token + "\x00", "Bearer " + token, "Basic dXNlcjpwYXNz", "Basic dTpmdXp6LXRva2VuLTAxMjM0NTY3ODk=", "%66" + token[1:]} {
		f.Add(seed)
	}
	header, err := New(tokenIn("X-Token", ""), []Secret{weak("k", token)})
	if err != nil {
		f.Fatal(err)
	}
	query, err := New(&provider.Auth{AnyOf: []provider.Scheme{{Kind: provider.Token, Token: provider.Value{Query: "t"}}}}, []Secret{weak("k", token)})
	if err != nil {
		f.Fatal(err)
	}
	basic, err := New(basicAuth(), []Secret{weak("k", "u:"+token)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if _, err := header.Verify(post("", "X-Token", value)); (err == nil) != (value == token) {
			t.Fatalf("header %q: %v", value, err)
		}
		if _, err := query.Verify(from("", "t="+value, post(""))); err == nil {
			if decoded, _ := unescape(value); decoded != token && !slices.Contains(strings.Split(value, "&"), token) {
				t.Fatalf("query %q: accepted", value)
			}
		}
		if _, err := basic.Verify(post("", "Authorization", value)); err == nil && !strings.EqualFold(value[:6], "Basic ") {
			t.Fatalf("credentials %q: accepted", value)
		} else if err == nil && value[6:] != "dTpmdXp6LXRva2VuLTAxMjM0NTY3ODk=" {
			t.Fatalf("credentials %q: accepted", value)
		}
	})
}
