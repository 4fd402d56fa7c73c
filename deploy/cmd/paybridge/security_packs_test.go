package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

// mutations are what a leaf or a branch of a real body becomes.
var mutations = []string{
	"null", `""`, "0", "-1", "1e400", "9223372036854775808", "9007199254740993", "0.1", "true", "[]", "{}", `[[]]`, `{"a":{"b":null}}`, `"` + canaryText + `"`, `"` + canaryCPF + `"`,
	`"\u0000"`, `"a\r\nNats-Rollup: all"`, `">"`, `"a..b"`, `"2016-12-31T23:59:60Z"`, `"1e400"`, `"\ud83d\ude00"`, `"` + strings.Repeat("x", 3000) + `"`, strings.Repeat("9", 400),
}

// TestSecurityPacks sends every built-in pack its own documented bodies, signed, with
// one value after the other replaced by what does not belong there: no pack's mapping
// loses one, and none crashes.
func TestSecurityPacks(t *testing.T) {
	t.Parallel()
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	s := besiege(t, nil, library.Names()...)
	var keys []string
	for _, name := range s.library.Names() {
		fixtures, err := s.library.Fixtures(name)
		if err != nil {
			t.Fatal(err)
		}
		var requests []string
		first := len(keys)
		for at, f := range varied(fixtures) {
			for i, body := range mutants(f.Body, at) {
				requests = append(requests, s.signed(t, name, f, body))
				keys = append(keys, name+" "+string(body))
				if i == 60 {
					break
				}
			}
		}
		if len(requests) < 20 {
			t.Errorf("%s: only %d bodies", name, len(requests))
		}
		for i, status := range s.volley(requests) { // now: what is dated grows old
			if status != 200 {
				t.Errorf("%.300s: answered %d", keys[first+i], status)
			}
		}
	}
	found := s.fates(t)
	vanished := 0
	for _, key := range keys {
		switch f := found[key]; {
		case f == nil:
			t.Errorf("not stored byte for byte: %.300s", key)
		case len(f.events)+len(f.dead) == 0:
			vanished++ // a duplicate of an event, where what changed is not part of it
		}
	}
	duplicates := 0
	for _, line := range regexp.MustCompile(`(?m)^paybridge_event_duplicates_total\{.*\} (\d+)$`).FindAllStringSubmatch(s.fetch("/metrics"), -1) {
		n, err := strconv.Atoi(line[1])
		if err != nil {
			t.Fatal(err)
		}
		duplicates += n
	}
	if vanished > duplicates {
		t.Errorf("%d deliveries became nothing, %d events are duplicates", vanished, duplicates)
	}
	t.Logf("%d bodies: %d events, %d dead letters, %d duplicates", len(keys), s.last("PAYMENTS"), s.last("DEADLETTERS"), duplicates)
}

// varied are a pack's fixtures that become events, the plainest first and at most
// three.
func varied(all []provider.Fixture) []provider.Fixture {
	var some []provider.Fixture
	for _, f := range all {
		if f.Answer == 200 && len(f.Events) > 0 && json.Valid(f.Body) && !strings.HasPrefix(f.Name, "auth-") && len(some) < 3 {
			some = append(some, f)
		}
	}
	return some
}

// mutants are a body with each of its values replaced in turn. Which mutation a value
// gets moves on from one to the next, and from one fixture to the next.
func mutants(body []byte, from int) [][]byte {
	var all [][]byte
	seen := map[string]bool{string(body): true}
	for i, value := range values(body) {
		for j := range 2 {
			with := mutations[(5*i+11*j+7*from)%len(mutations)]
			mutant := bytes.Join([][]byte{body[:value.start], []byte(with), body[value.end:]}, nil)
			if !seen[string(mutant)] {
				seen[string(mutant)] = true
				all = append(all, mutant)
			}
		}
	}
	return all
}

// stretch is where a value stands in a body.
type stretch struct{ start, end int }

// values finds every value of a JSON text: what follows a colon, a comma or an
// opening bracket and is no name.
func values(body []byte) []stretch {
	var all []stretch
	after := byte(':') // the last byte that is neither blank nor part of a text
	for start := 0; start < len(body); start++ {
		c := body[start]
		if bytes.IndexByte([]byte(" \t\r\n"), c) >= 0 {
			continue
		}
		opens := after == ':' || after == ',' || after == '['
		after = c
		if bytes.IndexByte([]byte("]},:"), c) < 0 && opens {
			d := json.NewDecoder(bytes.NewReader(body[start:]))
			var raw json.RawMessage
			if d.Decode(&raw) != nil {
				continue
			}
			end := start + int(d.InputOffset())
			if json.Valid(bytes.Join([][]byte{body[:start], []byte("0"), body[end:]}, nil)) { // a name cannot be a number
				all = append(all, stretch{start, end})
			}
		}
		if c == '"' { // what is within a text is not looked at
			for start++; body[start] != '"'; start++ {
				if body[start] == '\\' {
					start++
				}
			}
		}
	}
	return all
}

// signed is a request with a fixture's headers and another body, as its provider would
// sign it now.
func (s *siege) signed(t *testing.T, name string, f provider.Fixture, body []byte) string {
	t.Helper()
	half, err := s.library.Auth(name)
	if err != nil {
		t.Fatal(err)
	}
	secret, url := secretOf(name), ""
	if f.Endpoint != "" {
		secret = secretOf(name + "-" + f.Endpoint)
	}
	if name == "square" {
		url = signedURL
	}
	header, query, err := auth.Sign(half, auth.NewSecret("current", secret, false, ""), auth.Request{
		Method: "POST", URL: url, Query: f.Query, Header: map[string][]string(f.Header), Body: body, ReceivedAt: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for key, texts := range header {
		for _, text := range texts {
			if key != "Host" && key != "Content-Length" {
				lines = append(lines, fmt.Sprintf("%s: %s", key, text))
			}
		}
	}
	path := "/webhooks/" + name
	if f.Endpoint != "" {
		path += "/" + f.Endpoint
	}
	if query != "" {
		path += "?" + query
	}
	return post(path, string(body), lines...)
}
