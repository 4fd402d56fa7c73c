package proof

import (
	"errors"
	"fmt"
	"net/textproto"
	"strings"

	"paybridge/ingress/auth"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
	"paybridge/schemas/provider"
)

// try runs a fixture through both halves and says what is not as its file says.
func (p *pack) try(f provider.Fixture) Case {
	c := Case{Name: f.Name, Answer: f.Answer}
	if err := auth.Prove(p.auth, &f); err != nil {
		c.Problems = split(err)
		if help := p.refusal(f, err); help != "" && f.Answer == 200 {
			c.Problems[0] += "; " + help
		}
		return c
	}
	if f.Answer != 200 {
		return c
	}
	d, err := p.store(f)
	if err != nil {
		c.Problems = prefixed(f, split(err))
		return c
	}
	events, dead := p.mapped(d, f)
	c.Events = len(events)
	c.Problems = append(compareDead(f, dead), p.compareEvents(f, events)...)
	return c
}

// store makes the delivery that an ingress stores of an authentic fixture.
func (p *pack) store(f provider.Fixture) (*delivery.Delivery, error) {
	v, err := auth.New(p.auth, auth.FixtureSecrets(&f))
	if err != nil {
		return nil, err
	}
	result, err := v.Verify(auth.FixtureRequest(&f))
	if err != nil {
		return nil, err
	}
	d := &delivery.Delivery{
		Source: p.name, Provider: p.name, Endpoint: f.Endpoint, ReceivedAt: f.ReceivedAt.UTC(), RequestID: "fixture",
		Scheme: result.Scheme, KeyID: result.KeyID, SignedID: result.SignedID,
		Header: textproto.MIMEHeader{}, Body: f.Body,
	}
	if d.Endpoint == "" {
		d.Endpoint = delivery.DefaultEndpoint
	}
	if v.KeepQuery() {
		d.Query = f.Query
	}
	for _, name := range v.KeepHeaders() {
		if values, ok := f.Header[name]; ok {
			d.Header[name] = values
		}
	}
	return d, nil
}

// mapped runs a delivery through the events half: its events, and the reasons of
// what did not become one.
func (p *pack) mapped(d *delivery.Delivery, f provider.Fixture) (events []*event.Event, dead []string) {
	doc, whole := p.program.Decode(d)
	if whole != nil {
		return nil, []string{p.deadText(string(whole.Reason), whole.Pointer, whole.Problem)}
	}
	for _, item := range p.program.Map(d, doc, f.Sequence) {
		if item.Dead != nil {
			dead = append(dead, p.deadText(string(item.Dead.Reason), item.Dead.Pointer, item.Dead.Problem))
			continue
		}
		events = append(events, item.Event)
	}
	return events, dead
}

// deadText is a dead letter for people; it begins with its reason, and ends with the
// expression that it is about.
func (p *pack) deadText(reason, pointer, problem string) string {
	text := reason
	if pointer != "" {
		text += " at " + pointer
	}
	if problem != "" {
		text += ": " + problem
	}
	key, _, _ := strings.Cut(problem, ":")
	if expression := p.expression(key); expression != "" {
		text += ": " + expression
	}
	return text
}

// expression is what stands at a key of the events half; "" where none does, and for
// rules, whose texts are long.
func (p *pack) expression(key string) string {
	e := p.events
	switch key {
	case "items":
		return e.Items.Text
	case "ignore":
		return e.Ignore.Text
	case "type":
		return e.Type.Text
	case "id":
		return e.ID.Text
	case "time":
		return e.Time.Text
	}
	for _, group := range []struct {
		prefix string
		lets   []provider.Let
	}{{"let.", e.Let}, {"payment.", e.Payment}} {
		for _, l := range group.lets {
			if key == group.prefix+l.Name {
				return l.Expr.Text
			}
		}
	}
	return ""
}

// compareDead checks that dead letters are those that the fixture says, and no other.
func compareDead(f provider.Fixture, dead []string) []string {
	var problems []string
	found := false
	for _, text := range dead {
		if f.DeadLetter != "" && len(text) >= len(f.DeadLetter) && text[:len(f.DeadLetter)] == f.DeadLetter {
			found = true
			continue
		}
		problems = append(problems, "becomes a dead letter: "+text)
	}
	if f.DeadLetter != "" && !found {
		problems = append(problems, "dead_letter: nothing of it becomes a dead letter "+f.DeadLetter)
	}
	return prefixed(f, problems)
}

// errNoEvent says that a fixture lacks the file of an event.
var errNoEvent = errors.New("is missing: write what must come of it, or let `paybridge provider check --update` write what does, and read it")

// compareEvents checks every event against its file and its schema.
func (p *pack) compareEvents(f provider.Fixture, events []*event.Event) []string {
	var problems []string
	for i, e := range events {
		at := f.At
		if i < len(f.EventsAt) {
			at = f.EventsAt[i]
		}
		file := fmt.Sprintf("%s: event-%d.json", at, i)
		got, err := e.AppendStructured(nil)
		if err != nil {
			problems = append(problems, file+": "+err.Error())
			continue
		}
		if i >= len(f.Events) {
			problems = append(problems, file+": "+errNoEvent.Error())
			continue
		}
		for _, difference := range compareJSON(f.Events[i], got) {
			problems = append(problems, file+": "+difference)
		}
		for _, invalid := range p.schemas.validate(e.NativeType, got) {
			problems = append(problems, file+": schema: "+invalid)
		}
	}
	for i := len(events); i < len(f.Events); i++ {
		problems = append(problems, fmt.Sprintf("%s: event-%d.json: nothing becomes that event", f.EventsAt[i], i))
	}
	return problems
}

// prefixed puts the fixture's place before each problem.
func prefixed(f provider.Fixture, problems []string) []string {
	for i, text := range problems {
		problems[i] = f.At.String() + ": " + text
	}
	return problems
}
