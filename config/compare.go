package config

import (
	"fmt"
	"net"
	"net/netip"
)

// compare finds what is wrong between keys, each of which is well formed.
func (r *reader) compare() {
	r.compareListeners()
	r.compareStreams()
	r.compareSources()
}

// compareListeners keeps the admin listener and the embedded server off the
// public port.
func (r *reader) compareListeners() {
	c := r.config
	for _, pair := range [][4]string{
		{"ingress.admin", c.Ingress.Admin, "ingress.listen", c.Ingress.Listen},
		{"embedded.listen", c.Embedded.Listen, "ingress.listen", c.Ingress.Listen},
		{"embedded.listen", c.Embedded.Listen, "ingress.admin", c.Ingress.Admin},
	} {
		if collide(pair[1], pair[3]) {
			key, other := pair[0], pair[2]
			if _, said := c.lines[key]; !said {
				key, other = other, key
			}
			r.problem(key, fmt.Sprintf("is the address of %s too", other), "give each listener a port of its own")
		}
	}
}

// collide says that two listeners cannot have their addresses at the same time.
func collide(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	return portA == portB && portA != "0" && (hostA == hostB || everywhere(hostA) || everywhere(hostB))
}

// everywhere says that a host stands for all interfaces.
func everywhere(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// compareStreams holds the streams to what the guarantees need of each other.
func (r *reader) compareStreams() {
	s := r.config.Streams
	if s.Replicas%2 == 0 {
		r.problem("streams.replicas", fmt.Sprintf("%d copies survive no more than %d do", s.Replicas, s.Replicas-1), "use 1, 3 or 5")
	}
	if least := r.config.Ingress.MaxBody + envelope; s.MaxMessage < least {
		r.problem("streams.max_message", fmt.Sprintf("%v has no room for ingress.max_body %v and its headers", s.MaxMessage, r.config.Ingress.MaxBody), fmt.Sprintf("use at least %v", least))
	}
	for _, one := range []struct {
		name string
		is   Stream
	}{{"webhooks", s.Webhooks}, {"payments", s.Payments}, {"deadletters", s.DeadLetters}} {
		key := "streams." + one.name
		if one.is.DuplicateWindow > one.is.MaxAge {
			r.problem(key+".duplicate_window", fmt.Sprintf("%v is longer than the stream keeps, %v", one.is.DuplicateWindow, one.is.MaxAge), "shorten it, or raise max_age")
		}
		if one.is.MaxAge < s.Webhooks.MaxAge {
			r.problem(key+".max_age", fmt.Sprintf("%v is less than webhooks keeps, %v: what was stored could not be accounted for", one.is.MaxAge, s.Webhooks.MaxAge), "keep it at least as long")
		}
		if one.is.MaxBytes != 0 && one.is.MaxBytes < s.MaxMessage {
			r.problem(key+".max_bytes", fmt.Sprintf("%v has no room for one message of %v", one.is.MaxBytes, s.MaxMessage), "")
		}
	}
}

// compareSources refuses a name that two sources have: it is their URL.
func (r *reader) compareSources() {
	first := map[string]Source{}
	for _, s := range r.config.Sources {
		before, twice := first[s.Name]
		switch {
		case s.Name == "":
		case twice:
			r.problem(s.Key+".name", fmt.Sprintf("%s is the name of %s already, at %v", quote(s.Name), before.Key, before.At), "give each source a name of its own")
		default:
			first[s.Name] = s
		}
	}
}
