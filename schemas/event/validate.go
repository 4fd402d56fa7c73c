package event

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// FieldError says which field of an event is not as the contract has it. It never
// holds a value.
type FieldError struct {
	Field   string // an attribute's name, or "payment.amount"
	Problem string
}

func (e *FieldError) Error() string { return "event: " + e.Field + " " + e.Problem }

// Validate checks e against the contract: what is published passes it. The error is
// a *FieldError. Native is not looked into.
func (e *Event) Validate() error {
	for _, attribute := range [...]struct {
		name, value string
		required    bool
	}{
		{"type", e.Type, true},
		{"subject", e.Subject, false},
		{"provider", e.Provider, true},
		{"partitionkey", e.PartitionKey, true},
		{"authscheme", e.AuthScheme, true},
		{"traceparent", e.Traceparent, false},
	} {
		if attribute.value == "" && attribute.required {
			return &FieldError{attribute.name, "is missing"}
		}
		if !isAttributeText(attribute.value) {
			return &FieldError{attribute.name, "has bytes that an attribute may not hold; use AttributeText"}
		}
	}
	switch {
	case !isID(e.ID):
		return &FieldError{"id", `is not 1 to 128 bytes of "!" to "~"; use CleanID`}
	case !isURI(e.Source):
		return &FieldError{"source", "is not an absolute URI"}
	case e.DataSchema != "" && !isURI(e.DataSchema):
		return &FieldError{"dataschema", "is not an absolute URI; use URIText"}
	case e.Time.IsZero() || e.Time.UTC().Year() < 0 || e.Time.UTC().Year() > 9999:
		return &FieldError{"time", "is missing, or not between the years 0 and 9999"}
	case !isSequence(e.Sequence):
		return &FieldError{"sequence", "is not 20 digits, a dot and 4 digits; use Sequence"}
	case !isRawDigest(e.RawDigest):
		return &FieldError{"rawdigest", "is not sha256-<hex>; use RawDigest"}
	case e.ReplayID != "" && !isID(e.ReplayID):
		return &FieldError{"replayid", `is not 1 to 128 bytes of "!" to "~"`}
	case e.Replaces != "" && !isSequence(e.Replaces):
		return &FieldError{"replaces", "is not a sequence"}
	}
	return e.Payment.Validate()
}

// Validate checks that p has the canonical words, exact money and UTC times. The
// error is a *FieldError. Texts are checked for UTF-8 when they are encoded.
func (p *Payment) Validate() error {
	switch {
	case !p.Kind.Valid():
		return &FieldError{"payment.kind", "is not one of the contract's"}
	case !p.Direction.Valid():
		return &FieldError{"payment.direction", "is not one of the contract's"}
	case !p.State.Valid():
		return &FieldError{"payment.state", "is not one of the contract's"}
	case !p.Rail.Valid():
		return &FieldError{"payment.rail", "is not one of the contract's"}
	case !isUTC(p.ReceivedAt):
		return &FieldError{"payment.received_at", "is not RFC 3339 in UTC"}
	case p.OccurredAt != nil && !isUTC(*p.OccurredAt):
		return &FieldError{"payment.occurred_at", "is not RFC 3339 in UTC"}
	}
	for _, field := range [...]struct {
		name  string
		money *Money
	}{
		{"payment.amount", p.Amount},
		{"payment.original", p.Original},
		{"payment.refunded", p.Refunded},
		{"payment.fee", p.Fee},
		{"payment.net", p.Net},
	} {
		if field.money == nil {
			continue
		}
		if problem := field.money.validate(); problem != "" {
			return &FieldError{field.name, problem}
		}
	}
	for i, note := range p.Notes {
		if !isNote(note) {
			return &FieldError{"payment.notes/" + strconv.Itoa(i), "is not a word of a-z, 0-9 and _"}
		}
	}
	return nil
}

// isSequence reports whether s is what Sequence makes.
func isSequence(s string) bool {
	stream, item, _ := strings.Cut(s, ".")
	return len(stream) == 20 && len(item) >= 4 && len(item) <= 10 && isDigits(stream) && isDigits(item)
}

// isDigits reports whether s has nothing but digits.
func isDigits(s string) bool {
	_, rest := cutDigits(s)
	return rest == ""
}

// isRawDigest reports whether s is what RawDigest makes.
func isRawDigest(s string) bool {
	digits, found := strings.CutPrefix(s, rawDigestPrefix)
	if !found || len(digits) != 64 || strings.ToLower(digits) != digits {
		return false
	}
	var sum [32]byte
	_, err := hex.Decode(sum[:], []byte(digits))
	return err == nil
}

// isUTC reports whether s is RFC 3339 with a "Z". time.Parse alone takes hours of one
// digit and a comma before the fraction, too.
func isUTC(s string) bool {
	if len(s) < len("2006-01-02T15:04:05Z") || s[19] != '.' && s[19] != 'Z' {
		return false
	}
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil && strings.HasSuffix(s, "Z")
}

// isNote reports whether s is a word that a program can look for.
func isNote(s string) bool {
	for i := 0; i < len(s); i++ {
		if (s[i] < 'a' || s[i] > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '_' {
			return false
		}
	}
	return s != ""
}
