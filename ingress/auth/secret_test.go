package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"paybridge/schemas/provider"
)

// keyed is a scheme with one key coding.
func keyed(coding string) *provider.Auth { return in(provider.Hex, provider.SHA256, coding) }

// TestSecretsThatNewRefuses is every bad secret, and what is said of it.
func TestSecretsThatNewRefuses(t *testing.T) {
	const pad = "whsec_"
	for _, c := range []struct {
		name, text string
		auth       *provider.Auth
		want       string // "" where the secret is good
		evenWeak   bool   // refused whatever allow_weak says
	}{
		{"good", "sixteen-chars-16", keyed(provider.KeyText), "", false},
		{"unset", "", keyed(provider.KeyText), "is empty", true},
		{"a space", " ", keyed(provider.KeyText), "is empty", true},
		{"a line end", "\n", keyed(provider.KeyText), "is empty", true},
		{"a line end after", "sixteen-chars-16\n", keyed(provider.KeyText), "has white space around it", true},
		{"15 bytes", "fifteen-chars15", keyed(provider.KeyText), "is short: 15 bytes, not 16", false},
		{"whsec_ alone", pad, keyed(provider.KeyWhsec), "is empty once decoded", true},
		{"whsec_ alone as text", pad, keyed(provider.KeyText), "is short: 6 bytes", false},
		{"short once decoded", "whsec_AAECAwQFBgcICQoLDA0O", keyed(provider.KeyWhsec), "is short: 15 bytes", false},
		{"16 once decoded", "whsec_AAECAwQFBgcICQoLDA0ODw==", keyed(provider.KeyWhsec), "", false},
		{"without whsec_", "AAECAwQFBgcICQoLDA0ODw==", keyed(provider.KeyWhsec), "", false},
		{"whsec_ in plain base64", "whsec_AAECAwQFBgcICQoLDA0ODw==", keyed(provider.KeyBase64), "is not standard base64", true},
		{"base64 without padding", "AAECAwQFBgcICQoLDA0ODw", keyed(provider.KeyBase64), "is not standard base64", true},
		{"base64url", "__8CAwQFBgcICQoLDA0ODw==", keyed(provider.KeyBase64), "is not standard base64", true},
		{"base64 with a line end", "AAECAwQFBgcI\nCQoLDA0ODw==", keyed(provider.KeyBase64), "is not standard base64", true},
		{"base64, spare bits set", "AAECAwQFBgcICQoLDA0ODx==", keyed(provider.KeyBase64), "is not standard base64", true},
		{"hex", "000102030405060708090a0b0c0d0e0f", keyed(provider.KeyHex), "", false},
		{"hex, a digit short", "000102030405060708090a0b0c0d0e0", keyed(provider.KeyHex), "is not hexadecimal", true},
		{"no hex", "sixteen-chars-16", keyed(provider.KeyHex), "is not hexadecimal", true},
		{"hex, 15 bytes", "000102030405060708090a0b0c0d0e", keyed(provider.KeyHex), "is short: 15 bytes", false},
		{"hex, all zero", strings.Repeat("00", 32), keyed(provider.KeyHex), "is one character or byte repeated", false},
		{"base64, all zero", strings.Repeat("A", 43) + "=", keyed(provider.KeyBase64), "is one character or byte repeated", false},
		{"one letter", strings.Repeat("x", 32), keyed(provider.KeyText), "is one character or byte repeated", false},
		{"changeme", "changeme", keyed(provider.KeyText), "is a well-known placeholder", false},
		{"change-me and more", "Change-Me-before-production", keyed(provider.KeyText), "is a well-known placeholder", false},
		{"whsec_test", "whsec_test", keyed(provider.KeyText), "is a well-known placeholder", false},
		{"Stripe's example", "whsec_test_secret", keyed(provider.KeyText), "is a well-known placeholder", false},
		{"a secret with test in it", "test-of-9c1f0a77e2d1", keyed(provider.KeyText), "", false},
		{"PIK's example", "whsec_abc123xyz", keyed(provider.KeyText), "is a well-known placeholder", false},
		{"Bidali's example", "<your webhook secret>", keyed(provider.KeyText), "is a well-known placeholder", false},
		{"your_webhook_secret_here", "your_webhook_secret_here", keyed(provider.KeyText), "is a well-known placeholder", false},
		{"token", "sixteen-chars-16", tokenIn("X-Token", ""), "", false},
		{"short token", "fifteen-chars15", tokenIn("X-Token", ""), "is short: 15 characters", false},
		{"token with a line end", "sixteen\nchars-16", tokenIn("X-Token", ""), "has characters that no HTTP header holds", true},
		{"token with an accent", "sixteen-chars-é16", tokenIn("X-Token", ""), "has characters that no HTTP header holds", true},
		{"Basic", "user:sixteen-chars-16", basicAuth(), "", false},
		{"Basic without a colon", "sixteen-chars-16", basicAuth(), "has no colon", true},
		{"Basic, short password", "a-long-user-name:short", basicAuth(), "is short: 5 characters", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(c.auth, []Secret{NewSecret("current", c.text, false, "paybridge.yaml:12")})
			_, weakErr := New(c.auth, []Secret{NewSecret("current", c.text, true, "paybridge.yaml:12")})
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), "paybridge.yaml:12: secret current: "+c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if c.evenWeak != (weakErr != nil) {
				t.Errorf("with allow_weak: %v", weakErr)
			}
			if text := strings.TrimSpace(c.text); len(text) > 4 && text != pad && strings.Contains(err.Error(), text) {
				t.Errorf("%v shows the secret", err)
			}
		})
	}
}

func TestAllBadSecretsAreReportedAtOnce(t *testing.T) {
	_, err := New(plainHMAC(provider.SHA256), []Secret{
		NewSecret("a", "", false, "paybridge.yaml:3"),
		NewSecret("b", "a-good-secret-of-24-byte", false, "paybridge.yaml:4"),
		NewSecret("c", "changeme", false, "paybridge.yaml:5"),
		NewSecret("b", "another-good-secret-here", false, "paybridge.yaml:6"),
	})
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Fatalf("%v", err)
	}
	want := []string{"paybridge.yaml:3: secret a: is empty", "paybridge.yaml:5: secret c: is a well-known", "paybridge.yaml:6: secret b: has the id of another"}
	for i, line := range strings.Split(err.Error(), "\n") {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("%s, want %s", line, want[i])
		}
	}
	if _, err := New(plainHMAC(provider.SHA256), nil); err == nil || err.Error() != "there is no secret; write at least one under secrets" {
		t.Errorf("%v", err)
	}
	if _, err := New(plainHMAC(provider.SHA256), []Secret{{ID: "zero"}}); err == nil {
		t.Error("the zero secret is accepted")
	}
}

// TestNothingPrintsASecret prints secrets and what holds them in every way.
func TestNothingPrintsASecret(t *testing.T) {
	const text = "canary-secret-0123456789"
	s := NewSecret("current", text, false, "at")
	v, err := New(plainHMAC(provider.SHA256), []Secret{s})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	type holder struct {
		Public  Secret
		private Secret
		list    []Secret
		v       *Verifier
	}
	h := holder{s, s, []Secret{s}, v}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{s, &s, []Secret{s}, map[string]Secret{"a": s}, h, &h, v} {
			fmt.Fprintf(&out, verb, value)
		}
	}
	encoded, err := json.Marshal(map[string]any{"secret": s, "list": []Secret{s}})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	log.Info("x", "secret", s, "holder", h.Public)
	if hexText := fmt.Sprintf("%x", text); strings.Contains(out.String(), text) || strings.Contains(out.String(), hexText) {
		t.Errorf("a secret was printed: %s", out.String())
	}
	if !strings.Contains(out.String(), "secret current") {
		t.Error("not even its id was printed")
	}
	_ = h.private
}
