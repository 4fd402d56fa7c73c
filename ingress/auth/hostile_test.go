package auth

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"paybridge/schemas/provider"
)

// hostileSecret is the account's secret in the tables below.
const hostileSecret = "hostile-tests-secret-1"

// signedBy is the header text of a right signature over r.
func signedBy(t testing.TB, a *provider.Auth, r Request) string {
	t.Helper()
	h, _, err := Sign(a, weak("k0", hostileSecret), r)
	if err != nil {
		t.Fatal(err)
	}
	return h.Get(a.AnyOf[0].Signature.Headers[0])
}

// TestPlainSignature is every wrong way to write one plain signature.
func TestPlainSignature(t *testing.T) {
	a := plainHMAC(provider.SHA256)
	v := verifier(t, a, hostileSecret)
	right := signedBy(t, a, post(body))
	digest, _ := hex.DecodeString(right)
	emptyKey := signature256(t, "", body)
	for _, c := range []struct {
		name string
		r    Request
		want Reason
	}{
		{"right", post(body, "X-Signature", right), ""},
		{"upper-case hex", post(body, "X-Signature", strings.ToUpper(right)), ""},
		{"lower-case header name", post(body, "x-signature", right), ""},
		{"upper-case header name", post(body, "X-SIGNATURE", right), ""},
		{"signed with the empty key", post(body, "X-Signature", emptyKey), Mismatch},
		{"no header", post(body), Missing},
		{"another header", post(body, "X-Signature-256", right), Missing},
		{"empty header", post(body, "X-Signature", ""), Missing},
		{"a comma", post(body, "X-Signature", ","), Malformed},
		{"an equals sign", post(body, "X-Signature", "="), Malformed},
		{"t=", post(body, "X-Signature", "t="), Malformed},
		{"another body", post(body+" ", "X-Signature", right), Mismatch},
		{"a line end more", post(body+"\n", "X-Signature", right), Mismatch},
		{"the same JSON, keys turned", post(`{"amount":100.00,"id":"evt_1"}`, "X-Signature", right), Mismatch},
		{"empty body", post("", "X-Signature", right), Mismatch},
		{"one byte of it", post(body, "X-Signature", right[:2]), Malformed},
		{"half of it", post(body, "X-Signature", right[:32]), Malformed},
		{"all but a digit", post(body, "X-Signature", right[:63]), Malformed},
		{"doubled", post(body, "X-Signature", right+right), Malformed},
		{"two with a comma", post(body, "X-Signature", right+","+right), Malformed},
		{"base64", post(body, "X-Signature", base64.StdEncoding.EncodeToString(digest)), Malformed},
		{"base64url", post(body, "X-Signature", base64.RawURLEncoding.EncodeToString(digest)), Malformed},
		{"raw bytes", post(body, "X-Signature", string(digest)), Malformed},
		{"sha256= where there is no prefix", post(body, "X-Signature", "sha256="+right), Malformed},
		{"sha1=", post(body, "X-Signature", "sha1="+right), Malformed},
		{"alg=none", post(body, "X-Signature", "alg=none"), Malformed},
		{"a space before", post(body, "X-Signature", " "+right), Malformed},
		{"a NUL after", post(body, "X-Signature", right+"\x00"), Malformed},
		{"not hex in one place", post(body, "X-Signature", right[:63]+"g"), Malformed},
		{"other digits", post(body, "X-Signature", strings.Replace(right, right[:1], "０", 1)), Malformed},
		{"two lines, both right", post(body, "X-Signature", right, "X-Signature", right), Malformed},
		{"two lines, good then bad", post(body, "X-Signature", right, "X-Signature", "00"), Malformed},
		{"two lines, bad then good", post(body, "X-Signature", "00", "X-Signature", right), Malformed},
		{"two lines, empty then good", post(body, "X-Signature", "", "X-Signature", right), Malformed},
		{"all zero", post(body, "X-Signature", strings.Repeat("0", 64)), Mismatch},
		{"a megabyte", post(body, "X-Signature", strings.Repeat("0", 1<<20)), Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			wants(t, v, c.r, c.want)
			early := v.Early(c.r)
			if late := c.want == "" || c.want == Mismatch; late != (early == nil) {
				t.Errorf("early: %v", early)
			}
		})
	}
}

// signature256 is the hex HMAC-SHA256 of a body under any key.
func signature256(t testing.TB, key, body string) string {
	t.Helper()
	r, err := signHMAC(&plainHMAC(provider.SHA256).AnyOf[0], []byte(key), post(body), "")
	if err != nil {
		t.Fatal(err)
	}
	return r.Header.Get("X-Signature")
}

// TestBase64IsStrict holds to one text for each digest.
func TestBase64IsStrict(t *testing.T) {
	a := in(provider.Base64, provider.SHA256, provider.KeyText)
	v := verifier(t, a, hostileSecret)
	right := signedBy(t, a, post(body))
	digest, _ := base64.StdEncoding.DecodeString(right)
	last := right[42]
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	loose := right[:42] + string(alphabet[strings.IndexByte(alphabet, last)|1]) + "=" // the same bytes, spare bits set
	for name, c := range map[string]struct {
		text string
		want Reason
	}{
		"right":                 {right, ""},
		"spare bits set":        {loose, Malformed},
		"without padding":       {right[:43], Malformed},
		"padding doubled":       {right + "=", Malformed},
		"padding inside":        {right[:20] + "=" + right[20:43], Malformed},
		"a line end after":      {right + "\n", Malformed},
		"a line end inside":     {right[:20] + "\n" + right[20:], Malformed},
		"a line end for a byte": {right[:20] + "\n" + right[21:], Malformed},
		"line ends for a group": {right[:40] + "\n\n\n\n", Malformed},
		"a space inside":        {right[:20] + " " + right[21:], Malformed},
		"hex":                   {hex.EncodeToString(digest), Malformed},
		"base64url":             {"-_" + right[2:], Malformed},
		"all zero":              {strings.Repeat("A", 43) + "=", Mismatch},
	} {
		t.Run(name, func(t *testing.T) { wants(t, v, post(body, "X-Signature", c.text), c.want) })
	}
	if loose == right {
		t.Fatal("the vector has no spare bits to set")
	}
}

func TestSeveralEncodingsAndAPrefix(t *testing.T) {
	// As PIK: the encoding is not documented, the digest is.
	a := shaped(func(s *provider.Scheme) {
		s.Signature.Prefix, s.Signature.Optional = "sha256=", true
		s.Signature.Encoding = []string{provider.Hex, provider.Base64}
	})
	v := verifier(t, a, hostileSecret)
	inHex := strings.TrimPrefix(signedBy(t, a, post(body)), "sha256=")
	digest, _ := hex.DecodeString(inHex)
	in64 := base64.StdEncoding.EncodeToString(digest)
	for _, text := range []string{inHex, in64, "sha256=" + inHex, "sha256=" + in64} {
		wants(t, v, post(body, "X-Signature", text), "")
	}
	for _, text := range []string{"sha256=", "SHA256=" + inHex, "sha1=" + inHex, "sha256=sha256=" + inHex, "sha256= " + inHex, "sha256:" + inHex} {
		wants(t, v, post(body, "X-Signature", text), Malformed)
	}
	a.AnyOf[0].Signature.Optional = false
	wants(t, verifier(t, a, hostileSecret), post(body, "X-Signature", inHex), Malformed)
}

func TestAliasesOfTheSignatureHeader(t *testing.T) {
	a := shaped(func(s *provider.Scheme) { s.Signature.Headers = []string{"X-Signature", "X-Bidali-Signature"} })
	v := verifier(t, a, hostileSecret)
	right := signedBy(t, a, post(body))
	wants(t, v, post(body, "X-Signature", right), "")
	wants(t, v, post(body, "X-Bidali-Signature", right), "")
	wants(t, v, post(body, "X-Signature", right, "X-Bidali-Signature", right), Malformed)
	wants(t, v, post(body, "X-Signature", "", "X-Bidali-Signature", right), Malformed)
	wants(t, v, post(body, "X-Signature-2", right), Missing)
}

// TestListOfSignatures holds Stripe's shape to its one version and its bounds.
func TestListOfSignatures(t *testing.T) {
	a := stripeLike()
	v := verifier(t, a, hostileSecret)
	right := signedBy(t, a, post(body)) // t=…,v1=…
	stamp, good, _ := strings.Cut(right, ",")
	hexText := strings.TrimPrefix(good, "v1=")
	bad := "v1=" + strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		text string
		want Reason
	}{
		"right":                    {right, ""},
		"signature first":          {good + "," + stamp, ""},
		"bad, bad, good":           {strings.Join([]string{stamp, bad, bad, good}, ","), ""},
		"good, bad":                {strings.Join([]string{stamp, good, bad}, ","), ""},
		"the 16th":                 {stamp + strings.Repeat(","+bad, 14) + "," + good, ""},
		"the 17th":                 {stamp + strings.Repeat(","+bad, 15) + "," + good, Malformed},
		"10,000 of them":           {stamp + strings.Repeat(","+bad, 10_000) + "," + good, Malformed},
		"spaces around elements":   {stamp + " , " + good, ""},
		"v0 alone":                 {stamp + ",v0=" + hexText, Malformed},
		"v1a alone":                {stamp + ",v1a=" + hexText, Malformed},
		"V1":                       {stamp + ",V1=" + hexText, Malformed},
		"a space in the key":       {stamp + ",v1 =" + hexText, Malformed},
		"a space before the value": {stamp + ",v1= " + hexText, Malformed},
		"no key":                   {stamp + "," + hexText, Malformed},
		"an empty key":             {stamp + ",=" + hexText, Malformed},
		"no signature":             {stamp, Malformed},
		"no timestamp":             {good, Missing},
		"an empty timestamp":       {"t=," + good, Missing},
		"two timestamps":           {stamp + "," + stamp + "," + good, Malformed},
		"valid, then stale":        {stamp + ",t=1000000000," + good, Malformed},
		"stale, then valid":        {"t=1000000000," + stamp + "," + good, Malformed},
		"another timestamp":        {"t=1768478401," + good, Mismatch},
		"separated by semicolons":  {stamp + ";" + good, Malformed},
		"nothing but commas":       {",,,,", Malformed},
	} {
		t.Run(name, func(t *testing.T) { wants(t, v, post(body, "Stripe-Signature", c.text), c.want) })
	}
}

func TestPlainList(t *testing.T) {
	a := shaped(func(s *provider.Scheme) { s.Signature.List, s.Signature.Prefix = "|", "sha256=" })
	v := verifier(t, a, hostileSecret)
	right := signedBy(t, a, post(body))
	wants(t, v, post(body, "X-Signature", "x|"+right+"|sha1=00"), "")
	wants(t, v, post(body, "X-Signature", "x||sha1=00"), Malformed)
}

// TestAge is the tolerance, two-sided and inclusive, to the nanosecond.
func TestAge(t *testing.T) {
	a := stripeLike()
	v := verifier(t, a, hostileSecret)
	r := post(body)
	r.Header, _, _ = Sign(a, weak("k", hostileSecret), r)
	for _, c := range []struct {
		age  time.Duration
		want Reason
	}{
		{0, ""},
		{299 * time.Second, ""},
		{300 * time.Second, ""},
		{300*time.Second + 1, Stale},
		{301 * time.Second, Stale},
		{1 << 62, Stale},
		{-299 * time.Second, ""},
		{-300 * time.Second, ""},
		{-300*time.Second - 1, Future},
		{-301 * time.Second, Future},
		{-1 << 62, Future},
	} {
		r.ReceivedAt = noon.Add(c.age)
		wants(t, v, r, c.want)
		if err := v.Early(r); err != nil {
			t.Errorf("early judged the age %s: %v", c.age, err)
		}
	}
	// What is not authentic is not stale but wrong.
	r.ReceivedAt, r.Body = noon.Add(time.Hour), []byte("x")
	wants(t, v, r, Mismatch)
	a.AnyOf[0].Timestamp.Tolerance = 0
	r.Body, r.ReceivedAt = []byte(body), noon.AddDate(30, 0, 0)
	wants(t, verifier(t, a, hostileSecret), r, "")
}

// TestTimestampForm signs each text with the right secret: its form alone decides.
func TestTimestampForm(t *testing.T) {
	seconds := []string{provider.Seconds, provider.SecondsOrMilliseconds}
	milliseconds := []string{provider.Milliseconds, provider.SecondsOrMilliseconds}
	for text, accepting := range map[string][]string{
		"1768478400":            seconds,
		"1768478400000":         milliseconds,
		"2026-01-15T12:00:00Z":  {provider.RFC3339},
		"-1":                    nil,
		"0":                     nil,
		"1e9":                   nil,
		"NaN":                   nil,
		"Infinity":              nil,
		"0x5f":                  nil,
		"+1768478400":           nil,
		"-1768478400":           nil,
		" 1768478400":           nil,
		"1768478400.0":          nil,
		"01768478400":           nil,
		"176847840":             nil,
		"176847840000":          nil,
		"9223372036854775808":   nil,
		"１７６８４７８４００":            nil,
		"1768478400\n":          nil,
		"2026-01-15 12:00:00Z":  nil,
		"2026-01-15T12:00:00":   nil,
		"2026-01-15T12:00:00,5": nil,
		"":                      nil,
	} {
		for _, unit := range []string{provider.Seconds, provider.Milliseconds, provider.SecondsOrMilliseconds, provider.RFC3339} {
			a := dated("{timestamp}.{body}", provider.Hex, unit)
			var r Request
			if text != "" {
				var err error
				if r, err = signHMAC(&a.AnyOf[0], []byte(hostileSecret), post(body), text); err != nil {
					t.Fatal(err)
				}
			} else {
				r = post(body, "X-Signature", strings.Repeat("0", 64), "X-Timestamp", "")
			}
			want := Malformed
			for _, u := range accepting {
				if u == unit {
					want = ""
				}
			}
			if text == "" {
				want = Missing
			}
			t.Run(unit+" "+text, func(t *testing.T) { wants(t, verifier(t, a, hostileSecret), r, want) })
		}
	}
}

func TestADigitDoesNotMoveIntoTheBody(t *testing.T) {
	a := dated("{timestamp}{body}", provider.Hex, provider.Seconds)
	a.AnyOf[0].Timestamp.Tolerance = 0
	v := verifier(t, a, hostileSecret)
	r, err := signHMAC(&a.AnyOf[0], []byte(hostileSecret), post("1{}"), "1768478400")
	if err != nil {
		t.Fatal(err)
	}
	wants(t, v, r, "")
	r.Header.Set("X-Timestamp", "17684784001")
	r.Body = []byte("{}")
	wants(t, v, r, Malformed)
	r.Header.Set("X-Timestamp", "176847840")
	r.Body = []byte("01{}")
	wants(t, v, r, Malformed)
}

// TestTimestampAndIDStandOnce holds the headers beside the signature to one line.
func TestTimestampAndIDStandOnce(t *testing.T) {
	a := standardWebhooks()
	v := verifier(t, a, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	signed := func() Request {
		r := post(body, "Webhook-Id", "msg_1")
		r.Header, _, _ = Sign(a, weak("k", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), r)
		return r
	}
	if got := wants(t, v, signed(), ""); got.SignedID != "msg_1" {
		t.Errorf("signed id %q", got.SignedID)
	}
	for _, name := range []string{"Webhook-Id", "Webhook-Timestamp"} {
		r := signed()
		r.Header.Del(name)
		wants(t, v, r, Missing)
		r = signed()
		r.Header.Set(name, "")
		wants(t, v, r, Missing)
		r = signed()
		r.Header.Add(name, r.Header.Get(name))
		wants(t, v, r, Malformed)
	}
	r := signed()
	r.Header.Set("Webhook-Signature", ",a ,b "+r.Header.Get("Webhook-Signature"))
	wants(t, v, r, "")
	r = signed()
	r.Header.Set("Webhook-Id", "msg_2")
	wants(t, v, r, Mismatch)
}

// TestToken is every wrong way to send a static token.
func TestToken(t *testing.T) {
	const token = "a45c2dee-6435-1234-5678-b2a5f0ae7a8a"
	bare, bearer := verifier(t, tokenIn("Authorization", ""), token), verifier(t, tokenIn("Authorization", "Bearer "), token)
	query := verifier(t, &provider.Auth{AnyOf: []provider.Scheme{{Kind: provider.Token, Token: provider.Value{Query: "hmac"}}}}, token)
	for _, c := range []struct {
		name string
		v    *Verifier
		r    Request
		want Reason
	}{
		{"right", bare, post(body, "Authorization", token), ""},
		{"none", bare, post(body), Missing},
		{"empty", bare, post(body, "Authorization", ""), Missing},
		{"all but its end", bare, post(body, "Authorization", token[:35]), Mismatch},
		{"one more", bare, post(body, "Authorization", token+"a"), Mismatch},
		{"a NUL after", bare, post(body, "Authorization", token+"\x00"), Mismatch},
		{"a space after", bare, post(body, "Authorization", token+" "), Mismatch},
		{"a tab after", bare, post(body, "Authorization", token+"\t"), Mismatch},
		{"a space before", bare, post(body, "Authorization", " "+token), Mismatch},
		{"upper case", bare, post(body, "Authorization", strings.ToUpper(token)), Mismatch},
		{"as a bearer token", bare, post(body, "Authorization", "Bearer "+token), Mismatch},
		{"two lines", bare, post(body, "Authorization", token, "Authorization", token), Malformed},
		{"another header", bare, post(body, "X-Token", token), Missing},
		{"in the query", bare, from("", "authorization="+token, post(body)), Missing},
		{"bearer", bearer, post(body, "Authorization", "Bearer "+token), ""},
		{"bearer without its prefix", bearer, post(body, "Authorization", token), Malformed},
		{"bearer in lower case", bearer, post(body, "Authorization", "bearer "+token), Malformed},
		{"bearer with two spaces", bearer, post(body, "Authorization", "Bearer  "+token), Mismatch},
		{"query", query, from("", "a=b&hmac="+token, post(body)), ""},
		{"query, escaped", query, from("", "hmac=%61"+token[1:], post(body)), ""},
		{"query twice", query, from("", "hmac="+token+"&hmac="+token, post(body)), Malformed},
		{"query, another name", query, from("", "HMAC="+token, post(body)), Missing},
		{"query, in the header instead", query, post(body, "Hmac", token), Missing},
		{"query, broken", query, from("", "hmac=%", post(body)), Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			wants(t, c.v, c.r, c.want)
			if err := c.v.Early(c.r); (err == nil) != (c.want == "") {
				t.Errorf("early: %v", err)
			}
		})
	}
	if got := wants(t, bare, post(body, "Authorization", token), ""); got != (Result{Scheme: "token", KeyID: "k0"}) {
		t.Errorf("%+v", got)
	}
}

// TestBasic is every wrong way to send Basic credentials.
func TestBasic(t *testing.T) {
	v := verifier(t, basicAuth(), "pagarme:a-long-password!")
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	right := encode("pagarme:a-long-password!")
	for value, want := range map[string]Reason{
		"Basic " + right:                        "",
		"basic " + right:                        "",
		"":                                      Missing,
		right:                                   Malformed,
		"Bearer " + right:                       Malformed,
		"Basic":                                 Malformed,
		"Basic ":                                Mismatch,
		"Basic  " + right:                       Malformed,
		"Basic " + right + "=":                  Malformed,
		"Basic " + right[:4] + "\n" + right[4:]: Malformed,
		"Basic " + right + "\n":                 Malformed,
		"Basic " + strings.Repeat("A", 1028):    Malformed,
		"Basic " + encode("pagarme:a-long-passwor"): Mismatch,
		"Basic " + encode("pagarme"):                Mismatch,
		"Basic " + encode(":a-long-password!"):      Mismatch,
		"Basic " + encode("x:a-long-password!"):     Mismatch,
		"Basic pagarme:a-long-password!":            Malformed,
	} {
		t.Run(value, func(t *testing.T) { wants(t, v, post(body, "Authorization", value), want) })
	}
	wants(t, v, post(body, "Authorization", "Basic "+right, "Authorization", "Basic "+right), Malformed)
}
