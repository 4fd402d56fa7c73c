package config

import (
	"time"

	"go.yaml.in/yaml/v3"
)

// Bounds of what an operator may choose.
const (
	mostBody  = 32 * MiB // NATS itself stops at 64 MiB
	mostAge   = 100 * 365 * day
	envelope  = 64 * KiB // what a message has besides a body: its headers and its subject
	leastSize = MiB
)

// read fills the configuration from the file's top level. It is the file's table of
// contents, in the order of the shipped one.
func (r *reader) read(root *yaml.Node) {
	c, s := r.config, r.section("", root)
	r.ingress(s.in("ingress"), &c.Ingress)
	r.normalizer(s.in("normalizer"), &c.Normalizer)
	r.nats(s.in("nats"), &c.NATS)
	r.embedded(s.in("embedded"), &c.Embedded)
	r.streams(s.in("streams"), &c.Streams)
	r.events(s.in("events"), &c.Events)
	r.seal(s.in("seal"), &c.Seal)
	if text, ok := s.text("providers_dir"); ok && text != "" {
		value(s, "providers_dir", &c.ProvidersDir, r.path)
	}
	value(s, "environment", &c.Environment, parseChoice(Production, Staging, Test, Development))
	s.list("sources", func(key string, node *yaml.Node) {
		c.Sources = append(c.Sources, r.source(key, node))
	})
	s.end()
}

func (r *reader) ingress(s *section, into *Ingress) {
	value(s, "listen", &into.Listen, parseAddress)
	value(s, "admin", &into.Admin, parseAddress)
	value(s, "max_body", &into.MaxBody, parseSize(1, mostBody))
	value(s, "budget", &into.Budget, parseDuration(100*time.Millisecond, 10*time.Second))
	value(s, "in_flight", &into.InFlight, parseCount(1, 1_000_000))
	tls := s.in("tls")
	value(tls, "cert", &into.TLS.Cert, r.path)
	value(tls, "key", &into.TLS.Key, r.path)
	value(tls, "client_ca", &into.TLS.ClientCA, r.path)
	tls.list("client_subjects", func(key string, node *yaml.Node) {
		if node.Kind != yaml.ScalarNode || isNull(node) || node.Value == "" {
			r.problem(key, "is no name", "write the common name or a DNS name of a client's certificate")
			return
		}
		into.TLS.ClientSubjects = append(into.TLS.ClientSubjects, node.Value)
	})
	if tls.has("client_subjects") && len(into.TLS.ClientSubjects) == 0 {
		r.problem(tls.key("client_subjects"), "names nobody", "name the clients that may call, or remove it to let every certificate of client_ca in")
	}
	tls.together("cert", "key")
	tls.needs("client_ca", "cert")
	tls.needs("client_subjects", "client_ca")
	tls.end()
	s.end()
}

func (r *reader) normalizer(s *section, into *Normalizer) {
	value(s, "admin", &into.Admin, parseAddress)
	r.tracing(s.in("tracing"), &into.Tracing)
	s.end()
}

func (r *reader) nats(s *section, into *NATS) {
	value(s, "url", &into.URL, parseServers)
	value(s, "credentials", &into.Credentials, r.path)
	if seed := s.in("nkey_seed"); s.present("nkey_seed") {
		into.NKeySeed = r.secret(seed, false)
		if into.Credentials != "" {
			r.problem(s.key("nkey_seed"), "stands beside credentials, which hold a seed of their own", "keep one of them")
		}
	}
	tls := s.in("tls")
	value(tls, "ca", &into.TLS.CA, r.path)
	value(tls, "cert", &into.TLS.Cert, r.path)
	value(tls, "key", &into.TLS.Key, r.path)
	tls.together("cert", "key")
	tls.end()
	s.end()
}

func (r *reader) embedded(s *section, into *Embedded) {
	value(s, "listen", &into.Listen, parseAddress)
	value(s, "sync", &into.Sync, parseSync)
	s.end()
}

func (r *reader) streams(s *section, into *Streams) {
	value(s, "replicas", &into.Replicas, parseCount(1, 5))
	// A larger body needs a larger message, which need not be said twice.
	into.MaxMessage = max(into.MaxMessage, r.config.Ingress.MaxBody+envelope)
	value(s, "max_message", &into.MaxMessage, parseSize(leastSize, mostBody+envelope))
	for _, one := range []struct {
		name string
		into *Stream
	}{{"webhooks", &into.Webhooks}, {"payments", &into.Payments}, {"deadletters", &into.DeadLetters}} {
		stream := s.in(one.name)
		value(stream, "max_age", &one.into.MaxAge, parseDuration(time.Second, mostAge))
		value(stream, "max_bytes", &one.into.MaxBytes, parseSize(leastSize, 1024*TiB))
		value(stream, "duplicate_window", &one.into.DuplicateWindow, parseDuration(100*time.Millisecond, mostAge))
		stream.end()
	}
	s.end()
}

func (r *reader) events(s *section, into *Events) {
	value(s, "mode", &into.Mode, parseChoice(Structured, Binary))
	value(s, "native", &into.Native, parseChoice(NativeFull, NativeRedacted, NativeNone))
	base := parseName(uriBase, "write an absolute URI without the last colon, such as urn:paybridge")
	value(s, "source_base", &into.SourceBase, base)
	value(s, "schema_base", &into.SchemaBase, base)
	value(s, "type_prefix", &into.TypePrefix, parseName(typePrefix, "write words with dots between them, such as com.example.payments"))
	s.end()
}

func (r *reader) seal(s *section, into *Seal) {
	into.Keys = s.secrets("keys")
	s.end()
}

// source reads one element of sources.
func (r *reader) source(key string, node *yaml.Node) Source {
	s := r.section(key, node)
	source := Source{Key: key, At: r.config.at(key)}
	for _, name := range []string{"name", "provider"} {
		if !s.present(name) {
			r.problem(key, "has no "+name, "a source has a name, which is its URL, and a provider, whose pack describes it")
		}
	}
	const rule = "use 1 to 64 of a-z, 0-9, - and _, the first a letter or a digit"
	value(s, "name", &source.Name, parseName(sourceName, rule))
	value(s, "provider", &source.Provider, parseName(sourceName, rule))
	value(s, "url", &source.URL, parseWebURL)
	source.Secrets = s.secrets("secrets")
	endpoints := s.in("endpoints")
	for _, name := range endpoints.order {
		source.Endpoints = append(source.Endpoints, r.endpoint(endpoints, name, source.URL))
	}
	endpoints.end()
	if len(source.Endpoints) > 0 && s.has("secrets") {
		r.problem(s.key("secrets"), "stands beside endpoints, which have secrets of their own", "move it below each endpoint")
	}
	s.end()
	return source
}

// endpoint reads one endpoint of a source. Its URL is the source's with its name
// behind it, unless it has its own.
func (r *reader) endpoint(all *section, name, sourceURL string) Endpoint {
	s := all.in(name)
	e := Endpoint{Key: s.path, At: r.config.at(s.path), Name: name}
	if !endpointName.MatchString(name) {
		r.problem(s.path, quote(name)+" is no name", "use 1 to 64 letters, digits, - and _, the first a letter or a digit")
	}
	if name == "default" {
		r.problem(s.path, "default is what a source without endpoints has", "give the endpoint the name that stands in its URL")
	}
	if sourceURL != "" {
		e.URL = sourceURL + "/" + name
	}
	value(s, "url", &e.URL, parseWebURL)
	e.Secrets = s.secrets("secrets")
	s.end()
	return e
}

// together reports a key that stands without its partner.
func (s *section) together(a, b string) {
	s.needs(a, b)
	s.needs(b, a)
}

// needs reports a key that stands without another one.
func (s *section) needs(key, other string) {
	if s.present(key) && !s.present(other) {
		s.problem(s.key(key), "needs "+other+" beside it", "")
	}
}
