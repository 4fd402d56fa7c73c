package operate

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"paybridge/config"
	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

// Sender makes a Send out of a configured source: its pack's fixture, its secret,
// its path.
type Sender struct {
	Config  *config.Config
	Library *provider.Library
	Base    string // http://host:port of the public listener

	// Secret is used instead of a configured one; nil: a configured one is needed.
	Secret *auth.Secret
}

// Prepare chooses what to send for a source. fixture and endpoint may be "": the
// first fixture that becomes an event, at the endpoint that it is for.
func (s Sender) Prepare(name, fixture, endpoint string) (Send, error) {
	source, err := s.source(name)
	if err != nil {
		return Send{}, err
	}
	half, err := s.Library.Auth(source.Provider)
	if err != nil {
		return Send{}, err
	}
	f, err := s.fixture(source, fixture, endpoint)
	if err != nil {
		return Send{}, err
	}
	secrets, signed := source.Secrets, source.URL
	if f.Endpoint != "" {
		e := source.Endpoints[slices.IndexFunc(source.Endpoints, func(e config.Endpoint) bool { return e.Name == f.Endpoint })]
		secrets, signed = e.Secrets, e.URL
	}
	send := Send{
		Source: name, Auth: half, Fixture: f,
		URL: s.Base + WebhookPath(name, f.Endpoint), Signed: signed,
		Events: func() (*provider.Events, error) { return s.Library.Events(source.Provider) },
	}
	if s.Secret != nil {
		send.Secret, send.SecretOf = *s.Secret, s.Secret.At
		return send, nil
	}
	i := slices.IndexFunc(secrets, func(s config.Secret) bool { return !s.Missing() })
	if i < 0 {
		return Send{}, advise(fmt.Errorf("source %s: no secret to sign with", name),
			"set its environment variable or file, or let `paybridge up` make one, and name the same --data folder; or give --secret-file")
	}
	secret := secrets[i]
	send.Secret = auth.NewSecret(secret.ID, secret.Reveal(), secret.AllowWeak, secret.At.String())
	send.SecretOf = secret.From
	return send, nil
}

// WebhookPath is where a source, and its endpoint if it has any, is served.
func WebhookPath(source, endpoint string) string {
	if endpoint == "" {
		return "/webhooks/" + source
	}
	return "/webhooks/" + source + "/" + endpoint
}

// source finds a configured source, or says which there are.
func (s Sender) source(name string) (config.Source, error) {
	var names []string
	for _, source := range s.Config.Sources {
		if source.Name == name {
			return source, nil
		}
		names = append(names, source.Name)
	}
	return config.Source{}, advise(fmt.Errorf("source %q is not configured", name),
		"choose one of "+strings.Join(names, ", ")+", or name another configuration with --config")
}

// fixture finds a fixture by name, or the first that fits.
func (s Sender) fixture(source config.Source, name, endpoint string) (provider.Fixture, error) {
	all, err := s.Library.Fixtures(source.Provider)
	if err != nil {
		return provider.Fixture{}, err
	}
	served := func(f provider.Fixture) bool {
		if len(source.Endpoints) == 0 {
			return f.Endpoint == "" && endpoint == ""
		}
		return (endpoint == "" || f.Endpoint == endpoint) &&
			slices.ContainsFunc(source.Endpoints, func(e config.Endpoint) bool { return e.Name == f.Endpoint })
	}
	f, err := ChooseFixture(all, name, served)
	if err != nil {
		return f, fmt.Errorf("source %s: %w", source.Name, err)
	}
	return f, nil
}

// ChooseFixture finds the fixture of that name or, for "", the one that shows best
// what the provider is for. Only those that served accepts count.
func ChooseFixture(all []provider.Fixture, name string, served func(provider.Fixture) bool) (provider.Fixture, error) {
	var names []string
	best, found := provider.Fixture{}, 0
	for _, f := range all {
		if !served(f) {
			continue
		}
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
		if rank := exemplary(f); rank > found {
			best, found = f, rank
		}
	}
	switch {
	case name != "":
		return best, advise(fmt.Errorf("no fixture %q", name), "choose one of "+strings.Join(names, ", "))
	case found == 0:
		return best, advise(errors.New("the pack has no fixture of an event for this endpoint"), "name one of "+strings.Join(names, ", "))
	}
	return best, nil
}

// exemplary says how well a fixture shows a provider: 0 where it becomes no event,
// most where money came in, the provider's own pages show it, and much is known of
// it. Cases of the signature's forms are for tests.
func exemplary(f provider.Fixture) int {
	o := outcomeOf(f)
	if f.Answer != 200 || f.DeadLetter != "" || o == (outcome{}) {
		return 0
	}
	rank := 100 + o.known
	if o.kind == "payin" && (o.state == "confirmed" || o.state == "settled") {
		rank += 100
	}
	if strings.Contains(f.Doc, "https://") || strings.Contains(f.Doc, "verbatim") {
		rank += 50
	}
	if strings.HasPrefix(f.Name, "auth-") {
		rank -= 99
	}
	return rank
}

// outcome is what becomes of a fixture, in the canonical words.
type outcome struct {
	kind, state string
	known       int // fields of the payment that are not null
}

// outcomeOf reads a fixture's first event; the zero outcome where there is none.
func outcomeOf(f provider.Fixture) outcome {
	if len(f.Events) == 0 {
		return outcome{}
	}
	var e struct {
		Kind  string `json:"paymentkind"`
		State string `json:"paymentstate"`
		Data  struct {
			Payment map[string]any `json:"payment"`
		} `json:"data"`
	}
	if err := json.Unmarshal(f.Events[0], &e); err != nil {
		return outcome{}
	}
	o := outcome{kind: e.Kind, state: e.State}
	for _, value := range e.Data.Payment {
		if value != nil {
			o.known++
		}
	}
	return o
}

// plain is the outcome alone, to tell two apart.
func (o outcome) plain() outcome { return outcome{kind: o.kind, state: o.state} }
