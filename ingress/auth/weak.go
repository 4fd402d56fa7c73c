package auth

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"paybridge/schemas/provider"
)

// shortest is the fewest bytes of an HMAC key after decoding, and the fewest
// characters of a token or password.
const shortest = 16

// placeholders are secrets that everyone knows, as plain makes them: what people
// write before they have a secret, and examples of documentations.
var placeholders = []string{
	"changeit", "replaceme", "password", "secret", "token", "test", "example", "default", "dummy", "none", "null", "todo", "xxx",
	"webhook", "webhooksecret", "mysecret", "mywebhooksecret", "supersecret", "topsecret", "secretkey", "test1234",
	"insertsecrethere", "secrethere", "yoursecret", "yoursecretkey", "yoursecretkeyhere", "yoursecrethere", "yourtoken",
	"yourtokenhere", "yourapikey", "yourwebhooksecret", "yourwebhooksecrethere", "yourwebhooktoken", "yoursigningsecret", "yourpassword",
	"123456", "12345678", "1234567890", "1234567890123456", "0123456789abcdef", "0123456789abcdef0123456789abcdef",
	"abc123xyz",  // PIK's documentation
	"testsecret", // Stripe's libraries: whsec_test_secret
}

// plain is a secret as it is looked up among the placeholders: lower-case letters
// and digits, without the mark of a webhook secret.
func plain(text string) string {
	text = strings.TrimPrefix(strings.ToLower(text), "whsec_")
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, text)
}

// isPlaceholder says whether anyone could guess the secret. Two words are looked for
// anywhere in it, the others have to be all of it: a random secret that holds
// "test" is none.
func isPlaceholder(text string) bool {
	p := plain(text)
	return slices.Contains(placeholders, p) || strings.Contains(p, "changeme") || strings.Contains(p, "placeholder") ||
		strings.HasPrefix(text, "<") && strings.HasSuffix(text, ">")
}

// uniform says whether all bytes are the same: all zero, or one letter repeated.
// It is long enough by then, so the length would not have given it away.
func uniform(b []byte) bool {
	for _, c := range b {
		if c != b[0] {
			return false
		}
	}
	return true
}

// keyFor is the secret as a scheme uses it, or why the scheme cannot use it. No
// message holds a part of the secret, nor its length where it is long enough.
func (s Secret) keyFor(scheme *provider.Scheme) ([]byte, *Problem) {
	refuse := func(message, hint string) ([]byte, *Problem) {
		return nil, &Problem{At: s.At, ID: s.ID, Message: message, Hint: hint}
	}
	const longer = "make a random one, such as 32 bytes of `openssl rand -hex 32`, or write allow_weak: true beside it"
	text := s.text()
	if strings.TrimSpace(text) == "" {
		return refuse("is empty", "write the secret that the provider shows")
	}
	if strings.TrimSpace(text) != text {
		return refuse("has white space around it", "remove it")
	}
	if !s.AllowWeak && isPlaceholder(text) {
		return refuse("is a well-known placeholder", "write the secret that the provider shows, or allow_weak: true beside it")
	}
	// judged is the part whose strength counts; what names its units.
	key, judged, what := []byte(text), []byte(text), "characters"
	switch scheme.Kind {
	case provider.HMAC:
		decoded, err := decodeKey(scheme.Key, text)
		if err != nil {
			return refuse("is not "+err.Error(), "write it exactly as the provider shows it")
		}
		key, judged, what = decoded, decoded, "bytes"
	case provider.Token:
		if !printable(text) {
			return refuse("has characters that no HTTP header holds", "write it exactly as the provider shows it")
		}
	case provider.Basic:
		_, password, ok := strings.Cut(text, ":")
		if !ok {
			return refuse("has no colon", "write user:password")
		}
		judged = []byte(password)
	}
	if len(key) == 0 {
		return refuse("is empty once decoded", "write the secret that the provider shows")
	}
	if s.AllowWeak {
		return key, nil
	}
	if len(judged) < shortest {
		return refuse(fmt.Sprintf("is short: %d %s, not %d or more", len(judged), what, shortest), longer)
	}
	if uniform(judged) {
		return refuse("is one character or byte repeated", longer)
	}
	return key, nil
}

// decodeKey turns a secret's text into the bytes of a key. Its error is the name of
// the coding that the text is not in.
func decodeKey(coding, text string) ([]byte, error) {
	switch coding {
	case provider.KeyText:
		return []byte(text), nil
	case provider.KeyHex: // either case
		if key, err := hex.DecodeString(text); err == nil {
			return key, nil
		}
		return nil, fmt.Errorf("hexadecimal, as the provider's keys are")
	case provider.KeyWhsec:
		text = strings.TrimPrefix(text, "whsec_")
	}
	// The decoder passes over line ends; a secret has none.
	if key, err := base64.StdEncoding.Strict().DecodeString(text); err == nil && !strings.ContainsAny(text, "\r\n") {
		return key, nil
	}
	return nil, fmt.Errorf("standard base64 with its padding, as the provider's keys are")
}

// printable says whether a header can hold the text.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' })
}
