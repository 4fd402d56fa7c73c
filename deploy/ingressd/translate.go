package ingressd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"paybridge/config"
	"paybridge/ingress"
	"paybridge/ingress/auth"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// translate is the whole way from a configuration to the ingress's options; its
// error holds every problem.
func translate(cfg *config.Config, library *provider.Library, o Options) (ingress.Options, error) {
	var problems config.Problems
	add := func(found config.Problems) { problems = append(problems, found...) }

	tls, err := cfg.Ingress.TLS.Config()
	if err != nil {
		add(config.Problems{cfg.Problem("ingress.tls", err.Error(), "")})
	}
	keys, found := seal(cfg)
	add(found)
	sources, found := sources(cfg, library)
	add(found)
	if problems != nil {
		return ingress.Options{}, problems
	}
	schemas := o.Schemas
	if schemas == nil {
		schemas = packSchemas(library)
	}
	return ingress.Options{
		Listen: cfg.Ingress.Listen, Admin: cfg.Ingress.Admin, TLS: tls,
		MaxBody: int64(cfg.Ingress.MaxBody), Budget: cfg.Ingress.Budget, InFlight: cfg.Ingress.InFlight,
		Conn: o.Conn, Seal: keys, Sources: sources,
		Log: o.Log, Receipts: o.Receipts, Metrics: o.Metrics, Schemas: schemas, Ready: o.Ready, Started: o.Started,
	}, nil
}

// Judge is what an ingress would refuse of a configuration.
func Judge(cfg *config.Config) error {
	library, done, err := packs(cfg, nil)
	if err != nil {
		return err
	}
	defer done()
	_, err = translate(cfg, library, Options{})
	return err
}

// seal makes the keys of the seal.
func seal(cfg *config.Config) (keys delivery.Keys, problems config.Problems) {
	if len(cfg.Seal.Keys) == 0 {
		return nil, config.Problems{cfg.Problem("seal.keys", "there is no key to seal deliveries with",
			"write seal: {keys: [{id: k1, file: FILE}]} with the same key for ingress and normalizer")}
	}
	for _, s := range cfg.Seal.Keys {
		if s.Missing() {
			problems = append(problems, missing(s))
			continue
		}
		newKey := delivery.NewKey
		if s.AllowWeak {
			newKey = delivery.NewWeakKey
		}
		key, err := newKey(s.ID, s.Reveal())
		if err != nil {
			problems = append(problems, config.Problem{At: s.At, Key: s.Key, Message: err.Error()})
			continue
		}
		keys = append(keys, key)
	}
	return keys, problems
}

func missing(s config.Secret) config.Problem {
	return config.Problem{At: s.At, Key: s.Key, Message: "the secret has no value: " + s.From + " is not there"}
}

// Sources makes what the ingress serves of a configuration's sources; the error
// holds every problem.
func Sources(cfg *config.Config, library *provider.Library) ([]ingress.Source, error) {
	served, problems := sources(cfg, library)
	return served, problems.Err()
}

func sources(cfg *config.Config, library *provider.Library) (served []ingress.Source, problems config.Problems) {
	for _, s := range cfg.Sources {
		source, found := one(cfg, s, library)
		served, problems = append(served, source), append(problems, found...)
	}
	return served, problems
}

// one makes one source and all its endpoints.
func one(cfg *config.Config, s config.Source, library *provider.Library) (ingress.Source, config.Problems) {
	at := func(key, message, hint string) config.Problems {
		return config.Problems{{At: s.At, Key: s.Key + key, Message: message, Hint: hint}}
	}
	if !slices.Contains(library.Names(), s.Provider) {
		return ingress.Source{}, config.Problems{cfg.Problem(s.Key+".provider", fmt.Sprintf("there is no pack %q", s.Provider), "one of "+strings.Join(library.Names(), ", "))}
	}
	about, err := library.About(s.Provider)
	if err != nil {
		return ingress.Source{}, packProblems(s, err)
	}
	half, err := library.Auth(s.Provider)
	if err != nil {
		return ingress.Source{}, packProblems(s, err)
	}
	source := ingress.Source{Name: s.Name, Provider: s.Provider, Answer: half.Answer}
	endpoints := s.Endpoints
	switch {
	case len(about.Endpoints) > 0 && len(endpoints) == 0:
		return source, at("", s.Provider+" wants one URL per kind", "list endpoints, each with its secrets: "+strings.Join(about.Endpoints, ", "))
	case len(about.Endpoints) == 0 && len(endpoints) > 0:
		return source, at(".endpoints", s.Provider+" has no endpoints", "write the secrets under the source itself")
	case len(endpoints) == 0:
		endpoints = []config.Endpoint{{Key: s.Key, At: s.At, URL: s.URL, Secrets: s.Secrets}}
	}
	var problems config.Problems
	for _, e := range endpoints {
		if e.Name != "" && !slices.Contains(about.Endpoints, e.Name) {
			problems = append(problems, config.Problem{At: e.At, Key: e.Key, Message: s.Provider + " has no such endpoint", Hint: "one of " + strings.Join(about.Endpoints, ", ")})
			continue
		}
		verifier, found := verifier(half, e)
		problems = append(problems, found...)
		source.Endpoints = append(source.Endpoints, ingress.Endpoint{Name: e.Name, URL: e.URL, Verifier: verifier, Token: onlyHeaders(half)})
	}
	return source, problems
}

// verifier makes the verifier of one endpoint with its secrets.
func verifier(half *provider.Auth, e config.Endpoint) (*auth.Verifier, config.Problems) {
	var problems config.Problems
	secrets := make([]auth.Secret, 0, len(e.Secrets))
	for _, s := range e.Secrets {
		if s.Missing() {
			problems = append(problems, missing(s))
			continue
		}
		secrets = append(secrets, auth.NewSecret(s.ID, s.Reveal(), s.AllowWeak, s.At.String()))
	}
	if len(e.Secrets) == 0 {
		problems = append(problems, config.Problem{
			At: e.At, Key: e.Key + ".secrets", Message: "there is no secret to verify with",
			Hint: "write secrets: [{id: current, env: NAME}]",
		})
	}
	if problems != nil {
		return nil, problems
	}
	v, err := auth.New(half, secrets)
	var bad auth.Problems
	switch {
	case errors.As(err, &bad):
		for _, p := range bad {
			at, key := place(e, p.ID)
			problems = append(problems, config.Problem{At: at, Key: key, Message: p.Message, Hint: p.Hint})
		}
	case err != nil:
		problems = config.Problems{{At: e.At, Key: e.Key, Message: err.Error()}}
	}
	return v, problems
}

// place is where the operator wrote the secret with an id.
func place(e config.Endpoint, id string) (config.Position, string) {
	for _, s := range e.Secrets {
		if s.ID == id {
			return s.At, s.Key
		}
	}
	return e.At, e.Key
}

// onlyHeaders says that no scheme of the pack looks at the body.
func onlyHeaders(half *provider.Auth) bool {
	for _, s := range half.AnyOf {
		if s.Kind != provider.Token && s.Kind != provider.Basic {
			return false
		}
	}
	return true
}
