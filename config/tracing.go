package config

import (
	"net/url"
	"strconv"
	"strings"
)

// Tracing says where the normalizer sends what happened to deliveries, as
// OpenTelemetry spans. The zero value sends nothing.
type Tracing struct {
	OTLP          string  // where an OTLP/HTTP collector takes traces: "http://127.0.0.1:4318/v1/traces"; "" for nowhere
	Sample        float64 // share, 0 to 1, of the traces that begin here; a webhook's own says itself whether it is recorded
	Authorization Secret  // value of the header Authorization; its Key is "" where there is none
}

// Enabled says that spans are sent.
func (t Tracing) Enabled() bool { return t.OTLP != "" }

// same says that nothing differs that a running normalizer would have to know.
func (t Tracing) same(other Tracing) bool {
	return t.OTLP == other.OTLP && t.Sample == other.Sample && t.Authorization.Reveal() == other.Authorization.Reveal()
}

func (r *reader) tracing(s *section, into *Tracing) {
	value(s, "otlp", &into.OTLP, parseCollector)
	value(s, "sample", &into.Sample, parseShare)
	if secret := s.in("authorization"); s.present("authorization") {
		into.Authorization = r.secret(secret, false)
	}
	s.needs("sample", "otlp")
	s.needs("authorization", "otlp")
	s.end()
}

// tracesPath is where OTLP over HTTP has traces, below the collector's own address:
// https://opentelemetry.io/docs/specs/otlp/#otlphttp-request
const tracesPath = "/v1/traces"

// parseCollector reads the address of a collector, with or without the path of traces.
// It may hold a password by mistake, so that no problem shows it.
func parseCollector(text string) (string, error) {
	const hint = "write the address of an OTLP/HTTP collector, such as http://127.0.0.1:4318"
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return "", wrong(hint, "not a URL with http or https and a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", wrong(hint+"; a token belongs into authorization", "a URL with a user, a query or a fragment")
	}
	u.Path = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), tracesPath) + tracesPath
	return u.String(), nil
}

// parseShare reads a share of a whole.
func parseShare(text string) (float64, error) {
	share, err := strconv.ParseFloat(text, 64)
	if err != nil || !(share >= 0 && share <= 1) {
		return 0, wrong("write 0.1 for one in ten", "%s is no share from 0 to 1", quote(text))
	}
	return share, nil
}
