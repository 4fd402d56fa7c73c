package config

import (
	"math"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Names, as the contract has them.
var (
	sourceName   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	endpointName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	secretID     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	variable     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	hostName     = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)
	typePrefix   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$`)
	uriBase      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:[!-~]*[A-Za-z0-9]$`)
	sizeText     = regexp.MustCompile(`^([0-9]+) ?([A-Za-z]*)$`)
	daysText     = regexp.MustCompile(`^([0-9]+)d(.*)$`)
)

// parseName is a parser of names of one shape.
func parseName(shape *regexp.Regexp, rule string) func(string) (string, error) {
	return func(text string) (string, error) {
		if !shape.MatchString(text) {
			return "", wrong(rule, "%s is no name", quote(text))
		}
		return text, nil
	}
}

// parseID reads the id of a secret. It does not repeat what is no id: it may be the
// secret in the wrong place.
func parseID(text string) (string, error) {
	if !secretID.MatchString(text) {
		return "", wrong("use 1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or a digit", "is no id")
	}
	return text, nil
}

// parseAddress reads a listener's address: "127.0.0.1:8080", ":8080", "[::1]:0".
func parseAddress(text string) (string, error) {
	const hint = "write host:port, such as 127.0.0.1:8080, or :8080 for every interface"
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", wrong(hint, "%s is no address", quote(text))
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !hostName.MatchString(host) {
		return "", wrong(hint, "%s is no host", quote(host))
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", wrong(hint, "%s is no port", quote(port))
	}
	return text, nil
}

// units are those of sizes, largest first; the decimal ones are read, not written.
var units = []struct {
	name    string
	size    Size
	written bool
}{
	{"TiB", TiB, true},
	{"GiB", GiB, true},
	{"MiB", MiB, true},
	{"KiB", KiB, true},
	{"TB", 1e12, false},
	{"GB", 1e9, false},
	{"MB", 1e6, false},
	{"KB", 1e3, false},
	{"B", 1, false},
	{"", 1, false},
}

// parseSize reads a size within bounds: "960KiB", "20GiB", "1048576".
func parseSize(least, most Size) func(string) (Size, error) {
	return func(text string) (Size, error) {
		m := sizeText.FindStringSubmatch(text)
		if m == nil {
			return 0, wrong("write a whole number and a unit, such as 960KiB or 2GiB", "%s is no size", quote(text))
		}
		number, err := strconv.ParseInt(m[1], 10, 64)
		for _, u := range units {
			if !strings.EqualFold(u.name, m[2]) {
				continue
			}
			if err != nil || number > math.MaxInt64/int64(u.size) || Size(number)*u.size > most {
				return 0, wrong("", "%s is too large, at most %v", text, most)
			}
			if size := Size(number) * u.size; size >= least {
				return size, nil
			}
			return 0, wrong("", "%s is too small, at least %v", text, least)
		}
		return 0, wrong("units are B, KiB, MiB, GiB, TiB", "%s is no unit", quote(m[2]))
	}
}

// parseDuration reads a duration within bounds: "4s", "36h", "35d", "1d12h".
func parseDuration(least, most time.Duration) func(string) (time.Duration, error) {
	return func(text string) (time.Duration, error) {
		const hint = "write a number and a unit, such as 500ms, 4s, 48h or 35d"
		rest, days := text, time.Duration(0)
		if m := daysText.FindStringSubmatch(text); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil || n > 36500 {
				return 0, wrong(hint, "%s is too long", quote(text))
			}
			rest, days = m[2], time.Duration(n)*day
		}
		d, err := time.ParseDuration(rest)
		if rest == "" && days > 0 {
			d, err = 0, nil
		}
		switch d += days; {
		case err != nil:
			return 0, wrong(hint, "%s is no duration", quote(text))
		case d < least:
			return 0, wrong("", "%s is too short, at least %v", text, least)
		case d > most:
			return 0, wrong("", "%s is too long, at most %v", text, most)
		}
		return d, nil
	}
}

// parseCount reads a whole number within bounds.
func parseCount(least, most int) func(string) (int, error) {
	return func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return 0, wrong("", "%s is no whole number from %d to %d", quote(text), least, most)
		}
		return n, nil
	}
}

// parseChoice reads one of a few words.
func parseChoice[T ~string](choices ...T) func(string) (T, error) {
	return func(text string) (T, error) {
		var names []string
		for _, choice := range choices {
			if T(text) == choice {
				return choice, nil
			}
			names = append(names, string(choice))
		}
		return "", wrong("one of "+strings.Join(names, ", "), "%s is not known", quote(text))
	}
}

// parseFlag reads true or false.
func parseFlag(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, wrong("write true or false", "%s is neither true nor false", quote(text))
}

// parseSync reads when the embedded server syncs: "always", or an interval.
func parseSync(text string) (Sync, error) {
	if text == "always" {
		return Sync{Always: true}, nil
	}
	d, err := parseDuration(time.Millisecond, 10*time.Minute)(text)
	if err != nil {
		return Sync{}, wrong("write always, or an interval such as 1s", "%s is neither always nor an interval from 1ms to 10m", quote(text))
	}
	return Sync{Interval: d}, nil
}

// parseWebURL reads the URL that a provider calls. It may hold a token in its
// query, so that no problem shows it.
func parseWebURL(text string) (string, error) {
	const hint = "write the whole URL that the provider calls, such as https://example.com/webhooks/pik"
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return "", wrong(hint, "not a URL with http or https and a host")
	case u.User != nil || u.Fragment != "":
		return "", wrong(hint, "a URL with a user or a fragment")
	}
	return text, nil
}

// parseServers reads the addresses of NATS servers, separated by commas. They may
// hold a password by mistake, so that no problem shows them.
func parseServers(text string) (string, error) {
	const hint = "write nats://host:4222, tls://host:4222, or several with commas between them"
	servers := strings.Split(text, ",")
	for i, server := range servers {
		if servers[i] = strings.TrimSpace(server); !strings.Contains(server, "://") {
			servers[i] = "nats://" + servers[i]
		}
		u, err := url.Parse(servers[i])
		switch {
		case err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
			return "", wrong(hint, "not the address of a NATS server")
		case u.User != nil:
			return "", wrong("use nats.credentials or nats.nkey_seed", "holds a user or a token, which would be printed")
		case u.Scheme != "nats" && u.Scheme != "tls":
			return "", wrong(hint, "%s is no scheme of NATS", quote(u.Scheme))
		}
	}
	return strings.Join(servers, ","), nil
}

// path resolves a file or folder named in the configuration.
func (r *reader) path(text string) (string, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return "", wrong("leave the key out where there is none", "is empty")
	case filepath.IsAbs(text):
		return text, nil
	default:
		return filepath.Join(r.folder, text), nil
	}
}

// quote is a value for a message, cut where it is long.
func quote(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return strconv.Quote(text)
}
