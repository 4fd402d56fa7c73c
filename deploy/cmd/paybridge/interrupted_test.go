package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestEveryLongCommandIsInterrupted says of each command that reads the streams that ^C is
// an interruption, with how to go on, and that what could have changed something is
// audited all the same.
func TestEveryLongCommandIsInterrupted(t *testing.T) {
	server := jetstreamtest.Start(t)
	config := filepath.Join(t.TempDir(), "paybridge.yaml")
	text := fmt.Sprintf("nats: {url: %q}\nseal: {keys: [{id: k1, env: SET}]}\nsources: [{name: pik, provider: pik, secrets: [{id: current, env: SET}]}]\n", server.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir()) // what is written goes there
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for typed, want := range map[string]struct{ how, audited string }{
		"verify":                               {"--since or --seq", ""},
		"audit":                                {"--seq", ""},
		"payment txn_1":                        {"--source and --since", ""},
		"replay renormalize":                   {"it compares from the beginning", ""},
		"replay renormalize --apply --run r-1": {"it compares from the beginning", "replay renormalize"},
		"deadletters redrive":                  {"run it again to go on", ""},
		"deadletters redrive --apply":          {"run it again to go on", "deadletters redrive"},
		"replay export out.jsonl":              {"run it again", ""},
		"deadletters list --open":              {"run it again", ""},
		"status --patience 0":                  {"run it again", ""},
		"streams apply":                        {"what is changed stays", "streams apply"},
		"consumer add ledger":                  {"run it again", ""},
		"replay export out.jsonl --apply":      {"stays in out.jsonl.partial", "replay export"},
		"deadletters export out.jsonl":         {"nothing was written", ""},
		"deadletters export out.jsonl --apply": {"stays in out.jsonl.partial", "deadletters export"},
		"streams backup out":                   {"the streams that are whole are kept", "streams backup"},
	} {
		p, _, errs := testProgram(append(strings.Fields(typed), "--config", config, "--data", t.TempDir())...)
		p.LookupEnv = func(name string) (string, bool) { return strings.Repeat("k7Qx", 12), name == "SET" }
		code := p.Run(over)
		_, said, ok := strings.Cut(errs.String(), "paybridge: ")
		if code != exitFailed || !ok || !strings.Contains(said, "interrupted") || strings.Contains(said, "context canceled") || !strings.Contains(said, want.how) {
			t.Errorf("%s: %d, %s", typed, code, errs)
		}
		if strings.Count(said, p.again()) != 1 {
			t.Errorf("%s: what to type again has to stand there once: %s", typed, said)
		}
		audited := strings.Contains(errs.String(), `"msg":"audit"`)
		if audited != (want.audited != "") || !strings.Contains(errs.String(), want.audited) {
			t.Errorf("%s: audited %q, want %q", typed, errs, want.audited)
		}
	}
}
