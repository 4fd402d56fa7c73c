package mapping

import (
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"paybridge/schemas/event"
)

// draft is an event that is being made, with room for all that its pointers point
// to, so that an event is one allocation.
type draft struct {
	event     event.Event
	network   event.Network
	payer     event.Party
	payee     event.Party
	texts     [15]string
	amounts   [5]event.Money
	documents [2]event.Document

	// How much of the room is taken. A field is filled once, and there is room for all:
	// fourteen texts and the time, five amounts, two documents.
	usedTexts, usedAmounts, usedDocuments int
	notes                                 []string
	room                                  [4]string // for notes
}

// text gives a text a place in the draft.
func (d *draft) text(s string) *string {
	d.texts[d.usedTexts] = s
	d.usedTexts++
	return &d.texts[d.usedTexts-1]
}

// paymentField is one field that a pack may set. Exactly one of the functions that
// follow want says where its value goes.
type paymentField struct {
	name     string
	want     wants
	text     func(*draft) **string
	money    func(*draft) **event.Money
	document func(*draft) **event.Document
	set      func(*draft, ref.Val) *failure
}

// paymentFields is every field, in the order in which they are evaluated.
var paymentFields = []paymentField{
	{name: "id", want: wantText, text: func(d *draft) **string { return &d.event.Payment.ID }},
	{name: "reference", want: wantText, text: func(d *draft) **string { return &d.event.Payment.Reference }},
	{name: "parent", want: wantText, text: func(d *draft) **string { return &d.event.Payment.Parent }},
	{name: "rail", want: wantText, set: setRail},
	{name: "amount", want: wantMoney, money: func(d *draft) **event.Money { return &d.event.Payment.Amount }},
	{name: "original", want: wantMoney, money: func(d *draft) **event.Money { return &d.event.Payment.Original }},
	{name: "refunded", want: wantMoney, money: func(d *draft) **event.Money { return &d.event.Payment.Refunded }},
	{name: "fee", want: wantMoney, money: func(d *draft) **event.Money { return &d.event.Payment.Fee }},
	{name: "net", want: wantMoney, money: func(d *draft) **event.Money { return &d.event.Payment.Net }},
	{name: "network.end_to_end_id", want: wantText, text: func(d *draft) **string { return &d.network.EndToEndID }},
	{name: "network.txid", want: wantText, text: func(d *draft) **string { return &d.network.TxID }},
	{name: "network.return_id", want: wantText, text: func(d *draft) **string { return &d.network.ReturnID }},
	{name: "network.chain", want: wantText, text: func(d *draft) **string { return &d.network.Chain }},
	{name: "network.tx_hashes", want: wantTexts, set: setTxHashes},
	{name: "payer.name", want: wantText, text: func(d *draft) **string { return &d.payer.Name }},
	{name: "payer.document", want: wantDocument, document: func(d *draft) **event.Document { return &d.payer.Document }},
	{name: "payer.bank_ispb", want: wantText, text: func(d *draft) **string { return &d.payer.BankISPB }},
	{name: "payee.name", want: wantText, text: func(d *draft) **string { return &d.payee.Name }},
	{name: "payee.document", want: wantDocument, document: func(d *draft) **event.Document { return &d.payee.Document }},
	{name: "payee.bank_ispb", want: wantText, text: func(d *draft) **string { return &d.payee.BankISPB }},
	{name: "provider_status", want: wantText, text: func(d *draft) **string { return &d.event.Payment.ProviderStatus }},
	{name: "provider_code", want: wantText, text: func(d *draft) **string { return &d.event.Payment.ProviderCode }},
	{name: "reason", want: wantText, text: func(d *draft) **string { return &d.event.Payment.Reason }},
}

// fill puts the value of one field into the draft.
func (f *paymentField) fill(d *draft, v ref.Val) *failure {
	// The checker has seen to the type where it could; what was dyn is checked now.
	switch {
	case f.text != nil:
		text, ok := scalarText(v)
		if !ok {
			return &failure{problem: "is a list or an object, not a text"}
		}
		*f.text(d) = d.text(text)
	case f.money != nil:
		m, ok := v.(*amount)
		if !ok {
			return &failure{problem: "is not money; write money(value, currency) or minor(value, currency)"}
		}
		d.notes = append(d.notes, m.notes...)
		if m.none {
			return nil
		}
		d.amounts[d.usedAmounts] = m.money
		*f.money(d) = &d.amounts[d.usedAmounts]
		d.usedAmounts++
	case f.document != nil:
		m, ok := v.(*masked)
		if !ok {
			return &failure{problem: "is not a document; write document(type, number)"}
		}
		d.documents[d.usedDocuments] = m.document
		*f.document(d) = &d.documents[d.usedDocuments]
		d.usedDocuments++
	default:
		return f.set(d, v)
	}
	return nil
}

// setRail sets the rail, a word of the contract.
func setRail(d *draft, v ref.Val) *failure {
	text, _ := scalarText(v)
	rail := event.Rail(text)
	if !rail.Valid() {
		return &failure{problem: "is not one of pix, card, wallet, crypto, internal, unknown"}
	}
	d.event.Payment.Rail = rail
	return nil
}

// setTxHashes sets the list of hashes, without the nulls in it.
func setTxHashes(d *draft, v ref.Val) *failure {
	l, ok := v.(traits.Lister)
	if !ok {
		return &failure{problem: "is not a list of texts"}
	}
	for i := l.Iterator(); i.HasNext() == types.True; {
		element := i.Next()
		if element == types.NullValue {
			continue
		}
		text, ok := scalarText(element)
		if !ok {
			return &failure{problem: "is not a list of texts"}
		}
		if len(d.network.TxHashes) == maxItems {
			return &failure{problem: "has more than 1,000 elements"}
		}
		d.network.TxHashes = append(d.network.TxHashes, text)
	}
	return nil
}

// finish hangs the groups that have something into the payment.
func (d *draft) finish() {
	n := &d.network
	if n.EndToEndID != nil || n.TxID != nil || n.ReturnID != nil || n.Chain != nil || n.TxHashes != nil {
		d.event.Payment.Network = n
	}
	d.event.Payment.Payer = someParty(&d.payer)
	d.event.Payment.Payee = someParty(&d.payee)
}

// someParty is p, or nil where nothing is known of it.
func someParty(p *event.Party) *event.Party {
	if p.Name == nil && p.Document == nil && p.BankISPB == nil {
		return nil
	}
	return p
}

// scalarText is a scalar as text: a number and a text as they are written.
func scalarText(v ref.Val) (string, bool) {
	switch v := v.(type) {
	case types.String:
		return string(v), true
	case *number:
		return v.text(), true
	case types.Int:
		return strconv.FormatInt(int64(v), 10), true
	case types.Bool:
		return strconv.FormatBool(bool(v)), true
	case types.Null:
		return "null", true
	}
	return "", false
}
