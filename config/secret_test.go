package config_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.yaml.in/yaml/v3"

	"paybridge/config"
)

// canary is a secret that must be seen nowhere.
const canary = "canary-6f1d9b27c4"

// holder keeps secrets where printers like to look.
type holder struct {
	Public  config.Secret
	private config.Secret
	Pointer *config.Secret
	list    []config.Secret
	Map     map[string]config.Secret
	config  *config.Config
}

// A secret leaves by Reveal only, whatever prints it and whatever it is in.
func TestNothingPrintsASecret(t *testing.T) {
	c := mustParse(t, world{env: map[string]string{"A": canary}, files: map[string]string{"/f": canary + "\n"}}, `
nats: {nkey_seed: {value: `+canary+`}}
seal: {keys: [{id: k1, file: /f}]}
sources: [{name: a, provider: p, secrets: [{id: s, env: A}]}, {name: b, provider: p, endpoints: {E: {secrets: [{id: s, value: `+canary+`}]}}}]`)
	s := c.Sources[0].Secrets[0]
	if s.Reveal() != canary || c.Seal.Keys[0].Reveal() != canary || c.NATS.NKeySeed.Reveal() != canary || c.Sources[1].Endpoints[0].Secrets[0].Reveal() != canary {
		t.Fatal("Reveal does not reveal")
	}
	h := holder{Public: s, private: s, Pointer: &s, list: []config.Secret{s}, Map: map[string]config.Secret{"a": s}, config: c}

	for _, v := range []any{s, &s, h, &h, c, *c, c.Sources, c.NATS, []any{s}, map[string]any{"s": s}, struct{ s config.Secret }{s}} {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%o", "%c", "%U", "%e", "%08.3s", "% x", "%w", "%!"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v, error(fmt.Errorf("wrapped: %v", v)))
		text, _ := json.Marshal(v)
		out.Write(text)
		text, _ = xml.Marshal(v)
		out.Write(text)
		out.WriteString(asYAML(v))
		var gobbed bytes.Buffer
		_ = gob.NewEncoder(&gobbed).Encode(v)
		out.Write(gobbed.Bytes())
		logger := config.Logger("test", &out)
		logger.Info("m", zap.Any("any", v), zap.Reflect("reflect", v))
		logger.Sugar().Infow("m", "v", v)
		logger.Sugar().Infof("%+v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		shows(t, fmt.Sprintf("%T", v), out.String())
	}
	var out strings.Builder
	config.Logger("test", &out).Info("m", zap.Stringer("stringer", s), zap.Inline(zap.DictObject(zap.Any("a", s))), zap.Error(fmt.Errorf("%v", s)))
	shows(t, "zap", out.String())
	if got := fmt.Sprintf("%v|%+v|%#v|%s|%x", s, s, s, s, s); got != "[secret]|[secret]|[secret]|[secret]|[secret]" {
		t.Errorf("it prints as %s", got)
	}
}

// asYAML is v as YAML; what YAML cannot write is an error's text.
func asYAML(v any) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprint(r)
		}
	}()
	data, err := yaml.Marshal(v)
	return string(data) + fmt.Sprint(err)
}

// shows fails where the canary, or its bytes in another notation, is in a text.
func shows(t *testing.T, what, text string) {
	t.Helper()
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("% x", canary), fmt.Sprint([]byte(canary))} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(form)) {
			t.Errorf("%s shows the secret in %s", what, text)
		}
	}
}

func TestMissing(t *testing.T) {
	c := mustParse(t, world{env: map[string]string{"SET": "x"}, files: map[string]string{}}, `
nats: {nkey_seed: {env: SEED}}
seal: {keys: [{id: k1, file: seal.key}]}
sources:
  - {name: a, provider: p, secrets: [{id: old, env: SET}, {id: new, env: UNSET}]}
  - {name: b, provider: p}
  - {name: c, provider: p, endpoints: {E: {}, F: {secrets: [{id: s, value: x}]}}}
`)
	if old, next := c.Sources[0].Secrets[0], c.Sources[0].Secrets[1]; old.Missing() || !next.Missing() || next.Reveal() != "" || next.From != "env UNSET" {
		t.Errorf("old missing %v, new missing %v, from %q", old.Missing(), next.Missing(), next.From)
	}
	want := []string{
		":2: nats.nkey_seed: the environment variable SEED is not set (set it to the secret)",
		":3: seal.keys[0]: the file /etc/paybridge/seal.key does not exist (write the secret into it)",
		":5: sources[0].secrets[1]: the environment variable UNSET is not set (set it to the secret)",
		":6: sources[1].secrets: there is no secret to verify deliveries with (write secrets: [{id: current, env: NAME}])",
		":7: sources[2].endpoints.E.secrets: there is no secret",
	}
	var problems config.Problems
	if err := c.Check(); !errors.As(err, &problems) || len(problems) != len(want) {
		t.Fatalf("Check: %v", err)
	}
	for i, part := range want {
		if !strings.HasPrefix(problems[i].Error(), "/etc/paybridge/paybridge.yaml"+part) {
			t.Errorf("problem %d is %s, want %s", i, problems[i], part)
		}
	}
	if err := c.CheckSeal(); !errors.As(err, &problems) || len(problems) != 2 {
		t.Errorf("CheckSeal: %v", err)
	}

	// What `paybridge up` does: fill in, and the check passes.
	c.NATS.NKeySeed = c.NATS.NKeySeed.With("x")
	c.Seal.Keys[0] = c.Seal.Keys[0].With("x")
	c.Sources[0].Secrets[1] = c.Sources[0].Secrets[1].With("x")
	c.Sources[1].Secrets = []config.Secret{config.NewSecret("current", "x")}
	c.Sources[2].Endpoints[0].Secrets = []config.Secret{config.NewSecret("current", "x")}
	if err := c.Check(); err != nil {
		t.Errorf("after filling in: %v", err)
	}
	if err := mustParse(t, world{}, "").Check(); err == nil || !strings.Contains(err.Error(), "seal.keys: there is no key") {
		t.Errorf("no seal: %v", err)
	}
}

// A value is the file's text without the white space around it, and nothing that
// YAML makes of it.
func TestSecretValuesAreText(t *testing.T) {
	w := world{env: map[string]string{"E": "\t spaced out \n"}, files: map[string]string{"/f": "two\nlines\r\n\n"}}
	for text, want := range map[string]string{
		"value: 0012345678901234567890": "0012345678901234567890",
		"value: 1e3":                    "1e3",
		"value: true":                   "true",
		"value: 2026-01-02":             "2026-01-02",
		`value: "a: #b"`:                "a: #b",
		"env: E":                        "spaced out",
		"file: /f":                      "two\nlines",
	} {
		c := mustParse(t, w, "seal: {keys: [{id: k, "+text+", allow_weak: true}]}")
		if got := c.Seal.Keys[0]; got.Reveal() != want || !got.AllowWeak || got.ID != "k" || got.At.Line != 1 {
			t.Errorf("%s is %q", text, got.Reveal())
		}
	}
}
