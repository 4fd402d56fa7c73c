package document

import (
	"testing"
)

func TestRedact(t *testing.T) {
	const body = `{"data": {"customer":{"name":"Ana","mail":null}, "tx":[{"payer":{"name":"A\u00e9"},"n":1.00},{"payer":{"name":"B"}}, 5]},"a/b":{"~":"x"},"*":"star"}`
	for _, c := range []struct {
		patterns []string
		want     string
	}{
		{nil, body},
		{[]string{"/absent", "/data/customer/name/deeper", "/data/tx/7/payer"}, body},
		{[]string{"/data/customer/name"}, `{"data": {"customer":{"name":"[redacted]","mail":null}, "tx":[{"payer":{"name":"A\u00e9"},"n":1.00},{"payer":{"name":"B"}}, 5]},"a/b":{"~":"x"},"*":"star"}`},
		{[]string{"/data/customer/mail"}, body},
		{[]string{"/data/tx/*/payer/name"}, `{"data": {"customer":{"name":"Ana","mail":null}, "tx":[{"payer":{"name":"[redacted]"},"n":1.00},{"payer":{"name":"[redacted]"}}, 5]},"a/b":{"~":"x"},"*":"star"}`},
		{[]string{"/data/tx/1", "/data/tx/1/payer"}, `{"data": {"customer":{"name":"Ana","mail":null}, "tx":[{"payer":{"name":"A\u00e9"},"n":1.00},"[redacted]", 5]},"a/b":{"~":"x"},"*":"star"}`},
		{[]string{"/data/customer/*"}, `{"data": {"customer":{"name":"[redacted]","mail":null}, "tx":[{"payer":{"name":"A\u00e9"},"n":1.00},{"payer":{"name":"B"}}, 5]},"a/b":{"~":"x"},"*":"star"}`},
		{[]string{"/a~1b/~0"}, `{"data": {"customer":{"name":"Ana","mail":null}, "tx":[{"payer":{"name":"A\u00e9"},"n":1.00},{"payer":{"name":"B"}}, 5]},"a/b":{"~":"[redacted]"},"*":"star"}`},
		{[]string{"/data", "/*"}, `{"data": "[redacted]","a/b":"[redacted]","*":"[redacted]"}`},
	} {
		d, err := Decode([]byte(" "+body+" "), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var patterns []Pattern
		for _, text := range c.patterns {
			p, err := ParsePattern(text)
			if err != nil {
				t.Fatal(err)
			}
			patterns = append(patterns, p)
		}
		got := Redact(d.Root(), patterns)
		if string(got) != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.patterns, got, c.want)
		}
		if _, err := Decode(got, Limits{}); err != nil {
			t.Errorf("%q: the result is not JSON: %v", c.patterns, err)
		}
	}
}

func TestRedactAPart(t *testing.T) {
	d, err := Decode([]byte(`[{"name":"A"},{"name":"B","x":[ 1 ]}]`), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParsePattern("/name")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(Redact(d.Root().At(1), []Pattern{p})), `{"name":"[redacted]","x":[ 1 ]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParsePatternRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":        "the pointer is empty; write one such as /data/customer/name",
		"data/x":  `the pointer "data/x" does not begin with a slash; write "/data/x"`,
		"/a~b":    `the pointer "/a~b" has a ~ that is neither ~0 (a tilde) nor ~1 (a slash)`,
		"/a/b~2c": `the pointer "/a/b~2c" has a ~ that is neither ~0 (a tilde) nor ~1 (a slash)`,
	} {
		if _, err := ParsePattern(text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}
