package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// changes says in words what is different in now, for logs: names and ids, no
// values.
func changes(before, now *Config) []string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	old := map[string]Source{}
	for _, s := range before.Sources {
		old[s.Name] = s
	}
	for _, s := range now.Sources {
		was, there := old[s.Name]
		delete(old, s.Name)
		subject := "source " + s.Name
		switch {
		case !there:
			say("%s added with keys %s", subject, keyIDs(s))
			continue
		case was.Provider != s.Provider:
			say("%s: provider %s", subject, s.Provider)
		case was.URL != s.URL:
			say("%s: url", subject)
		}
		all = append(all, keyChanges(subject, was.Secrets, s.Secrets)...)
		all = append(all, endpointChanges(subject, was.Endpoints, s.Endpoints)...)
	}
	for _, s := range before.Sources {
		if _, gone := old[s.Name]; gone {
			say("source %s removed", s.Name)
		}
	}
	all = append(all, keyChanges("seal", before.Seal.Keys, now.Seal.Keys)...)
	if was, is := sealsWith(before), sealsWith(now); was != is && is != "" {
		say("seal: key %s seals", is)
	}
	for _, one := range []struct {
		key     string
		was, is any
	}{
		{"providers_dir", before.ProvidersDir, now.ProvidersDir},
		{"ingress.tls", before.Ingress.TLS, now.Ingress.TLS},
		{"events.native", before.Events.Native, now.Events.Native},
		{"events.source_base", before.Events.SourceBase, now.Events.SourceBase},
		{"events.schema_base", before.Events.SchemaBase, now.Events.SchemaBase},
		{"events.type_prefix", before.Events.TypePrefix, now.Events.TypePrefix},
	} {
		if !reflect.DeepEqual(one.was, one.is) {
			say("%s", one.key)
		}
	}
	return all
}

// sealsWith is the id of the key that seals, "" where there is none.
func sealsWith(c *Config) string {
	if len(c.Seal.Keys) == 0 {
		return ""
	}
	return c.Seal.Keys[0].ID
}

// reused are the keys of the seal that have another value under the id of one that is
// in force. What is stored and not yet normalized names a key by its id alone, and
// would not open any more.
func reused(before, now *Config) Problems {
	var problems Problems
	for _, s := range now.Seal.Keys {
		i := slices.IndexFunc(before.Seal.Keys, func(b Secret) bool { return b.ID == s.ID })
		if i >= 0 && !s.Missing() && before.Seal.Keys[i].Reveal() != s.Reveal() {
			problems = append(problems, now.Problem(s.Key, "has another value than the key "+quote(s.ID)+" that is in force", "give the new key an id of its own, beside the old one"))
		}
	}
	return problems
}

// keyIDs lists the ids of a new source's keys: "current", "Fee/current Refund/current".
func keyIDs(s Source) string {
	var all []string
	for _, k := range s.Secrets {
		all = append(all, k.ID)
	}
	for _, e := range s.Endpoints {
		for _, k := range e.Secrets {
			all = append(all, e.Name+"/"+k.ID)
		}
	}
	return strings.Join(all, " ")
}

func endpointChanges(subject string, before, now []Endpoint) []string {
	var all []string
	for _, e := range now {
		name := subject + ", endpoint " + e.Name
		i := slices.IndexFunc(before, func(b Endpoint) bool { return b.Name == e.Name })
		if i < 0 {
			all = append(all, name+" added with keys "+keyIDs(Source{Secrets: e.Secrets}))
			continue
		}
		if before[i].URL != e.URL {
			all = append(all, name+": url")
		}
		all = append(all, keyChanges(name, before[i].Secrets, e.Secrets)...)
	}
	for _, b := range before {
		if !slices.ContainsFunc(now, func(e Endpoint) bool { return b.Name == e.Name }) {
			all = append(all, subject+", endpoint "+b.Name+" removed")
		}
	}
	return all
}

// keyChanges names the keys of one list that are new, gone or have another value.
func keyChanges(subject string, before, now []Secret) []string {
	var all []string
	find := func(list []Secret, id string) int {
		return slices.IndexFunc(list, func(s Secret) bool { return s.ID == id })
	}
	for _, s := range now {
		switch i := find(before, s.ID); {
		case i < 0:
			all = append(all, subject+": key "+s.ID+" added")
		case before[i].Reveal() != s.Reveal():
			all = append(all, subject+": key "+s.ID+" has another value")
		}
	}
	for _, s := range before {
		if find(now, s.ID) < 0 {
			all = append(all, subject+": key "+s.ID+" removed")
		}
	}
	return all
}

// fixed lists the settings that differ and that no running program takes over.
func fixed(before, now *Config) []string {
	var all []string
	b, n := before, now
	for _, one := range []struct {
		key   string
		equal bool
	}{
		{"ingress.listen", b.Ingress.Listen == n.Ingress.Listen},
		{"ingress.admin", b.Ingress.Admin == n.Ingress.Admin},
		{"ingress.max_body", b.Ingress.MaxBody == n.Ingress.MaxBody},
		{"ingress.budget", b.Ingress.Budget == n.Ingress.Budget},
		{"ingress.in_flight", b.Ingress.InFlight == n.Ingress.InFlight},
		{"ingress.tls on or off", b.Ingress.TLS.Enabled() == n.Ingress.TLS.Enabled()},
		{"normalizer.admin", b.Normalizer.Admin == n.Normalizer.Admin},
		{"normalizer.tracing", b.Normalizer.Tracing.same(n.Normalizer.Tracing)},
		{"nats.url", b.NATS.URL == n.NATS.URL},
		{"nats.credentials", b.NATS.Credentials == n.NATS.Credentials},
		{"nats.nkey_seed", b.NATS.NKeySeed.Reveal() == n.NATS.NKeySeed.Reveal()},
		{"nats.tls", b.NATS.TLS == n.NATS.TLS},
		{"embedded.listen", b.Embedded.Listen == n.Embedded.Listen},
		{"embedded.sync", b.Embedded.Sync == n.Embedded.Sync},
		{"streams", b.Streams == n.Streams},
		{"events.mode", b.Events.Mode == n.Events.Mode},
	} {
		if !one.equal {
			all = append(all, one.key)
		}
	}
	return all
}
