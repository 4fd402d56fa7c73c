package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf16"
)

// hostile is a body that a provider, or whoever has its key, may send.
type hostile struct {
	name string
	body string
}

// hostileBodies are several hundred bodies in the spirit of the public JSON test
// suites and of the lists of naughty strings. All differ, so each is a delivery.
func hostileBodies() []hostile {
	var all []hostile
	seen := make(map[string]bool)
	add := func(name, body string) {
		if body == "" || len(body) > largestBody || seen[body] {
			return
		}
		seen[body] = true
		all = append(all, hostile{name, body})
	}
	for i, text := range brokenJSON() {
		add(fmt.Sprint("broken ", i), text)
		add(fmt.Sprint("broken ", i, " in an event"), strings.Replace(payment(fmt.Sprint("broken-", i)), `"75.00"`, text, 1))
	}
	for i, text := range oddJSON() {
		add(fmt.Sprint("odd ", i), text)
		add(fmt.Sprint("odd ", i, " as an amount"), strings.Replace(payment(fmt.Sprint("amount-", i)), `"75.00"`, text, 1))
		switch i % 3 {
		case 0:
			add(fmt.Sprint("odd ", i, " as data"), fmt.Sprintf(`{"event":"payment.confirmed","id":"evt_data-%d","data":%s}`, i, text))
		case 1:
			add(fmt.Sprint("odd ", i, " as a type"), fmt.Sprintf(`{"event":%s,"id":"evt_type-%d","data":{}}`, text, i))
		default:
			add(fmt.Sprint("odd ", i, " as an id"), fmt.Sprintf(`{"event":"odd.id","id":%s,"data":{"n":%d}}`, text, i))
		}
	}
	for i, text := range naughtyTexts() {
		quoted, err := json.Marshal(text)
		if err != nil {
			panic(err) // a string is always JSON
		}
		add(fmt.Sprint("naughty ", i, " everywhere"), naughty(string(quoted), fmt.Sprintf(`"evt_naughty-%d"`, i)))
		add(fmt.Sprint("naughty ", i, " as a type"), fmt.Sprintf(`{"event":%s,"id":"evt_naughtytype-%d"}`, quoted, i))
		switch i % 3 {
		case 0:
			add(fmt.Sprint("naughty ", i, " as an id"), fmt.Sprintf(`{"event":"naughty.id","id":%s,"data":{"n":%d}}`, quoted, i))
		case 1:
			add(fmt.Sprint("naughty ", i, " as a key"), fmt.Sprintf(`{"event":"naughty.key","id":"evt_naughtykey-%d","data":{%s:1}}`, i, quoted))
		default:
			add(fmt.Sprint("naughty ", i, " bare"), text)
		}
	}
	for name, body := range shapes() {
		add(name, body)
	}
	whole := payment("mutant")
	for cut := range len(whole) {
		if cut%12 == 1 {
			add(fmt.Sprint("cut at ", cut), whole[:cut])
		}
	}
	chance := rand.New(rand.NewPCG(4, 2))
	for i := range 100 {
		add(fmt.Sprint("mutant ", i), mutant(chance, payment(fmt.Sprint("mutant-", i))))
	}
	return all
}

// naughty is an event of PIK in which every text is the same one.
func naughty(quoted, id string) string {
	return `{"event":"payment.confirmed","id":` + id + `,"created_at":` + quoted + `,"data":{"transaction_id":` + quoted + `,"payment_link_id":` + quoted +
		`,"amount":` + quoted + `,"currency":` + quoted + `,"status":` + quoted + `}}`
}

// mutant changes a few bytes.
func mutant(chance *rand.Rand, body string) string {
	const interesting = "\"\\{}[]:,0-9eE.tfn \n\x00\x1f\x7f\x80\xc0\xff"
	b := []byte(body)
	for range 1 + chance.IntN(4) {
		at := chance.IntN(len(b))
		with := interesting[chance.IntN(len(interesting))]
		switch chance.IntN(4) {
		case 0:
			b[at] = with
		case 1:
			b = append(b[:at], append([]byte{with}, b[at:]...)...)
		case 2:
			b = append(b[:at], b[at+1:]...)
		default:
			b[at] ^= 1 << chance.IntN(8)
		}
	}
	return string(b)
}

// brokenJSON is what no parser may take for JSON.
func brokenJSON() []string {
	return []string{
		// Lists and objects.
		"[1 true]", "[a\xe5]", `["": 1]`, `[""],`, "[,1]", "[1,,2]", `["x",,]`, `["x"]]`, `["",]`, `["x"`, "[x", "[3[4]]", "[1:2]", "[,]", "[-]", "[   , \"\"]", "[\"a\",\n4\n,1,", "[1,]", "[1,,]",
		"[*]", `[""`, "[1,", "[1,\n1\n,1", "[{}", "[", "]", "[]]", "[[]", "{]", "[}", "{[", `["a`, `{"a":`, `{"a"`, `{"`, "{", "}", "{}}", `{"x", null}`, `{"x"::"b"}`, `{"a":"a" 123}`, `{key: 'value'}`, `{"a" b}`,
		`{:"b"}`, `{"a" "b"}`, "{1:1}", "{9999E9999:1}", "{null:null,null:null}", `{"id":0,,,,,}`, "{'a':0}", `{"id":0,}`, `{"a":"b",,"c":"d"}`, "{a: \"b\"}", `{"a":"a`, `{ "foo" : "bar", "a" }`, `{"a":"b"}#`, `{"a":"b"}/**/`,
		`{"a":"b"}/**//`, `{"a":"b"}//`, `{"a":"b"}/`, `{"a":true} "x"`, `{"a": true} "x`, "{\x00\"a\":1}", "{}x", "{} {}", "{}{}", "{}\n{}", "[]a", "1 2", "\"a\" \"b\"", "{}\x00", "{},",
		// Literals and comments.
		"nul", "nulll", "NULL", "Null", "True", "FALSE", "tru", "truee", "fals", "undefined", "nan", "NaN", "-NaN", "+NaN", "Infinity", "-Infinity", "+Inf", "inf", "None", "/**/1", "1//", "#1", "<null>", "<.>", "*", "a", "aé", "é",
		// Numbers.
		"++1234", "+1", "-01", "-1.0.", "-2.", ".-1", ".2e-3", "0.1.2", "0.3e+", "0.3e", "0.e1", "0E+", "0E", "0e+", "0e", "1.0e+", "1.0e-", "1.0e", "1 000.0", "1eE2", "2.e+3", "2.e-3", "2.e3", "9.e+", "1+2", "0x1", "0x42", "-foo", "- 1",
		"-012", "-.123", "-1x", "1ea", "1e1\xe5", ".123", "1.", "1.2a-3", "1.8011670033376514H-308", "012", "00", "-", "--1", "1-", "1_000", "1,000.0", "\uff11", "٣", "1f", "1n", "0b1", "0o7", "1e", "1e+", "e1", "E", "١",
		// Strings.
		`"`, `"\"`, `"\x00"`, `"\a"`, `"\🌀"`, "\"\\", `"\u"`, `"\u1"`, `"\u1x"`, `"\u00A"`, `"\uqqqq"`, `"\uD834\uDd"`, `"\uD800\u"`, `"\uD800\u1x"`, "\"\x00\"", "\"\n\"", "\"\t\"", "\"\x1f\"", `'x'`, `"x'`, "`x`", `"a"b"`, "\"\\\n\"", `"\u{41}"`, "\"\\\x00\"", `\u000A""`, "\u201cx\u201d",
		// Bytes that are not UTF-8, or not text at all.
		"\"\xff\"", "\"\xe9\"", "\"\x80\"", "\"\xc0\xaf\"", "\"\xc1\xbf\"", "\"\xe0\x80\xaf\"", "\"\xf0\x80\x80\xaf\"", "\"\xfc\x80\x80\x80\x80\xaf\"", "\"\xed\xa0\x80\"", "\"\xed\xb0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xe2\x82\"", "{\"\xff\":1}", "\xff", "\xfe\xff", "\xef\xbb", "\xef\xbb\xbf", "\xef\xbb\xbf{}", "\xff\xfe{\x00}\x00", "\u2060[]", "\u00a0[]", "\u2028[]", "\f[]", "\v[]", "\x00", "\x00\x00\x00\x00", "\x1b[31m", "\x7f",
		// Surrogates that have nobody.
		`"\ud800"`, `"\udc00"`, `"\ud800\ud800"`, `"\udc00\ud800"`, `"a\ud800z"`, `"\uD800\n"`, `{"\ud800":1}`, `"\ud83d\u0041"`,
		// The same key twice, however it is spelled.
		`{"a":1,"a":1}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"":1,"":2}`, `{"x":{"a":1,"b":2,"a":3}}`, `[{"a":1,"a":2}]`, `{"a\/b":1,"a/b":2}`, `{"é":1,"\u00e9":2}`, `{"😀":1,"\ud83d\ude00":2}`,
		// Other languages, and other protocols.
		"<?xml version=\"1.0\"?><a/>", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>", "a: 1\nb: 2", "---\n- x", "payload=%7B%22event%22%3A%22x%22%7D", "payload={}", "a=b&c=d", "key,value\n1,2", "\x1f\x8b\x08\x00\x00\x00\x00\x00", "PK\x03\x04", "%PDF-1.7", "\x89PNG\r\n\x1a\n", "\x08\x96\x01", "\x80\x04\x95", "O:8:\"stdClass\":0:{}", "#!/bin/sh\nid", "GET / HTTP/1.1\r\n\r\n", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x--\r\n", ")]}',\n{}", "while(1);{}", "for(;;);{}", "callback({})", "/*-/*`/*\\`/*'/*\"/**/(alert())//", "{\"a\":1}<!--<a/>-->", "\x00\x00\x00\x02{}", "data: {}\n\n", "{}\r\n0\r\n\r\n",
		// White space alone.
		" ", "\n", "\t", "\r\n", strings.Repeat(" ", 100_000),
	}
}

// oddJSON is JSON that few expect.
func oddJSON() []string {
	return []string{
		"null", "true", "false", "{}", "[]", `""`, `" "`, "0", "-0", "-0.0", "1", "-1", "0.1", "1e400", "-1e400", "1e-400", "1E+2", "1e+2", "1E-2", "0e99999999", "1e99999999999999999999", "1e-99999999999999999999", "9007199254740993", "-9007199254740993",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551616", strings.Repeat("9", 1000), "-" + strings.Repeat("9", 1000), "0." + strings.Repeat("0", 1000) + "1", "1." + strings.Repeat("3", 1000), strings.Repeat("9", 100_000),
		"75.00", "75.000000000000000000000000000001", "100.00e-2", "0.30000000000000004", "5e-324", "2.2250738585072011e-308", "1.7976931348623157e308", "1.7976931348623159e308", "123456789012345678901234567890.12",
		`"1e400"`, `"-0"`, `"NaN"`, `"Infinity"`, `"0x10"`, `"1,000.00"`, `"1.000,00"`, `"R$ 10,00"`, `"１２"`, `" 75.00"`, `"75.00 "`, `"+75.00"`, `"75."`, `".75"`, `"7_5"`, `"-75.00"`, `"1e2"`, `"9223372036854775808"`, `"` + strings.Repeat("9", 5000) + `"`,
		"[[]]", "[[[[[[]]]]]]", "[null]", "[1,2,3]", `[{}]`, `[{},{}]`, `{"":""}`, `{"":{"":{"":null}}}`, `{"a":null}`, `{"null":null}`, `{"amount":1,"AMOUNT":100}`, `{"Event":"payment.confirmed","EVENT":"payment.settled"}`, `{"event":1,"Event":"payment.confirmed"}`,
		`{"__proto__":{"admin":true}}`, `{"constructor":{"prototype":{"x":1}}}`, `{"$ref":"#/a"}`, `{"@type":"java.lang.Runtime"}`, `{"$type":"System.Diagnostics.Process"}`, `{"!!python/object":"x"}`, `{"$where":"1"}`, `{"$numberDecimal":"1"}`, `{"{{7*7}}":"${7*7}"}`, `{"a.b":1}`, `{"a/b":{"~":{"~0":1}}}`,
		`"\u0000"`, `"a\u0000b"`, `"\u000d\u000a"`, `"\ud83d\ude00"`, `"\uDBFF\uDFFF"`, `"\uFFFF"`, `"\uFEFF"`, `"\u2028\u2029"`, `"\/\b\f\n\r\t\"\\"`, `"\u0022\u005c"`, "\"\u007f\"", "\"\u0080\"", "\"\ufffd\"", "\"\U0010ffff\"", `{"\u0000":1}`, `{"\n":1}`,
		" {} ", "\t[]\n", "\r\n1\r\n", "  \"x\"  ",
		// Times that make no sense, or nearly.
		`"2016-12-31T23:59:60Z"`, `"0000-00-00T00:00:00Z"`, `"0000-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.999999999Z"`, `"10000-01-01T00:00:00Z"`, `"2024-02-30T00:00:00Z"`, `"2024-01-15T24:00:00Z"`, `"2024-01-15T10:45:00"`, `"2024-01-15 10:45:00Z"`, `"2024-01-15T10:45:00+99:99"`, `"2024-01-15T10:45:00-24:00"`, `"2036-01-15T10:45:00Z"`, `"1969-12-31T23:59:59Z"`, `"2024-01-15"`, `"now"`, `"2024-01-15T10:45:00.` + strings.Repeat("1", 400) + `Z"`, `"-2024-01-15T10:45:00Z"`, "1705315500", "1705315500000", "-62135596801", "253402300800", "1e300",
	}
}

// shapes are bodies that are hostile as a whole: deep, wide, or in another coding.
func shapes() map[string]string {
	event := payment("shape")
	deep := func(n int, opening, closing string) string { return strings.Repeat(opening, n) + closing }
	keys := func(n int, form string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, form, i)
		}
		return `{"event":"wide","id":"evt_wide","data":{` + strings.TrimSuffix(b.String(), ",") + "}}"
	}
	nested := func(n int, id string) string {
		return fmt.Sprintf(`{"event":"deep","id":"evt_%s","data":%s%s}`, id, strings.Repeat("[", n), strings.Repeat("]", n))
	}
	all := map[string]string{
		"10,000 open lists": deep(10_000, "[", ""), "100,000 open lists": deep(100_000, "[", ""), "100,000 lists": deep(100_000, "[", strings.Repeat("]", 100_000)), "480,000 lists": deep(480_000, "[", strings.Repeat("]", 480_000)),
		"100,000 open objects": deep(100_000, `{"a":`, ""), "100,000 objects": deep(100_000, `{"a":`, "1"+strings.Repeat("}", 100_000)), "both": deep(60_000, `[{"a":`, ""), "depth 60": nested(60, "d60"), "depth 62": nested(62, "d62"), "depth 63": nested(63, "d63"), "depth 64": nested(64, "d64"), "depth 65": nested(65, "d65"), "depth 1,000": nested(1000, "d1000"),
		"480,000 values": "[" + strings.TrimSuffix(strings.Repeat("1,", 480_000), ",") + "]", "90,000 values": `{"event":"wide","id":"evt_90k","data":[` + strings.TrimSuffix(strings.Repeat("1,", 90_000), ",") + "]}",
		"300,000 objects": "[" + strings.TrimSuffix(strings.Repeat("{},", 300_000), ",") + "]", "a key of 900 KB": `{"` + strings.Repeat("k", 900_000) + `":1}`, "a key of 1,025": `{"event":"key","id":"evt_k","` + strings.Repeat("k", 1025) + `":1}`,
		"80,000 keys": keys(80_000, `"%d":1,`), "80,000 equal keys": keys(60_000, `"a":%d,`), "20,000 keys that share a prefix": keys(20_000, strings.Repeat("p", 30)+`%d":1,"`)[:200_000],
		"a text of 900 KB": `{"event":"text","id":"evt_text","data":"` + strings.Repeat("x", 900_000) + `"}`, "a text of escapes": `{"event":"text","id":"evt_esc","data":"` + strings.Repeat(`\u0041`, 150_000) + `"}`, "a type of 5 KB": `{"event":"` + strings.Repeat("a.", 2500) + `","id":"evt_5k"}`, "a type of 900 KB": `{"event":"` + strings.Repeat("a", 900_000) + `","id":"evt_900k"}`,
		"an id of 900 KB": `{"event":"id","id":"` + strings.Repeat("i", 900_000) + `"}`, "a transaction of 900 KB": `{"event":"payment.confirmed","id":"evt_txn","data":{"transaction_id":"` + strings.Repeat("t", 900_000) + `"}}`, "a number of 900 KB": `{"event":"n","id":"evt_n","data":` + strings.Repeat("7", 900_000) + "}", "an amount of 400 KB": strings.Replace(payment("amount-400"), `"75.00"`, strings.Repeat("7", 400_000), 1),
		"an exponent of 400 KB": strings.Replace(payment("exponent-400"), `"75.00"`, "1e"+strings.Repeat("7", 400_000), 1), "900 KB of spaces": event[:1] + strings.Repeat(" ", 900_000) + event[1:], "900 KB of newlines behind": payment("newlines") + strings.Repeat("\n", 900_000), "the largest body": strings.Repeat("[", largestBody), "the largest text": `"` + strings.Repeat("x", largestBody-2) + `"`,
		"two events": event + event, "lines": payment("line-1") + "\n" + payment("line-2") + "\n", "a list of events": "[" + payment("list-1") + "," + payment("list-2") + "]", "an event in a text": `"` + strings.ReplaceAll(payment("text"), `"`, `\"`) + `"`, "a mark before it": "\ufeff" + event,
		"UTF-16 LE": string(wide(event, binary.LittleEndian)), "UTF-16 BE": string(wide(event, binary.BigEndian)), "UTF-32": strings.ReplaceAll(event, "", "\x00\x00\x00"), "form": "payload=" + event, "commented": "/* x */" + event, "backwards": backwards(event),
		"an id of CR LF": `{"event":"id","id":"x\r\nNats-Rollup: all\r\n"}`, "a type of CR LF": `{"event":"a\r\nPUB raw.x 0\r\n\r\n","id":"evt_crlf"}`,
	}
	return all
}

// wide is a text in UTF-16 with its mark.
func wide(text string, order binary.ByteOrder) []byte {
	var b bytes.Buffer
	for _, unit := range append([]uint16{0xfeff}, utf16.Encode([]rune(text))...) {
		_ = binary.Write(&b, order, unit) // a buffer takes everything
	}
	return b.Bytes()
}

func backwards(text string) string {
	b := []byte(text)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}
