package main

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// TestSecuritySignatures has a good request and everything that is nearly one (S-05
// and S-07 to S-19). Each refusal is the same constant answer.
func TestSecuritySignatures(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	var (
		body   = payment("signature")
		key    = secretOf("pik")
		good   = sha(key, body)
		digest = mac(sha256.New, key, body)
		std    = base64.StdEncoding.EncodeToString(digest)
		url    = base64.URLEncoding.EncodeToString(digest)
	)
	if raw := base64.RawURLEncoding; !strings.ContainsAny(url, "-_") || raw.EncodeToString(digest) == std {
		t.Fatal("choose a body whose digest tells base64url from base64")
	}
	answer := ""
	for _, row := range []struct{ name, line string }{
		{"none", "X-None: 1"}, // S-07
		{"empty", "PIK-Signature:"},
		{"blank", "PIK-Signature:   \t "},
		{"a comma", "PIK-Signature: ,"},
		{"an equals sign", "PIK-Signature: ="},
		{"a timestamp's key", "PIK-Signature: t="},
		{"a prefix alone", "PIK-Signature: sha256="},
		{"the empty key", "PIK-Signature: " + sha("", body)}, // S-05
		{"a space as key", "PIK-Signature: " + sha(" ", body)},
		{"a NUL as key", "PIK-Signature: " + sha("\x00", body)},
		{"the key with a newline", "PIK-Signature: " + sha(key+"\n", body)},
		{"half the key", "PIK-Signature: " + sha(key[:len(key)/2], body)},
		{"the key in upper case", "PIK-Signature: " + sha(strings.ToUpper(key), body)},
		{"the secret itself", "PIK-Signature: " + key},
		{"another body", "PIK-Signature: " + sha(key, payment("other"))}, // S-09
		{"no body", "PIK-Signature: " + sha(key, "")},
		{"all zeros", "PIK-Signature: " + strings.Repeat("0", 64)},
		{"a plain digest", "PIK-Signature: " + hex.EncodeToString(sum(body))},
		{"a digest of key and body", "PIK-Signature: " + hex.EncodeToString(sum(key+body))},
		{"one digit", "PIK-Signature: " + good[:1]}, // S-12
		{"one byte", "PIK-Signature: " + good[:2]},
		{"half", "PIK-Signature: " + good[:32]},
		{"all but a digit", "PIK-Signature: " + good[:63]},
		{"a digit more", "PIK-Signature: " + good + "0"},
		{"twice", "PIK-Signature: " + good + good},
		{"twice with a comma", "PIK-Signature: " + good + "," + good},
		{"quoted", `PIK-Signature: "` + good + `"`},
		{"0x", "PIK-Signature: 0x" + good},
		{"percent-encoded", "PIK-Signature: %" + good[:2] + good[2:]},
		{"a letter that is no digit", "PIK-Signature: g" + good[1:]},
		{"a fullwidth digit", "PIK-Signature: \uff10" + good[1:]},
		{"base64url", "PIK-Signature: " + url}, // S-14
		{"base64 without padding", "PIK-Signature: " + strings.TrimRight(std, "=")},
		{"base64 with more padding", "PIK-Signature: " + std + "="},
		{"base64 of hex", "PIK-Signature: " + base64.StdEncoding.EncodeToString([]byte(good))},
		{"base64 with trailing bits", "PIK-Signature: " + trailingBits(std)},
		{"sha1", "PIK-Signature: sha1=" + hex.EncodeToString(mac(sha1.New, key, body))}, // S-17
		{"sha1 without a prefix", "PIK-Signature: " + hex.EncodeToString(mac(sha1.New, key, body))},
		{"sha1 as sha256", "PIK-Signature: sha256=" + hex.EncodeToString(mac(sha1.New, key, body))},
		{"sha512", "PIK-Signature: sha512=" + hex.EncodeToString(mac(sha512.New, key, body))},
		{"sha512 cut", "PIK-Signature: " + hex.EncodeToString(mac(sha512.New, key, body)[:32])},
		{"md5", "PIK-Signature: md5=" + hex.EncodeToString(mac(md5.New, key, body))},
		{"sha1 before a good one", "PIK-Signature: sha1=" + good},
		{"no algorithm", "PIK-Signature: none"},
		{"alg=none", "PIK-Signature: alg=none"},
		{"alg=none and a good one", "PIK-Signature: alg=none," + good},
		{"the prefix in upper case", "PIK-Signature: SHA256=" + good},
		{"the prefix twice", "PIK-Signature: sha256=sha256=" + good},
		{"good, then bad", "PIK-Signature: " + good + "\r\nPIK-Signature: " + strings.Repeat("0", 64)}, // S-18
		{"bad, then good", "PIK-Signature: " + strings.Repeat("0", 64) + "\r\nPIK-Signature: " + good},
		{"good twice", "PIK-Signature: " + good + "\r\nPIK-Signature: " + good},
		{"good and empty", "PIK-Signature: " + good + "\r\nPIK-Signature:"},
		{"good in two spellings of the name", "PIK-Signature: " + good + "\r\npik-signature: " + good},
		{"another name", "PIK_Signature: " + good},
		{"another provider's name", "X-Signature: " + good},
		{"a name with a suffix", "PIK-Signature-256: " + good},
		{"Authorization", "Authorization: " + good},
		{"a cookie", "Cookie: PIK-Signature=" + good},
		{"a trailer's announcement", "Trailer: PIK-Signature"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := s.refused(t, post("/webhooks/pik", body, row.line), 401)
			if answer == "" {
				answer = got.body
			}
			if got.body != answer {
				t.Errorf("answered %s, others %s", got.body, answer)
			}
		})
	}
	t.Run("in the query", func(t *testing.T) {
		s.refused(t, post("/webhooks/pik?PIK-Signature="+good, body), 401)
	})
	t.Run("in a trailer", func(t *testing.T) {
		s.refused(t, with("POST /webhooks/pik HTTP/1.1", "Trailer: PIK-Signature", "Transfer-Encoding: chunked")+
			fmt.Sprintf("%x\r\n%s\r\n0\r\nPIK-Signature: %s\r\n\r\n", len(body), body, good), 401)
	})
	// Bodies that are nearly what was signed (S-10, S-11).
	for name, changed := range map[string]string{
		"a newline more": body + "\n", "a carriage return more": body + "\r\n", "a space before": " " + body, "a byte order mark": "\ufeff" + body,
		"a NUL more": body + "\x00", "a byte less": body[:len(body)-1], "spaces": strings.Replace(body, ":", ": ", 1), "an escape": strings.Replace(body, "evt", `\u0065vt`, 1),
		"another order": strings.Replace(body, `"amount":"75.00","currency":"USDT"`, `"currency":"USDT","amount":"75.00"`, 1), "another amount": strings.Replace(body, "75.00", "75.01", 1),
		"twice": body + body,
	} {
		t.Run(name, func(t *testing.T) {
			if changed == body {
				t.Fatal("nothing is changed")
			}
			s.refused(t, post("/webhooks/pik", changed, "PIK-Signature: "+good), 401)
		})
	}
	// Every form that is good: one digest, so one delivery after the first.
	s.accepted(t, post("/webhooks/pik", body, "PIK-Signature: "+good), body)
	for _, line := range []string{
		"PIK-Signature: " + strings.ToUpper(good), "PIK-Signature: sha256=" + good, "PIK-Signature: " + std, "PIK-Signature: sha256=" + std, // S-13
		"pik-signature: " + good, "PIK-SIGNATURE: " + good, "pIk-SiGnAtUrE:" + good, "PIK-Signature: \t " + good + " \t", // S-19
	} {
		s.repeated(t, post("/webhooks/pik", body, line))
	}
}

func sum(text string) []byte {
	d := sha256.Sum256([]byte(text))
	return d[:]
}

// trailingBits is base64 of the same bytes with the bits after the last one set,
// which a lax decoder ignores.
func trailingBits(std string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := len(std) - 2 // before one "="
	return std[:last] + string(alphabet[strings.IndexByte(alphabet, std[last])+1]) + std[last+1:]
}

// TestSecurityAliases has a provider with two names for its header, of which exactly
// one must be there.
func TestSecurityAliases(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	body := `{"event":"charge","id":"alias"}`
	good := hex.EncodeToString(mac(sha1.New, secretOf("bidali"), body))
	for _, lines := range [][]string{
		{"X-Signature: " + good, "X-Bidali-Signature: " + good},
		{"X-Signature: " + good, "X-Bidali-Signature: 00"},
		{"X-Signature: 00", "X-Bidali-Signature: " + good},
		{"X-Signature: " + sha(secretOf("bidali"), body)},
		{"X-Hub-Signature: sha1=" + good},
	} {
		s.refused(t, post("/webhooks/bidali", body, lines...), 401)
	}
	s.accepted(t, post("/webhooks/bidali", body, "X-Signature: "+good), body)
	s.repeated(t, post("/webhooks/bidali", body, "x-bidali-signature: "+good))
}

// TestSecurityKeyConfusion has requests that are authentic, elsewhere (S-28, S-29).
func TestSecurityKeyConfusion(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	body := payment("confusion")
	hub := func(key string) string { return "X-Hub-Signature-256: sha256=" + sha(key, body) }
	every := func(key string) []string { // under every header that a scheme here reads
		good := sha(key, body)
		return []string{
			"PIK-Signature: " + good, "X-Hub-Signature-256: sha256=" + good, "Signature: " + good, "Webhook-Signature: " + good, "Authorization: " + key,
			"X-Signature: " + hex.EncodeToString(mac(sha1.New, key, body)), "Stripe-Signature: t=1,v1=" + good, "Cko-Signature: " + good,
		}
	}
	for _, row := range []struct {
		name, path string
		lines      []string
	}{
		{"another account's key", "/webhooks/pikb", []string{pik(body)}},
		{"the other way round", "/webhooks/pik", []string{"PIK-Signature: " + sha(secretOf(secondPIK), body)}},
		{"another provider's key", "/webhooks/github", []string{hub(secretOf("pik"))}},
		{"another provider's request", "/webhooks/github", []string{pik(body)}},
		{"another provider's request, its own key", "/webhooks/github", []string{"PIK-Signature: " + sha(secretOf("github"), body)}},
		{"another endpoint's key", "/webhooks/pixorder/Fee", []string{"Signature: " + sha(secretOf("pixorder-PixPayment"), body)}},
		{"all of PIK at GitHub", "/webhooks/github", every(secretOf("pik"))},
		{"all of PIK at PicPay", "/webhooks/picpay", every(secretOf("pik"))},
		{"all of PIK at Bidali", "/webhooks/bidali", every(secretOf("pik"))},
		{"all of PIK at Stripe", "/webhooks/stripe", every(secretOf("pik"))},
		{"the key of the seal", "/webhooks/pik", []string{"PIK-Signature: " + sha(sealSecret, body)}},
		{"an HMAC where a token is wanted", "/webhooks/picpay", []string{"Authorization: " + sha(secretOf("picpay"), body)}},
		{"a token where an HMAC is wanted", "/webhooks/pik", []string{"Authorization: " + secretOf("pik"), "PIK-Signature: " + secretOf("pik")}},
	} {
		t.Run(row.name, func(t *testing.T) { s.refused(t, post(row.path, body, row.lines...), 401) })
	}
	// The same bytes are good where their key is, and are a delivery each.
	s.accepted(t, post("/webhooks/pik", body, pik(body)), body)
	s.accepted(t, post("/webhooks/pikb", body, "PIK-Signature: "+sha(secretOf(secondPIK), body)), body)
	s.accepted(t, post("/webhooks/github", body, hub(secretOf("github"))), body)
	s.accepted(t, post("/webhooks/pixorder/Fee", body, "Signature: "+sha(secretOf("pixorder-Fee"), body)), body)
	s.accepted(t, post("/webhooks/pixorder/PixPayment", body, "Signature: "+sha(secretOf("pixorder-PixPayment"), body)), body)
}

// TestSecurityTokens has static tokens that are nearly right (S-39).
func TestSecurityTokens(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	body, token := `{"type":"PAYMENT","id":"tokens"}`, secretOf("picpay")
	for _, lines := range [][]string{
		{},
		{"Authorization:"},
		{"Authorization: " + token[:len(token)-1]},
		{"Authorization: " + token + "x"},
		{"Authorization: " + token + token},
		{"Authorization: Bearer " + token},
		{"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(token))},
		{"Authorization: " + strings.ToUpper(token)},
		{"Authorization: " + token + "\r\nAuthorization: " + token},
		{"Authorization: x\r\nAuthorization: " + token},
		{"Authorization: " + token + ", " + token},
		{"Proxy-Authorization: " + token},
		{"X-Authorization: " + token},
		{"Cookie: Authorization=" + token},
		{`Authorization: "` + token + `"`},
		{"Authorization: " + token + "\u00a0"},
	} {
		s.refused(t, post("/webhooks/picpay", body, lines...), 401)
	}
	s.refused(t, post("/webhooks/picpay", body, "Authorization: "+token+"\x00"), 400) // no header may hold a NUL
	s.refused(t, post("/webhooks/picpay?Authorization="+token, body), 401)
	m := s.accepted(t, post("/webhooks/picpay", body, "Authorization: "+token), body)
	if len(m.Header["Webhook-Header-Authorization"]) != 0 || m.Header.Get("Webhook-Key-Id") != "current" {
		t.Errorf("stored %v", m.Header)
	}
	s.repeated(t, post("/webhooks/picpay", body, "authorization:"+token+" \t")) // blanks around a value are not part of it
}
