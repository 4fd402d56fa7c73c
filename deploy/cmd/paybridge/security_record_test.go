package main

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

// The types of TLS records, and the length of what stands before each.
const (
	recordHandshake   = 22
	recordApplication = 23
	recordHead        = 5
)

// handmade is a TLS connection that crypto/tls shook hands on and reads, and whose
// records a test writes by hand: with the keys of the handshake, and with what no
// client library would send.
type handmade struct {
	t     testing.TB
	plain *recorded
	tls   *tls.Conn // to read with
	in    *bufio.Reader

	version  uint16
	hash     crypto.Hash
	keyBytes int
	secret   []byte // TLS 1.3: of the client's traffic, from here on
	aead     cipher.AEAD
	iv       []byte
	sequence uint64
}

// recorded is a connection that keeps the beginning of what it read: the server's hello.
type recorded struct {
	net.Conn
	heard []byte
}

func (r *recorded) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if len(r.heard) < 64 {
		r.heard = append(r.heard, p[:n]...)
	}
	return n, err
}

// shake shakes hands in one version of TLS and takes the writing over.
func (s *siege) shake(version uint16, pool *x509.CertPool) *handmade {
	s.t.Helper()
	h := &handmade{t: s.t, plain: &recorded{Conn: s.dial()}, version: version}
	s.t.Cleanup(func() { h.plain.Close() })
	var keys bytes.Buffer
	h.tls = tls.Client(h.plain, &tls.Config{
		RootCAs: pool, ServerName: "127.0.0.1", MinVersion: version, MaxVersion: version, KeyLogWriter: &keys,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, // of TLS 1.2
	})
	if err := h.tls.Handshake(); err != nil {
		s.t.Fatal(err)
	}
	h.in = bufio.NewReader(&alerted{Conn: h.tls})
	switch suite := h.tls.ConnectionState().CipherSuite; suite {
	case tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:
		h.hash, h.keyBytes = crypto.SHA256, 16
	case tls.TLS_AES_256_GCM_SHA384:
		h.hash, h.keyBytes = crypto.SHA384, 32
	default:
		s.t.Fatalf("%s was agreed on: this test writes AES-GCM, which a processor with AES instructions prefers", tls.CipherSuiteName(suite))
	}
	if version == tls.VersionTLS13 {
		_, h.secret = logged(s.t, keys.String(), "CLIENT_TRAFFIC_SECRET_0")
		h.rekey()
		return h
	}
	random, master := logged(s.t, keys.String(), "CLIENT_RANDOM")
	const serverRandom = recordHead + 4 + 2 // after the types, lengths and versions
	block := prf12(master, "key expansion", append(slices.Clone(h.plain.heard[serverRandom:serverRandom+32]), random...), 2*h.keyBytes+4)
	h.aead, h.iv = gcm(s.t, block[:h.keyBytes]), block[2*h.keyBytes:]
	h.sequence = 1 // the client's Finished was the first under this key
	return h
}

// logged is a line of a key log: the client's random and the secret.
func logged(t testing.TB, log, label string) (random, secret []byte) {
	t.Helper()
	for line := range strings.Lines(log) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == label {
			random, err := hex.DecodeString(f[1])
			if err != nil {
				t.Fatal(err)
			}
			if secret, err = hex.DecodeString(f[2]); err != nil {
				t.Fatal(err)
			}
			return random, secret
		}
	}
	t.Fatalf("the key log has no %s", label)
	return nil, nil
}

// gcm is AES-GCM with a key.
func gcm(t testing.TB, key []byte) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

// prf12 is the PRF of TLS 1.2 with SHA-256 (RFC 5246, section 5).
func prf12(secret []byte, label string, seed []byte, n int) []byte {
	seed = append([]byte(label), seed...)
	sum := func(text []byte) []byte {
		h := hmac.New(sha256.New, secret)
		h.Write(text)
		return h.Sum(nil)
	}
	var out []byte
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(append(slices.Clone(a), seed...))...)
	}
	return out[:n]
}

// expand is HKDF-Expand-Label of TLS 1.3 without a context (RFC 8446, section 7.1).
func (h *handmade) expand(label string, n int) []byte {
	h.t.Helper()
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(append(append(info, byte(len(label))), label...), 0)
	out, err := hkdf.Expand(h.hash.New, h.secret, string(info), n)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// rekey has what is written next written under the keys of the secret.
func (h *handmade) rekey() {
	h.t.Helper()
	h.aead, h.iv, h.sequence = gcm(h.t, h.expand("key", h.keyBytes)), h.expand("iv", 12), 0
}

// next moves the secret on, as a KeyUpdate says that it does.
func (h *handmade) next() {
	h.t.Helper()
	h.secret = h.expand("traffic upd", h.hash.Size())
	h.rekey()
}

// seal is one encrypted record.
func (h *handmade) seal(kind byte, text []byte) []byte {
	defer func() { h.sequence++ }()
	number := binary.BigEndian.AppendUint64(nil, h.sequence)
	if h.version == tls.VersionTLS13 { // RFC 8446, sections 5.2 and 5.3
		nonce := slices.Clone(h.iv)
		for i, b := range number {
			nonce[4+i] ^= b
		}
		inner := append(slices.Clone(text), kind)
		head := binary.BigEndian.AppendUint16([]byte{recordApplication, 3, 3}, uint16(len(inner)+h.aead.Overhead()))
		return h.aead.Seal(head, nonce, inner, head)
	}
	// RFC 5288: the second part of the nonce is sent.
	head := binary.BigEndian.AppendUint16([]byte{kind, 3, 3}, uint16(8+len(text)+h.aead.Overhead()))
	about := binary.BigEndian.AppendUint16(append(slices.Clone(number), kind, 3, 3), uint16(len(text)))
	return h.aead.Seal(append(head, number...), append(slices.Clone(h.iv), number...), text, about)
}

// write sends a record; it is false where the other side has closed.
func (h *handmade) write(kind byte, text []byte) bool {
	_, err := h.plain.Write(h.seal(kind, text))
	return err == nil
}

// says sends a part of a request.
func (h *handmade) says(text string) bool { return h.write(recordApplication, []byte(text)) }

// answer reads one answer; the zero reply means that the connection closed without.
func (h *handmade) answer() reply {
	h.t.Helper()
	got, err := readReply(h.in, "POST")
	if err != nil {
		h.ended(err)
		return reply{}
	}
	return got
}

// end waits for the end of the connection and says which alert came before it: "" where
// none did.
func (h *handmade) end() string {
	h.t.Helper()
	_, err := io.Copy(io.Discard, h.tls)
	if err == nil {
		return ""
	}
	h.ended(err)
	return err.Error()
}

// ended checks that an error is the end of the connection.
func (h *handmade) ended(err error) {
	h.t.Helper()
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		h.t.Errorf("the connection stays open: %v", err)
	}
}
