package config_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"paybridge/config"
)

// source wraps lines of a source in a file; its lines begin with line 2.
func source(lines string) string { return "sources:\n  - name: a\n    provider: p\n" + lines }

// Each mistake is refused under its key and line, with what to write instead.
func TestMistakes(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"not YAML":                  {"x: 1\na: b: c", "paybridge.yaml:2: not YAML: mapping values are not allowed in this context"},
		"tabs":                      {"ingress:\n\tlisten: x", "paybridge.yaml:2: not YAML: found character that cannot start any token"},
		"two documents":             {"{}\n---\n{}", "there is a second document"},
		"a list at the top":         {"- a", "must hold keys with values"},
		"unknown key at the top":    {"ingres: {}", "paybridge.yaml:1: ingres: unknown key (known here: ingress, normalizer,"},
		"unknown key below":         {"ingress:\n  tls:\n    certificate: x", "paybridge.yaml:3: ingress.tls.certificate: unknown key (known here: cert, key, client_ca, client_subjects)"},
		"merge key":                 {"a: &a {}\ningress:\n  <<: *a", "ingress.<<: unknown key"},
		"a key twice":               {"ingress: {}\nnats: {}\ningress: {}", "paybridge.yaml:3: ingress: stands here a second time, first in line 1"},
		"a key that is no text":     {"[a]: b", "a key must be plain text"},
		"text for a section":        {"ingress: yes", "paybridge.yaml:1: ingress: must hold keys with values"},
		"a section for text":        {"ingress: {listen: {}}", "ingress.listen: must be a single value"},
		"text for a list":           {"sources: a", "sources: must be a list"},
		"address without port":      {"ingress: {listen: localhost}", `ingress.listen: "localhost" is no address (write host:port`},
		"address with a bad host":   {`ingress: {listen: "a b:1"}`, `"a b" is no host`},
		"address with a bad port":   {"ingress: {listen: 'a:65536'}", `"65536" is no port`},
		"listeners collide":         {"ingress: {listen: ':9090'}", "paybridge.yaml:1: ingress.listen: is the address of ingress.admin too"},
		"server on the public port": {"embedded: {listen: 127.0.0.1:8080}", "embedded.listen: is the address of ingress.listen too"},
		"size without number":       {"ingress: {max_body: big}", `ingress.max_body: "big" is no size (write a whole number and a unit, such as 960KiB`},
		"size with a bad unit":      {"ingress: {max_body: 1Kb}", ""},
		"size with no unit known":   {"ingress: {max_body: 1blocks}", `"blocks" is no unit`},
		"size too large":            {"ingress: {max_body: 99999999999999999999TiB}", "is too large, at most 32MiB"},
		"size overflows":            {"ingress: {max_body: 9000000TiB}", "is too large, at most 32MiB"},
		"size zero":                 {"ingress: {max_body: 0}", "0 is too small, at least 1B"},
		"duration without unit":     {"ingress: {budget: 4}", `ingress.budget: "4" is no duration (write a number and a unit`},
		"duration too long":         {"ingress: {budget: 1h}", "1h is too long, at most 10s"},
		"duration too short":        {"ingress: {budget: 1ms}", "1ms is too short, at least 100ms"},
		"days too many":             {"streams: {webhooks: {max_age: 99999d}}", "is too long"},
		"half a day":                {"streams: {webhooks: {max_age: 1.5d}}", "is no duration"},
		"count":                     {"ingress: {in_flight: many}", `"many" is no whole number from 1 to 1000000`},
		"TLS without its key":       {"ingress: {tls: {cert: c}}", "ingress.tls.cert: needs key beside it"},
		"clients without authority": {"ingress: {tls: {cert: c, key: k, client_subjects: [a]}}", "ingress.tls.client_subjects: needs client_ca beside it"},
		"no clients at all":         {"ingress: {tls: {cert: c, key: k, client_ca: c, client_subjects: []}}", "ingress.tls.client_subjects: names nobody"},
		"a client without a name":   {"ingress: {tls: {cert: c, key: k, client_ca: c, client_subjects: [a, '']}}", "ingress.tls.client_subjects[1]: is no name"},
		"TLS with only clients":     {"ingress: {tls: {client_ca: c}}", "ingress.tls.client_ca: needs cert beside it"},
		"collector without a host":  {"normalizer: {tracing: {otlp: '127.0.0.1:4318'}}", "normalizer.tracing.otlp: not a URL with http or https and a host (write the address of an OTLP/HTTP collector, such as http://127.0.0.1:4318)"},
		"collector with a password": {"normalizer: {tracing: {otlp: 'http://u:hunter2@a:1'}}", "normalizer.tracing.otlp: a URL with a user, a query or a fragment"},
		"sample beyond all":         {"normalizer: {tracing: {otlp: 'http://a:1', sample: 1.5}}", `normalizer.tracing.sample: "1.5" is no share from 0 to 1 (write 0.1 for one in ten)`},
		"sample of no number":       {"normalizer: {tracing: {otlp: 'http://a:1', sample: NaN}}", "is no share from 0 to 1"},
		"sample of nothing":         {"normalizer: {tracing: {sample: 0.5}}", "normalizer.tracing.sample: needs otlp beside it"},
		"tracing's authorization":   {"normalizer: {tracing: {authorization: {value: hunter2}}}", "normalizer.tracing.authorization: needs otlp beside it"},
		"tracing unknown key":       {"normalizer: {tracing: {endpoint: x}}", "normalizer.tracing.endpoint: unknown key (known here: otlp, sample, authorization)"},
		"NATS scheme":               {"nats: {url: 'http://a:1'}", `nats.url: "http" is no scheme of NATS`},
		"NATS nonsense":             {"nats: {url: 'nats://'}", "nats.url: not the address of a NATS server"},
		"NATS password":             {"nats: {url: 'nats://u:hunter2hunter2@a:1'}", "nats.url: holds a user or a token, which would be printed (use nats.credentials"},
		"NATS two identities":       {"nats: {credentials: a, nkey_seed: {value: s}}", "nats.nkey_seed: stands beside credentials"},
		"NATS seed with an id":      {"nats: {nkey_seed: {id: a, value: s}}", "nats.nkey_seed: unknown key (known here: env, file, value)"},
		"sync":                      {"embedded: {sync: never}", `embedded.sync: "never" is neither always nor an interval`},
		"sync of zero":              {"embedded: {sync: 0s}", "neither always nor an interval"},
		"even replicas":             {"streams: {replicas: 2}", "streams.replicas: 2 copies survive no more than 1 do (use 1, 3 or 5)"},
		"payments keep less":        {"streams: {payments: {max_age: 30d}}", "streams.payments.max_age: 720h0m0s is less than webhooks keeps, 840h0m0s"},
		"dead letters keep less":    {"streams: {webhooks: {max_age: 200d}}", "streams.deadletters.max_age"},
		"window beyond age":         {"streams: {webhooks: {max_age: 1h}}", "streams.webhooks.duplicate_window: 2h0m0s is longer than the stream keeps, 1h0m0s"},
		"message below body":        {"ingress: {max_body: 1MiB}\nstreams: {max_message: 1MiB}", "paybridge.yaml:2: streams.max_message: 1MiB has no room for ingress.max_body 1MiB and its headers (use at least 1088KiB)"},
		"stream below message":      {"streams: {max_message: 2MiB, webhooks: {max_bytes: 1MiB}}", "streams.webhooks.max_bytes: 1MiB has no room for one message of 2MiB"},
		"environment":               {"environment: prod", `environment: "prod" is not known (one of production, staging, test, development)`},
		"mode":                      {"events: {mode: batched}", `events.mode: "batched" is not known (one of structured, binary)`},
		"native":                    {"events: {native: some}", "one of full, redacted, none"},
		"source base":               {"events: {source_base: 'urn:paybridge:'}", "write an absolute URI without the last colon"},
		"type prefix":               {"events: {type_prefix: 'com..example'}", "events.type_prefix"},
		"source without a name":     {"sources: [{provider: p}]", "sources[0]: has no name"},
		"source without a provider": {"sources: [{name: a}]", "sources[0]: has no provider"},
		"empty source":              {"sources:\n  -\n", "sources[0]: has no name"},
		"source name":               {"sources: [{name: A/b, provider: p}]", `sources[0].name: "A/b" is no name (use 1 to 64 of a-z, 0-9`},
		"source name with a dot":    {"sources: [{name: a.b, provider: p}]", "sources[0].name"},
		"source name twice":         {source("  - name: a\n    provider: q\n"), `paybridge.yaml:4: sources[1].name: "a" is the name of sources[0] already, at /etc/paybridge/paybridge.yaml:2`},
		"source URL":                {source("    url: example.com"), "sources[0].url: not a URL with http or https and a host"},
		"secrets beside endpoints":  {source("    secrets: []\n    endpoints: {E: {}}\n"), "sources[0].secrets: stands beside endpoints"},
		"endpoint name":             {source("    endpoints: {'a b': {}}"), `"a b" is no name`},
		"endpoint default":          {source("    endpoints: {default: {}}"), "sources[0].endpoints.default: default is what a source without endpoints has"},
		"endpoint twice":            {source("    endpoints:\n      E: {}\n      E: {}\n"), "paybridge.yaml:6: sources[0].endpoints.E: stands here a second time, first in line 5"},
		"endpoint unknown key":      {source("    endpoints: {E: {secret: x}}"), "sources[0].endpoints.E.secret: unknown key (known here: url, secrets)"},
		"secret without an id":      {source("    secrets: [{env: A}]"), "sources[0].secrets[0]: has no id"},
		"secret id":                 {source("    secrets: [{id: 'a;b', env: A}]"), "sources[0].secrets[0].id: is no id"},
		"secret id twice":           {source("    secrets: [{id: a, env: A}, {id: a, env: B}]"), `sources[0].secrets[1].id: "a" is the id of sources[0].secrets[0] already`},
		"secret from nowhere":       {source("    secrets: [{id: a}]"), "sources[0].secrets[0]: says nowhere where the secret is (write one of env: NAME"},
		"secret from two places":    {source("    secrets: [{id: a, env: A, file: f}]"), "sources[0].secrets[0]: env and file are both there"},
		"secret that is empty":      {source("    secrets: [{id: a, value: ''}]"), "sources[0].secrets[0].value: is empty"},
		"secret that is blank":      {source("    secrets: [{id: a, value: '  '}]"), "sources[0].secrets[0].value: is empty"},
		"secret that is null":       {source("    secrets: [{id: a, value: }]"), "sources[0].secrets[0].value: is empty"},
		"secret in an empty env":    {source("    secrets: [{id: a, env: EMPTY}]"), "sources[0].secrets[0].env: is empty"},
		"secret in an empty file":   {source("    secrets: [{id: a, file: /empty}]"), "sources[0].secrets[0].file: is empty"},
		"secret file without name":  {source("    secrets: [{id: a, file: ''}]"), "sources[0].secrets[0].file: is empty (write the path"},
		"secret too long":           {source("    secrets: [{id: a, file: /long}]"), "is too long for a secret, at most 65536 bytes"},
		"secret for a variable":     {source("    secrets: [{id: a, env: 'hunter2/hunter2+'}]"), "env: is no name of an environment variable (write the variable's name here, not the secret)"},
		"secret of a list":          {source("    secrets: [{id: a, value: [x]}]"), "sources[0].secrets[0].value: must be a single value"},
		"secret as a key":           {source("    secrets: [{id: a, hunter2hunter2}]"), "sources[0].secrets[0]: unknown key (known here: id, allow_weak, env, file, value)"},
		"secret as text":            {source("    secrets: [hunter2hunter2]"), "sources[0].secrets[0]: must hold keys with values"},
		"secrets as text":           {source("    secrets: hunter2hunter2"), "sources[0].secrets: must be a list"},
		"flag":                      {source("    secrets: [{id: a, env: A, allow_weak: yes}]"), `"yes" is neither true nor false`},
		"seal keys":                 {"seal: {keys: [{id: k1, env: A}, {id: k1, env: B}]}", "seal.keys[1].id"},
		"anchor that may be secret": {source("    secrets: [{id: a, value: *hunter2hunter2}]"), "not YAML: an anchor that does not exist"},
	}
	w := world{env: map[string]string{"EMPTY": ""}, files: map[string]string{"/empty": "\n", "/long": strings.Repeat("x", 70_000)}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := w.parse(test.text)
			if test.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var problems config.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("accepted, or another error: %v", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("says\n%v\nnot\n%s", err, test.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("says the secret: %v", err)
			}
		})
	}
}

// All problems come at once, in the file's order, one a line.
func TestAllProblemsAtOnce(t *testing.T) {
	_, err := world{}.parse("sources:\n  - name: A\n    provider: p\nembedded: {sync: no}\nnormalizer: {admin: x}\ningress:\n  budget: 0s\n  listen: y\nnonsense: 1\n")
	lines := strings.Split(err.Error(), "\n")
	want := []string{":2: sources[0].name:", ":4: embedded.sync:", ":5: normalizer.admin:", ":7: ingress.budget:", ":8: ingress.listen:", ":9: nonsense:"}
	if len(lines) != len(want) {
		t.Fatalf("%d problems:\n%v", len(lines), err)
	}
	for i, part := range want {
		if !strings.HasPrefix(lines[i], "/etc/paybridge/paybridge.yaml"+part) {
			t.Errorf("problem %d is %s, want %s", i, lines[i], part)
		}
	}
}

// Those who know more than config say it under the key that the operator typed.
func TestProblemNamesTheNearestLine(t *testing.T) {
	c := mustParse(t, world{}, "# comment\nsources:\n  - name: a\n    provider: p\n    secrets:\n      - {id: s, env: A}\n")
	for key, want := range map[string]string{
		"sources[0].provider":         "/etc/paybridge/paybridge.yaml:4: sources[0].provider: x (y)",
		"sources[0].secrets[0].value": "/etc/paybridge/paybridge.yaml:6: sources[0].secrets[0].value: x (y)",
		"sources[0].endpoints.E.url":  "/etc/paybridge/paybridge.yaml:3: sources[0].endpoints.E.url: x (y)",
		"seal.keys":                   "/etc/paybridge/paybridge.yaml: seal.keys: x (y)",
		"":                            "/etc/paybridge/paybridge.yaml: x (y)",
	} {
		if got := c.Problem(key, "x", "y").Error(); got != want {
			t.Errorf("%q: %s, want %s", key, got, want)
		}
	}
	if got := (config.Problem{Message: "alone"}).Error(); got != "alone" {
		t.Error(got)
	}
	if (config.Problems{}).Err() != nil {
		t.Error("no problems are an error")
	}
}

// A file that is there but cannot be read is no missing secret: a new one in its
// place would be wrong.
func TestASecretFileThatCannotBeRead(t *testing.T) {
	denied := func(string) ([]byte, error) {
		return nil, &fs.PathError{Op: "open", Path: "/run/s", Err: fs.ErrPermission}
	}
	_, err := config.Parse("c.yaml", []byte("seal: {keys: [{id: k, file: /run/s}]}"), world{}.lookupEnv, denied)
	if want := "c.yaml:1: seal.keys[0].file: /run/s cannot be read: permission denied (let the user that runs this program read it)"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// No text makes the reader panic or answer with another kind of error.
func FuzzParse(f *testing.F) {
	f.Add(config.Shipped())
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("sources: [{name: a, secrets: [{id: x, value: *y}]}]"))
	f.Add([]byte("ingress: {max_body: 9223372036854775807TiB, budget: 9999999999d}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("c.yaml", data, world{}.lookupEnv, world{}.readFile)
		var problems config.Problems
		if (c == nil) == (err == nil) || err != nil && !errors.As(err, &problems) {
			t.Errorf("%v, %v", c, err)
		}
	})
}

// What others find wrong is said with what is wrong here, once, and not where it
// follows from it; of a configuration that is right nobody is asked.
func TestJudges(t *testing.T) {
	asked := 0
	judge := func(problems ...config.Problem) config.Judge {
		return func(*config.Config) error {
			asked++
			return config.Problems(problems).Err()
		}
	}
	at := func(line int) config.Position { return config.Position{File: "c.yaml", Line: line} }
	parse := func(text string) error {
		_, err := config.Parse("c.yaml", []byte(text), world{}.lookupEnv, world{}.readFile,
			judge(config.Problem{At: at(2), Key: "sources[0].secrets[0]", Message: "is short"}, config.Problem{At: at(1), Key: "seal.keys[0]", Message: "is weak"}),
			judge(config.Problem{At: at(1), Key: "seal.keys[0]", Message: "is weak"}, config.Problem{At: at(2), Key: "sources[0].provider", Message: "is nobody"}),
			func(*config.Config) error { return errors.New("not a problem of the configuration") })
		return err
	}
	const good = "seal: {keys: [{id: k1, env: A}]}\nsources: [{name: a, provider: p, secrets: [{id: current, env: B}]}]\n"
	if err := parse(good); err != nil || asked != 0 {
		t.Errorf("%v, %d asked", err, asked)
	}
	want := "c.yaml:1: seal.keys[0]: is weak\nc.yaml:2: sources[0].secrets[0]: is short\nc.yaml:2: sources[0].provider: is nobody\nc.yaml:3: unknown: "
	if err := parse(good + "unknown: 1\n"); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v", err)
	}
	spoiled := strings.Replace(good, "env: B", "value: ''", 1)
	if err := parse(spoiled); err == nil || strings.Contains(err.Error(), "is short") || !strings.Contains(err.Error(), "is empty") || !strings.Contains(err.Error(), "is nobody") {
		t.Errorf("%v", err)
	}
	if err := parse("a: [\n"); err == nil || strings.Contains(err.Error(), "is weak") {
		t.Errorf("%v", err)
	}
}
