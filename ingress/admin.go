package ingress

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// schemasPath is where the JSON Schemas of events are served.
const schemasPath = "/schemas/"

// admin serves the admin listener: for operators, load balancers and Prometheus,
// never for providers.
func (s *Server) admin() http.Handler {
	metrics := promhttp.HandlerFor(s.o.Metrics, promhttp.HandlerOpts{EnableOpenMetrics: true})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		known := path == "/livez" || path == "/readyz" || path == "/metrics" || strings.HasPrefix(path, schemasPath)
		switch {
		case known && r.Method != http.MethodGet && r.Method != http.MethodHead:
			problemAdminVerb.answer(w, false)
		case path == "/livez":
			writeStatus(w, http.StatusOK, map[string]string{"process": "ok"})
		case path == "/readyz":
			s.ready(w, r)
		case path == "/metrics":
			metrics.ServeHTTP(w, r)
		case strings.HasPrefix(path, schemasPath):
			s.schema(w, strings.TrimPrefix(path, schemasPath))
		default:
			problemPath.answer(w, false)
		}
	})
}

// ready answers 200 where every condition holds, else 503; the body says which.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	status, said := http.StatusOK, make(map[string]string)
	for _, check := range s.checks() {
		said[check.Name] = "ok"
		if err := check.Holds(); err != nil {
			status, said[check.Name] = http.StatusServiceUnavailable, err.Error()
		}
	}
	writeStatus(w, status, said)
}

// checks are the conditions of readiness, ours first.
func (s *Server) checks() []Check {
	return append([]Check{
		{"ingress", func() error {
			if s.draining.Load() {
				return errors.New("shutting down")
			}
			return nil
		}},
		{"store", s.health.check},
	}, s.o.Ready...)
}

// writeStatus answers with what each condition says, as one JSON object. Nobody may
// keep it: it is true now.
func writeStatus(w http.ResponseWriter, status int, said map[string]string) {
	body, err := json.Marshal(said)
	if err != nil {
		body = []byte("{}") // a map of strings always encodes
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// schema serves a JSON Schema of an event, whose dataschema attribute ends in path.
func (s *Server) schema(w http.ResponseWriter, path string) {
	doc, ok := s.o.Schemas(path)
	if !ok {
		problemPath.answer(w, false)
		return
	}
	w.Header().Set("Content-Type", "application/schema+json")
	_, _ = w.Write(doc)
}
