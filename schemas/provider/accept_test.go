package provider

import (
	"fmt"
	"strings"
	"testing"
)

// The tables of the other files hold what is refused; these hold what must not be.

// TestEveryWordOfTheFormatIsRead writes a rule for each canonical word and a payment
// with every field.
func TestEveryWordOfTheFormatIsRead(t *testing.T) {
	var text strings.Builder
	text.WriteString("name: acme\ntitle: A\nconfidence: partly documented\nevents:\n  type_prefix: br.com.acme-pay\n  type: item.t\n  derived_id: [item.id]\n  payment:\n")
	for _, field := range paymentFields {
		fmt.Fprintf(&text, "    %s: item.%s\n", field, field)
	}
	text.WriteString("  rules:\n")
	rules := 0
	for key, words := range map[string][]string{"kind": ruleKinds, "direction": ruleDirections, "state": ruleStates} {
		for _, word := range words {
			fmt.Fprintf(&text, "    - {when: 'true', %s: %s, set: {%s: item.x}}\n", key, word, paymentFields[rules%len(paymentFields)])
			rules++
		}
	}
	e, err := acme(t, text.String()).Events("acme")
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Payment) != len(paymentFields) || len(e.Rules) != rules {
		t.Errorf("%d fields and %d rules were read", len(e.Payment), len(e.Rules))
	}
	for i, field := range paymentFields {
		if e.Payment[i].Name != field || e.Payment[i].Expr.Text != "item."+field {
			t.Errorf("field %d is %+v", i, e.Payment[i])
		}
	}
	for _, rule := range e.Rules {
		if rule.Kind+rule.Direction+rule.State == "" || len(rule.Set) != 1 {
			t.Errorf("%+v", rule)
		}
	}
}

// TestForms are texts that become parts of names on the wire.
func TestForms(t *testing.T) {
	for _, c := range []struct {
		name string
		fits func(string) bool
		good []string
		bad  []string
	}{
		{
			"a pack's name", packName.MatchString,
			[]string{"pik", "0pay", "standard-webhooks", "pay_2", strings.Repeat("a", 64)},
			[]string{"", "Pik", "-pik", "_pik", "a.b", "a b", "pik\n", "é", strings.Repeat("a", 65), "*", ">"},
		},
		{
			"an endpoint's name", endpointName.MatchString,
			[]string{"PixPaymentReceivement", "a", "0", "a_b-c", strings.Repeat("a", 64)},
			[]string{"", "-a", "_a", "a.b", "a/b", "a%20b", "a\n", strings.Repeat("a", 65), ">"},
		},
		{
			"a type prefix", typePrefixForm.MatchString,
			[]string{"global.pik", "com.picpay", "br.com.acme-pay.v2", "BR.Acme"},
			[]string{"", "pik", ".pik", "pik.", "a..b", "a b.c", "a_b.c", "a.b\n", "a.*"},
		},
		{
			"a version", versionForm.MatchString,
			[]string{"1", "2026-01-15", "v1.2_3", strings.Repeat("1", 32)},
			[]string{"", ".1", "-1", "1 2", "1/2", "1:2", "1\n", strings.Repeat("1", 33)},
		},
		{
			"the name of an expression", letForm.MatchString,
			[]string{"charge", "_x", "a1", "A_b"},
			[]string{"", "1a", "a-b", "a.b", "a b", "é", "a\n"},
		},
		{
			"a note", noteForm.MatchString,
			[]string{"funds_received", "derived_id", "a1"},
			[]string{"", "Funds", "1a", "a-b", "a b", "a\n", strings.Repeat("a", 65)},
		},
		{
			"a JSON pointer", pointerForm.MatchString,
			[]string{"/a", "/a/0/b", "/data/*/name", "/a~1b/c~0d", "/", "/a b", "/é", "/type:"},
			[]string{"", "a", "a/b", "/a~", "/a~2", "#/a", "$.a"},
		},
		{
			"a header", func(name string) bool { return checkHeader(name) == nil },
			[]string{"Signature", "x-signature", "event_type", "X-GCS-KeyId", "PIK-Signature", "a", "X!#$%&'*+.^`|~"},
			[]string{"", " a", "a ", "a b", "a:", "a\r\nb", "é", "a\x00", "a(b)", "a/b", "a@b", `"a"`, "Host", "trailer", "Transfer-Encoding"},
		},
	} {
		for _, text := range c.good {
			if !c.fits(text) {
				t.Errorf("%q is refused as %s", text, c.name)
			}
		}
		for _, text := range c.bad {
			if c.fits(text) {
				t.Errorf("%q is taken as %s", text, c.name)
			}
		}
	}
}

// TestSchemesAreReadAlike reads each scheme inline and as an alternative, and
// compares what comes of it.
func TestSchemesAreReadAlike(t *testing.T) {
	for name, c := range map[string]struct{ scheme, want string }{
		"hmac": {
			`{scheme: hmac, hash: sha512, key: hex, signed: "{body}", signature: {header: x-a, encoding: base64url}}`,
			"{Kind:hmac Hash:sha512 Key:hex Signed:{body} Signature:{Headers:[X-A] List: Pairs: Take: Prefix: Optional:false Encoding:[base64url] At:%[1]s} Token:{Header: Query: Pair: Prefix: At:} Timestamp:<nil> ID:<nil> At:%[1]s}",
		},
		"hmac, key by default": {
			`{scheme: hmac, hash: sha1, signed: "{url}", signature: {headers: [x-a, x-b], list: " ", encoding: [hex]}}`,
			"{Kind:hmac Hash:sha1 Key:text Signed:{url} Signature:{Headers:[X-A X-B] List:  Pairs: Take: Prefix: Optional:false Encoding:[hex] At:%[1]s} Token:{Header: Query: Pair: Prefix: At:} Timestamp:<nil> ID:<nil> At:%[1]s}",
		},
		"token": {
			`{scheme: token, token: {header: authorization, prefix: "Bearer "}}`,
			"{Kind:token Hash: Key: Signed: Signature:{Headers:[] List: Pairs: Take: Prefix: Optional:false Encoding:[] At:} Token:{Header:Authorization Query: Pair: Prefix:Bearer  At:%[1]s} Timestamp:<nil> ID:<nil> At:%[1]s}",
		},
		"token in the query": {
			`{scheme: token, token: {query: hmac}}`,
			"{Kind:token Hash: Key: Signed: Signature:{Headers:[] List: Pairs: Take: Prefix: Optional:false Encoding:[] At:} Token:{Header: Query:hmac Pair: Prefix: At:%[1]s} Timestamp:<nil> ID:<nil> At:%[1]s}",
		},
		"basic": {
			`{scheme: basic}`,
			"{Kind:basic Hash: Key: Signed: Signature:{Headers:[] List: Pairs: Take: Prefix: Optional:false Encoding:[] At:} Token:{Header: Query: Pair: Prefix: At:} Timestamp:<nil> ID:<nil> At:%[1]s}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := fmt.Sprintf(strings.ReplaceAll(c.want, "%[1]s", "%[1]v"), Position{"/packs/acme/provider.yaml", 4})
			for _, auth := range []string{" " + c.scheme, " {any_of: [" + c.scheme + "]}"} {
				a, err := acme(t, inline(auth)).Auth("acme")
				if err != nil {
					t.Fatal(err)
				}
				if got := fmt.Sprintf("%+v", a.AnyOf[0]); got != want || len(a.AnyOf) != 1 {
					t.Errorf("%s\ngot  %s\nwant %s", auth, got, want)
				}
			}
		})
	}
}

// TestTimestamps reads every unit from every place.
func TestTimestamps(t *testing.T) {
	for _, unit := range []string{Seconds, Milliseconds, SecondsOrMilliseconds, RFC3339} {
		for key, want := range map[string]Value{"header: x-time": {Header: "X-Time"}, "query: ts": {Query: "ts"}, "pair: t": {Pair: "t"}} {
			for text, tolerance := range map[string]string{"": "0s", ", tolerance: 90s": "1m30s", ", tolerance: 168h": "168h0m0s"} {
				auth := fmt.Sprintf(` {scheme: hmac, hash: sha256, signed: "{timestamp}{body}", signature: {header: X, list: ",", pairs: "=", take: v1, encoding: hex}, timestamp: {%s, unit: %s%s}}`, key, unit, text)
				a, err := acme(t, inline(auth)).Auth("acme")
				if err != nil {
					t.Error(err)
					continue
				}
				got := a.AnyOf[0].Timestamp
				got.From.At = Position{}
				if got.From != want || got.Unit != unit || got.Tolerance.String() != tolerance {
					t.Errorf("%s: %+v", auth, got)
				}
			}
		}
	}
}
