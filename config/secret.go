package config

import (
	"fmt"
	"io"
)

// redacted stands wherever a secret would be printed.
const redacted = "[secret]"

// Secret is one key, token or password. It prints as "[secret]" whatever is
// asked of it; only Reveal gives the value. The zero Secret is missing.
//
// The value sits behind a function because fmt and reflection-based printers
// reach unexported fields where they cannot call methods; they print a function
// as an address.
type Secret struct {
	ID        string // names the secret in headers, logs and metrics; not secret
	AllowWeak bool   // the operator takes a short or known value
	Key       string // key path in the file: "sources[0].secrets[0]"
	At        Position
	From      string // where the value is from, for messages: `env PIK_WEBHOOK_SECRET`

	reveal func() string
}

// NewSecret is a secret from elsewhere than a file, such as one that `paybridge
// up` made. An empty value makes a missing secret.
func NewSecret(id, value string) Secret { return Secret{ID: id}.With(value) }

// With is the same secret with another value.
func (s Secret) With(value string) Secret {
	s.reveal = nil
	if value != "" {
		s.reveal = func() string { return value }
	}
	return s
}

// Reveal is the value, without the white space around it; "" where Missing.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Missing says that there is no value: the environment variable is not set, or
// the file does not exist.
func (s Secret) Missing() bool { return s.reveal == nil }

// Format prints the same for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String is "[secret]".
func (s Secret) String() string { return redacted }

// GoString is "[secret]".
func (s Secret) GoString() string { return redacted }

// MarshalText is "[secret]", for every encoder that asks for text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON is "[secret]" as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalYAML is "[secret]".
func (s Secret) MarshalYAML() (any, error) { return redacted, nil }
