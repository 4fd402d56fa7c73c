package provider

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// paymentFields are the fields of the canonical payment that a pack may set. payer
// and payee have the same ones.
var paymentFields = []string{
	"id", "reference", "parent", "rail", "amount", "original", "refunded", "fee", "net",
	"network.end_to_end_id", "network.txid", "network.return_id", "network.chain", "network.tx_hashes",
	"payer.name", "payer.document", "payer.bank_ispb", "payee.name", "payee.document", "payee.bank_ispb",
	"provider_status", "provider_code", "reason",
}

// The canonical words of a rule; they are schemas/event's, which the ingress,
// a reader of packs too, may not reach.
var (
	ruleKinds      = []string{"payin", "payout", "transfer", "refund", "fee", "dispute", "unknown"}
	ruleDirections = []string{"in", "out", "internal", "unknown"}
	ruleStates     = []string{"pending", "authorized", "confirmed", "settled", "failed", "expired", "canceled", "reversed", "unknown"}
)

// takenNames may not be names of a let: the variables of every expression, and
// the words that CEL keeps for itself.
var takenNames = strings.Fields("body item header endpoint source received_at type " +
	"true false null in as break const continue else for function if import let loop package namespace return var void while")

// The forms of texts that become parts of names on the wire.
var (
	typePrefixForm = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)
	versionForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)
	letForm        = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	noteForm       = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	pointerForm    = regexp.MustCompile(`^(/([^~/]|~[01])*)+$`)
)

// readEvents reads the events half of a pack: its problems are in r, and what it
// returns is only good where there are none. files is the pack's folder, for its
// schemas. That its expressions are CEL is normalizer/mapping's to see.
func (r *reader) readEvents(root object, files fs.FS) *Events {
	n := root.values["events"]
	if n == nil {
		root.missing("events", "write what the provider's bodies mean: events: {type_prefix: …, type: …}")
		return nil
	}
	o, ok := r.object("events", n)
	if !ok {
		return nil
	}
	o.only("type_prefix", "version", "body", "items", "ignore", "type", "id", "derived_id", "time", "let", "payment", "rules", "personal", "schemas")
	e := &Events{
		At:         r.at(n),
		TypePrefix: o.formed("type_prefix", typePrefixForm, "write a reversed domain name, such as global.pik", true),
		Version:    o.formed("version", versionForm, `write a short word in quotes, such as "1"`, false),
		Body:       o.choice("body", "json", "json", "form"),
		Items:      o.text("items"),
		Ignore:     o.text("ignore"),
		Type:       o.need("type", "write the expression of the native type, such as item.event"),
		ID:         o.text("id"),
		DerivedID:  o.texts("derived_id"),
		Time:       o.text("time"),
		Let:        r.readLets(o),
		Payment:    r.readPayment(o, "payment"),
		Rules:      r.readRules(o),
		Personal:   r.readPersonal(o),
		Schemas:    r.readSchemas(o, files),
	}
	if e.Version == "" {
		e.Version = "1"
	}
	// Without either every event would have the same id, and be a duplicate.
	if e.ID.Text == "" && len(e.DerivedID) == 0 {
		o.missing("derived_id", "write what identifies an event, such as [item.id, item.status], or id where the provider documents that it is unique")
	}
	return e
}

// formed is a text of a given form.
func (o object) formed(name string, form *regexp.Regexp, hint string, needed bool) string {
	if o.values[name] == nil && !needed {
		return ""
	}
	t := o.need(name, hint)
	if t.Text != "" && !form.MatchString(t.Text) {
		o.wrong(name, hint, "%q is not of the form", t.Text)
	}
	return t.Text
}

// readLets reads the named expressions, in the order of the file.
func (r *reader) readLets(parent object) []Let {
	lets, o := r.expressions(parent, "let")
	for i := range lets {
		switch name := lets[i].Name; {
		case slices.Contains(takenNames, name):
			o.wrong(name, "choose another name", "is a name that expressions already have")
		case !letForm.MatchString(name):
			o.wrong(name, "write letters, digits and _", "is no name")
		}
	}
	return lets
}

// readPayment reads expressions of payment fields.
func (r *reader) readPayment(parent object, key string) []Let {
	lets, o := r.expressions(parent, key)
	for i := range lets {
		if name := lets[i].Name; !slices.Contains(paymentFields, name) {
			o.wrong(name, "write one of: "+strings.Join(paymentFields, ", "), "is no field of a payment that a pack sets")
		}
	}
	return lets
}

// expressions reads a mapping of names to expressions, in the order of the file.
func (r *reader) expressions(parent object, key string) ([]Let, object) {
	n := parent.values[key]
	if n == nil {
		return nil, object{}
	}
	o, ok := r.object(parent.key(key), n)
	if !ok {
		return nil, object{}
	}
	var lets []Let
	for _, k := range o.keys {
		// A field of a mapping is the mistake of who writes network: {chain: …}.
		if v := o.values[k.Value]; v.Kind == yaml.MappingNode {
			o.wrong(k.Value, fmt.Sprintf("write %s.NAME: expression", k.Value), "is a mapping, not an expression")
			continue
		}
		lets = append(lets, Let{k.Value, o.text(k.Value)})
	}
	return lets, o
}

// readRules reads the rules, in order. A rule that names none of kind, direction
// and state could never decide anything, and so never have an effect.
func (r *reader) readRules(parent object) []Rule {
	var rules []Rule
	for i, n := range parent.list("rules") {
		o, ok := r.object(parent.item("rules", i), n)
		if !ok {
			continue
		}
		o.only("when", "kind", "direction", "state", "notes", "set", "id")
		rule := Rule{At: r.at(n), When: o.need("when", "write the condition, such as 'type == \"payment.confirmed\"'")}
		if o.values["kind"] == nil && o.values["direction"] == nil && o.values["state"] == nil {
			r.problem(n, o.path, "write at least one of kind, direction, state", "decides nothing")
		}
		rule.Kind = o.word("kind", ruleKinds)
		rule.Direction = o.word("direction", ruleDirections)
		rule.State = o.word("state", ruleStates)
		for j, note := range o.texts("notes") {
			if !noteForm.MatchString(note.Text) {
				r.problems = append(r.problems, Problem{note.At, o.item("notes", j), fmt.Sprintf("%q is no note", note.Text), "write lower-case letters, digits and _, such as funds_received"})
			}
			rule.Notes = append(rule.Notes, note.Text)
		}
		rule.Set = r.readPayment(o, "set")
		rule.ID = o.text("id")
		rules = append(rules, rule)
	}
	return rules
}

// word is a choice that may be left out.
func (o object) word(name string, words []string) string {
	if o.values[name] == nil {
		return ""
	}
	return o.choice(name, "", words...)
}

// readPersonal reads the JSON pointers (RFC 6901, and "*" for every element or
// member) of what is personal in an item.
func (r *reader) readPersonal(parent object) []Text {
	pointers := parent.texts("personal")
	for i, p := range pointers {
		if !pointerForm.MatchString(p.Text) {
			r.problems = append(r.problems, Problem{p.At, parent.item("personal", i), fmt.Sprintf("%q is no JSON pointer", p.Text), "write one such as /data/customer/name, * for every element"})
		}
	}
	return pointers
}

// readSchemas reads which file describes which native type, and sees that it is there.
func (r *reader) readSchemas(parent object, files fs.FS) map[string]string {
	// File names have the form of named expressions: texts under free keys.
	lets, o := r.expressions(parent, "schemas")
	if len(lets) == 0 {
		return nil
	}
	schemas := map[string]string{}
	for _, l := range lets {
		name := l.Expr.Text
		if name == "" {
			continue
		}
		if strings.ContainsAny(name, `/\`) || !strings.HasSuffix(name, ".schema.json") {
			o.wrong(l.Name, "write a file of the pack's folder, such as event.schema.json", "%q is not a schema of the pack", name)
			continue
		}
		if _, err := readSchema(files, name); err != nil {
			o.wrong(l.Name, "", "%s: %v", name, err)
		}
		schemas[l.Name] = name
	}
	return schemas
}
