package ingress

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/prometheus/client_golang/prometheus"

	"paybridge/ingress/auth"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// Source is one configured account at a provider, as it is served.
type Source struct {
	Name      string // URL segment and subject token: [a-z0-9][a-z0-9_-]{0,63}
	Provider  string // pack name
	Answer    provider.Answer
	Endpoints []Endpoint // one without a name for a source without endpoints
}

// Endpoint is one URL of a source: /webhooks/<source> where it has no name, else
// /webhooks/<source>/<endpoint>.
type Endpoint struct {
	Name     string   // [A-Za-z0-9][A-Za-z0-9_-]{0,63}; "" for the one URL of a source without endpoints
	URL      string   // how the provider knows the URL, without a query; "" where no signature covers it
	Verifier Verifier // who may store here

	// Token says that headers alone decide: such a request is refused before
	// its body is read. Where a body is signed, the checks of the body that
	// come first in order are made first.
	Token bool
}

// Verifier authenticates the requests of one endpoint. It is called concurrently,
// must not keep or change a request, and does not block. *auth.Verifier is one.
type Verifier interface {
	// Early refuses what headers alone refuse; r has no body yet.
	Early(r auth.Request) error
	// Verify authenticates the whole request. A refusal is an *auth.Error.
	Verify(r auth.Request) (auth.Result, error)
	// KeepHeaders lists the canonical names of the headers that are stored.
	KeepHeaders() []string
	// KeepQuery says whether the raw query is stored.
	KeepQuery() bool
}

// route is what the table knows about one path: everything that a request needs,
// looked up once.
type route struct {
	source, provider, endpoint string
	url                        string
	verifier                   Verifier
	token                      bool
	keepHeaders                []string
	keepQuery                  bool
	answer                     provider.Answer
	accepted                   prometheus.Counter // its 200s
}

// unknownRoute stands in metrics and logs for a request at no known path.
var unknownRoute = &route{source: "unknown", endpoint: "unknown"}

// table finds a route by the path exactly as it was sent: nothing is cleaned,
// decoded or interpolated, so that no two spellings mean one endpoint.
type table map[string]*route

var (
	sourceName   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	endpointName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
)

// newTable builds the table of sources; the error names every source that cannot
// be served.
func newTable(sources []Source) (table, error) {
	t := make(table)
	var problems []error
	for _, s := range sources {
		if err := t.add(s); err != nil {
			problems = append(problems, err)
		}
	}
	return t, errors.Join(problems...)
}

// add makes the routes of one source.
func (t table) add(s Source) error {
	if !sourceName.MatchString(s.Name) {
		return fmt.Errorf("source %q: a name is 1 to 64 of a-z, 0-9, - and _, and begins with a letter or digit", s.Name)
	}
	if len(s.Endpoints) == 0 {
		return fmt.Errorf("source %s: there is no endpoint to serve", s.Name)
	}
	for _, e := range s.Endpoints {
		path, name := "/webhooks/"+s.Name, delivery.DefaultEndpoint
		switch {
		case e.Name == "" && len(s.Endpoints) > 1:
			return fmt.Errorf("source %s: a source with several endpoints names each", s.Name)
		case e.Name == delivery.DefaultEndpoint || e.Name != "" && !endpointName.MatchString(e.Name):
			return fmt.Errorf("source %s: endpoint %q: a name is 1 to 64 of A-Z, a-z, 0-9, - and _, begins with a letter or digit and is not %q", s.Name, e.Name, delivery.DefaultEndpoint)
		case e.Name != "":
			path, name = path+"/"+e.Name, e.Name
		}
		if t[path] != nil {
			return fmt.Errorf("source %s: %s is there twice", s.Name, path)
		}
		if e.Verifier == nil {
			return fmt.Errorf("source %s: %s has no verifier", s.Name, path)
		}
		t[path] = &route{
			source: s.Name, provider: s.Provider, endpoint: name,
			url: e.URL, verifier: e.Verifier, token: e.Token,
			keepHeaders: e.Verifier.KeepHeaders(), keepQuery: e.Verifier.KeepQuery(),
			answer: s.Answer,
		}
	}
	return nil
}
