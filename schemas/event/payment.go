package event

// Kind is what happened, in the canonical words.
type Kind string

// State is how far it got, in the canonical words.
type State string

// Direction is relative to our account.
type Direction string

// Rail is what moved the money.
type Rail string

// The kinds of a payment.
const (
	Payin       Kind = "payin"
	Payout      Kind = "payout"
	Transfer    Kind = "transfer"
	Refund      Kind = "refund"
	Fee         Kind = "fee"
	Dispute     Kind = "dispute"
	UnknownKind Kind = "unknown"
)

// The states of a payment.
const (
	Pending      State = "pending"
	Authorized   State = "authorized"
	Confirmed    State = "confirmed" // the provider reports success; Rail says whether it can still be reversed
	Settled      State = "settled"   // credited to us, or for money out: left us
	Failed       State = "failed"
	Expired      State = "expired"
	Canceled     State = "canceled"
	Reversed     State = "reversed"
	UnknownState State = "unknown"
)

// The directions.
const (
	In               Direction = "in"
	Out              Direction = "out"
	Internal         Direction = "internal"
	UnknownDirection Direction = "unknown"
)

// The rails.
const (
	Pix          Rail = "pix"
	Card         Rail = "card"
	Wallet       Rail = "wallet"
	Crypto       Rail = "crypto"
	InternalRail Rail = "internal"
	UnknownRail  Rail = "unknown"
)

// Payment is the canonical payment, "data.payment" of every event. The JSON form
// always has every field of the first two groups, null where unknown;
// its schema is additive-only.
type Payment struct {
	Kind      Kind      `json:"kind"`
	Direction Direction `json:"direction"`
	State     State     `json:"state"`
	ID        *string   `json:"id"`        // the provider's object id, stable over its states
	Reference *string   `json:"reference"` // the merchant's reference
	Parent    *string   `json:"parent"`    // for refunds and fees: the object they belong to
	Rail      Rail      `json:"rail"`

	Amount   *Money `json:"amount"`
	Original *Money `json:"original"`
	Refunded *Money `json:"refunded"`
	Fee      *Money `json:"fee"`
	Net      *Money `json:"net"`

	Network *Network `json:"network"`
	Payer   *Party   `json:"payer"`
	Payee   *Party   `json:"payee"`

	OccurredAt     *string  `json:"occurred_at"` // RFC 3339 UTC; null where the provider does not say or says nonsense
	ReceivedAt     string   `json:"received_at"` // RFC 3339 UTC
	ProviderStatus *string  `json:"provider_status"`
	ProviderCode   *string  `json:"provider_code"`
	Reason         *string  `json:"reason"` // for negatives
	Notes          []string `json:"notes"`  // what was derived or doubtful; [] where nothing was
}

// Network is what the rail itself says of the payment.
type Network struct {
	EndToEndID *string  `json:"end_to_end_id"`
	TxID       *string  `json:"txid"`
	ReturnID   *string  `json:"return_id"`
	Chain      *string  `json:"chain"`
	TxHashes   []string `json:"tx_hashes"`
}

// Party is a payer or a payee.
type Party struct {
	Name     *string   `json:"name"`
	Document *Document `json:"document"`
	BankISPB *string   `json:"bank_ispb"`
}

// Document is a tax or identity document; Number is masked, never whole.
type Document struct {
	Type   string `json:"type"`
	Masked string `json:"masked"`
}

// Money is an exact amount: decimal text, never a float, never a guess.
type Money struct {
	Value    string  `json:"value"`    // exactly Exponent decimals where it is known, else the provider's text
	Currency string  `json:"currency"` // ISO 4217 code or token symbol, upper case
	Minor    *string `json:"minor"`    // integer text in minor units; null where the exponent is unknown or exceeded
	Exponent *int    `json:"exponent"` // decimals of the currency; null where unknown
}
