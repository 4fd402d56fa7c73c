package normalizer

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// schemasPath is where the JSON Schemas of events are served.
const schemasPath = "/schemas/"

// Admin serves what is for operators only: /livez, /readyz, /metrics from the given
// registry, and /schemas/, whose documents schema finds by the rest of the path;
// false where there is none.
func (n *Normalizer) Admin(metrics prometheus.Gatherer, schema func(path string) (doc []byte, ok bool)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { writeStatus(w, "process", nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { writeStatus(w, "normalizer", n.Ready()) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	mux.HandleFunc("GET "+schemasPath, func(w http.ResponseWriter, r *http.Request) {
		doc, found := schema(strings.TrimPrefix(r.URL.Path, schemasPath))
		if !found {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/schema+json")
		_, _ = w.Write(doc)
	})
	return mux
}

// writeStatus says whether a condition holds, as the ingress's listener does.
func writeStatus(w http.ResponseWriter, name string, err error) {
	status, said := http.StatusOK, "ok"
	if err != nil {
		status, said = http.StatusServiceUnavailable, err.Error()
	}
	body, err := json.Marshal(map[string]string{name: said})
	if err != nil {
		body = []byte("{}") // a map of strings always encodes
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
