package event

import _ "embed" // the schema's text

//go:embed payment.schema.json
var paymentSchema string

// PaymentSchema is the JSON Schema (2020-12) of the canonical payment, "data.payment"
// of every event. It is additive-only: fields and words may be added, never changed.
func PaymentSchema() []byte { return []byte(paymentSchema) }
