package main

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
	"time"
)

// The types of HTTP/2's frames (RFC 9113, section 6).
const (
	frameHeaders      = 1
	frameReset        = 3
	frameSettings     = 4
	framePing         = 6
	frameContinuation = 9
)

// frame is one frame of HTTP/2.
func frame(kind, flags byte, stream uint32, payload string) string {
	n := len(payload)
	return string([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags, byte(stream >> 24), byte(stream >> 16), byte(stream >> 8), byte(stream)}) + payload
}

// floods are the floods of HTTP/2 that are known by name, each after the preface.
func floods() map[string]string {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	hello := preface + frame(frameSettings, 0, 0, "")
	// ":method: POST, :scheme: http", from HPACK's static table.
	const request = "\x83\x86"
	var resets, unknown strings.Builder
	for i := range uint32(10_000) {
		resets.WriteString(frame(frameHeaders, 4, 2*i+1, request) + frame(frameReset, 0, 2*i+1, "\x00\x00\x00\x08"))
		unknown.WriteString(frame(0x0a+byte(i%6), 0xff, i, "x"))
	}
	return map[string]string{
		"rapid reset":        hello + resets.String(),                                                                                               // CVE-2023-44487
		"CONTINUATION flood": hello + frame(frameHeaders, 0, 1, request) + strings.Repeat(frame(frameContinuation, 0, 1, "\x00\x01a\x01b"), 10_000), // CVE-2023-45288
		"SETTINGS flood":     hello + strings.Repeat(frame(frameSettings, 0, 0, "\x00\x03\x00\x00\x00\x64"), 10_000),
		"PING flood":         hello + strings.Repeat(frame(framePing, 0, 0, "12345678"), 10_000),
		"unknown frames":     hello + unknown.String(), // CVE-2026-27141
		"no preface":         strings.Repeat(frame(framePing, 0, 0, "12345678"), 10_000),
	}
}

// TestSecurityHTTP2 floods both sorts of listener with HTTP/2, which is not spoken
// (S-88, S-89): the connection closes at once, the process lives, and good traffic
// gets its 200 meanwhile.
func TestSecurityHTTP2(t *testing.T) {
	t.Parallel()
	plain := besiege(t, nil)
	secure, pool := fortify(t, nil)
	for name, flood := range floods() {
		for range 3 {
			began := time.Now()
			plain.refused(t, flood, 404, 400, 431, 0)
			if got, err := secure.secured(&tls.Config{RootCAs: pool}, flood); err == nil && !slices.Contains([]int{400, 404, 431}, got.status) {
				t.Errorf("%s over TLS: answered %d", name, got.status)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%s: closed after %v", name, took)
			}
		}
		body := payment(strings.ReplaceAll(name, " ", "-"))
		plain.accepted(t, toPIK(body), body)
		if got, err := secure.secured(&tls.Config{RootCAs: pool}, toPIK(body, "Connection: close")); err != nil || got.status != 200 {
			t.Errorf("%s: afterwards %d, %v", name, got.status, err)
		}
	}
	// Nobody is talked into it, either.
	if got, err := secure.secured(&tls.Config{RootCAs: pool, NextProtos: []string{"h2"}}, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err == nil {
		t.Errorf("agrees to h2: %d", got.status)
	}
	body := payment("upgrade")
	plain.accepted(t, toPIK(body, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"), body)
	if stored := secure.last("WEBHOOKS"); stored != uint64(len(floods())) {
		t.Errorf("%d stored over TLS", stored)
	}
}
