package config_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"paybridge/config"
)

// world is an environment and a file system.
type world struct {
	env   map[string]string
	files map[string]string
}

func (w world) lookupEnv(name string) (string, bool) {
	v, ok := w.env[name]
	return v, ok
}

func (w world) readFile(name string) ([]byte, error) {
	if text, ok := w.files[name]; ok {
		return []byte(text), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// parse reads a text as /etc/paybridge/paybridge.yaml.
func (w world) parse(text string) (*config.Config, error) {
	return config.Parse("/etc/paybridge/paybridge.yaml", []byte(text), w.lookupEnv, w.readFile)
}

// mustParse fails the test where the text is refused.
func mustParse(t *testing.T, w world, text string) *config.Config {
	t.Helper()
	c, err := w.parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnEmptyFileIsTheDefault(t *testing.T) {
	for _, text := range []string{"", "\n# nothing\n", "---\n", "{}", "ingress:\nsources:\n"} {
		c := mustParse(t, world{}, text)
		want := config.Default()
		if !reflect.DeepEqual(c.Ingress, want.Ingress) || c.Streams != want.Streams || c.Events != want.Events || c.Embedded != want.Embedded || c.NATS.URL != want.NATS.URL {
			t.Errorf("%q: %+v", text, c)
		}
		if len(c.Sources) != 0 || len(c.Seal.Keys) != 0 {
			t.Errorf("%q: sources %v, keys %v", text, c.Sources, c.Seal.Keys)
		}
	}
}

// The contract's defaults, written out a second time on purpose.
func TestDefaults(t *testing.T) {
	c := config.Default()
	for name, ok := range map[string]bool{
		"ingress.listen":     c.Ingress.Listen == "127.0.0.1:8080",
		"ingress.admin":      c.Ingress.Admin == "127.0.0.1:9090",
		"ingress.max_body":   c.Ingress.MaxBody == 960<<10,
		"ingress.budget":     c.Ingress.Budget == 4*time.Second,
		"normalizer.admin":   c.Normalizer.Admin == "127.0.0.1:9091",
		"tracing":            !c.Normalizer.Tracing.Enabled() && c.Normalizer.Tracing.Sample == 1,
		"nats.url":           c.NATS.URL == "nats://127.0.0.1:4222",
		"embedded.listen":    c.Embedded.Listen == "127.0.0.1:4222",
		"embedded.sync":      c.Embedded.Sync.Always,
		"streams.replicas":   c.Streams.Replicas == 1,
		"environment":        c.Environment == "",
		"events.mode":        c.Events.Mode == config.Structured,
		"events.native":      c.Events.Native == config.NativeFull,
		"events.source_base": c.Events.SourceBase == "urn:paybridge",
		"events.schema_base": c.Events.SchemaBase == "urn:paybridge:schema",
		"webhooks window":    c.Streams.Webhooks.DuplicateWindow == 2*time.Hour,
		"payments window":    c.Streams.Payments.DuplicateWindow == 48*time.Hour,
		"deadletters window": c.Streams.DeadLetters.DuplicateWindow == 48*time.Hour,
	} {
		if !ok {
			t.Errorf("%s is not the contract's", name)
		}
	}
}

// The shipped file is a working configuration for every provider of the main job,
// and says nothing else than the defaults.
func TestShipped(t *testing.T) {
	w := world{env: map[string]string{"PIK_WEBHOOK_SECRET": "from the environment"}, files: map[string]string{"/run/secrets/seal": "from a file\n"}}
	c := mustParse(t, w, string(config.Shipped()))
	want := config.Default()
	if !reflect.DeepEqual(c.Ingress, want.Ingress) || !reflect.DeepEqual(c.Normalizer, want.Normalizer) || c.Embedded != want.Embedded || c.Streams != want.Streams || c.Events != want.Events {
		t.Errorf("differs from the defaults: %+v", c)
	}
	names := map[string]string{}
	for _, s := range c.Sources {
		var endpoints []string
		for _, e := range s.Endpoints {
			endpoints = append(endpoints, e.Name)
			if len(e.Secrets) != 1 || !e.Secrets[0].Missing() {
				t.Errorf("%s: secrets %v", e.Key, e.Secrets)
			}
		}
		names[s.Name] = s.Provider + " " + strings.Join(endpoints, " ")
	}
	wantNames := map[string]string{
		"pik": "pik ", "bidali": "bidali ", "picpay": "picpay ",
		"pixorder": "pixorder PixPaymentReceivement PixPayment InternalTransferReceivement InternalTransfer Fee PixRefund PixRefundReceivement",
	}
	if !reflect.DeepEqual(names, wantNames) {
		t.Errorf("sources %v", names)
	}
	if c.Sources[0].Secrets[0].Reveal() != "from the environment" || c.Seal.Keys[0].Reveal() != "from a file" {
		t.Error("the secrets are not those of the environment and the file")
	}
}

// The comments of the shipped file are true: uncommented, they are accepted, and
// they show the defaults that are the same everywhere.
func TestShippedComments(t *testing.T) {
	commented := regexp.MustCompile(`(?m)^( *)# ((?:  )?[a-z_]+:.*)$`)
	text := commented.ReplaceAllString(string(config.Shipped()), "$1$2")
	text = strings.Replace(text, "\n  nkey_seed: ", "\n  # nkey_seed: ", 1) // an alternative to credentials
	c := mustParse(t, world{}, text)
	want := config.Default()
	if c.Ingress.TLS.ClientCA == "" || c.NATS.Credentials == "" || c.NATS.TLS.CA == "" || c.Sources[0].URL == "" || c.Normalizer.Tracing.Authorization.From == "" || c.Events.TypePrefix == "" {
		t.Errorf("a comment was not read: %+v", c)
	}
	c.Ingress.TLS = config.ListenerTLS{}
	c.Events.TypePrefix = ""
	if c.Normalizer.Tracing.Sample != want.Normalizer.Tracing.Sample {
		t.Errorf("a comment shows another default: %+v", c.Normalizer)
	}
	if !reflect.DeepEqual(c.Ingress, want.Ingress) || c.Events != want.Events {
		t.Errorf("a comment shows another default: %+v, %+v", c.Ingress, c.Events)
	}
	for _, one := range []struct{ have, want config.Stream }{
		{c.Streams.Webhooks, want.Streams.Webhooks}, {c.Streams.Payments, want.Streams.Payments}, {c.Streams.DeadLetters, want.Streams.DeadLetters},
	} {
		if one.have.MaxAge != one.want.MaxAge || one.have.DuplicateWindow != one.want.DuplicateWindow || one.have.MaxBytes == 0 {
			t.Errorf("a comment shows other limits: %+v", one.have)
		}
	}
}

// Every key that the reader knows is in the shipped file: it is the reference.
func TestShippedShowsEveryKey(t *testing.T) {
	text := string(config.Shipped())
	probe := "ingress: {x: 1, tls: {x: 1}}\nnormalizer: {x: 1, tracing: {x: 1}}\nnats: {x: 1, tls: {x: 1}}\nembedded: {x: 1}\n" +
		"streams: {x: 1, webhooks: {x: 1}}\nevents: {x: 1}\nseal: {x: 1, keys: [{x: 1}]}\nx: 1\nsources: [{x: 1, endpoints: {E: {x: 1}}}]\n"
	_, err := world{}.parse(probe)
	hints := regexp.MustCompile(`known here: ([a-z_, ]+)`).FindAllStringSubmatch(err.Error(), -1)
	if len(hints) < 10 {
		t.Fatalf("only %d places: %v", len(hints), err)
	}
	for _, hint := range hints {
		for key := range strings.SplitSeq(hint[1], ", ") {
			if !regexp.MustCompile(`\b` + key + `:`).MatchString(text) {
				t.Errorf("the shipped file does not show %q", key)
			}
		}
	}
}

// Relative paths start from the file's folder, whatever the working directory is.
func TestPathsStartFromTheFile(t *testing.T) {
	w := world{files: map[string]string{"/etc/paybridge/keys/seal": "a seal key of some length"}}
	c := mustParse(t, w, "providers_dir: packs\nnats: {credentials: ../n.creds}\nseal: {keys: [{id: k1, file: keys/seal}]}")
	if c.ProvidersDir != "/etc/paybridge/packs" || c.NATS.Credentials != "/etc/n.creds" || c.Seal.Keys[0].Missing() {
		t.Errorf("%q, %q, %v", c.ProvidersDir, c.NATS.Credentials, c.Seal.Keys[0].Missing())
	}
}

func TestLoad(t *testing.T) {
	name := filepath.Join(t.TempDir(), "paybridge.yaml")
	if _, err := config.Load(name); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
	t.Setenv("PAYBRIDGE_TEST_SECRET", "from the environment")
	text := "sources: [{name: a, provider: p, secrets: [{id: s, env: PAYBRIDGE_TEST_SECRET}]}]"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(name)
	if err != nil || c.Sources[0].Secrets[0].Reveal() != "from the environment" {
		t.Errorf("%v, %v", c, err)
	}
}

// Everything that a file can say arrives.
func TestEverythingArrives(t *testing.T) {
	c := mustParse(t, world{}, `
ingress: {listen: ":80", admin: "[::1]:81", max_body: 2MiB, budget: 500ms, in_flight: 7, tls: {cert: c.pem, key: k.pem, client_ca: ca.pem, client_subjects: [one.example, Two]}}
normalizer: {admin: host:1, tracing: {otlp: "https://otel.example/base/", sample: 0.25, authorization: {value: Bearer x}}}
nats: {url: "a:1, tls://b:2", nkey_seed: {value: SUseed}, tls: {ca: ca.pem, cert: c.pem, key: k.pem}}
embedded: {listen: localhost:0, sync: 1s}
streams:
  replicas: 3
  webhooks: {max_age: 1d12h, max_bytes: 3GB, duplicate_window: 1m}
events: {mode: binary, native: redacted, source_base: "https://example.com/bridge", schema_base: "urn:x", type_prefix: com.example}
sources:
  - name: a
    provider: p
    url: https://example.com/webhooks/a
    endpoints: {One: {}, Two: {url: "https://two.example.com/"}}
`)
	checks := map[string]bool{
		"ingress":        reflect.DeepEqual(c.Ingress, config.Ingress{Listen: ":80", Admin: "[::1]:81", MaxBody: 2 << 20, Budget: 500 * time.Millisecond, InFlight: 7, TLS: config.ListenerTLS{Cert: "/etc/paybridge/c.pem", Key: "/etc/paybridge/k.pem", ClientCA: "/etc/paybridge/ca.pem", ClientSubjects: []string{"one.example", "Two"}}}),
		"normalizer":     c.Normalizer.Admin == "host:1",
		"tracing":        c.Normalizer.Tracing.OTLP == "https://otel.example/base/v1/traces" && c.Normalizer.Tracing.Sample == 0.25 && c.Normalizer.Tracing.Authorization.Reveal() == "Bearer x",
		"nats":           c.NATS.URL == "nats://a:1,tls://b:2" && c.NATS.NKeySeed.Reveal() == "SUseed" && c.NATS.TLS.CA == "/etc/paybridge/ca.pem",
		"embedded":       c.Embedded == config.Embedded{Listen: "localhost:0", Sync: config.Sync{Interval: time.Second}},
		"streams":        c.Streams.Replicas == 3 && c.Streams.Webhooks == config.Stream{MaxAge: 36 * time.Hour, MaxBytes: 3e9, DuplicateWindow: time.Minute},
		"message size":   c.Streams.MaxMessage == 2*config.MiB+64*config.KiB,
		"events":         c.Events == config.Events{Mode: config.Binary, Native: config.NativeRedacted, SourceBase: "https://example.com/bridge", SchemaBase: "urn:x", TypePrefix: "com.example"},
		"endpoint order": c.Sources[0].Endpoints[0].Name == "One" && c.Sources[0].Endpoints[1].Name == "Two",
		"endpoint URLs":  c.Sources[0].Endpoints[0].URL == "https://example.com/webhooks/a/One" && c.Sources[0].Endpoints[1].URL == "https://two.example.com/",
		"positions":      c.Sources[0].At.Line == 11 && c.Sources[0].Key == "sources[0]" && c.Sources[0].Endpoints[1].Key == "sources[0].endpoints.Two",
	}
	for name, ok := range checks {
		if !ok {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
