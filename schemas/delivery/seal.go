package delivery

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// minKeyBytes is the shortest key that seals: a shorter one can be guessed.
const minKeyBytes = 16

// Key is one key of the seal: an id that messages name, and bytes that nothing
// prints. Make it with [NewKey].
type Key struct {
	id   string
	seal sealFunc // a function, because a dump of a struct that holds a Key shows its address and no more
	fits fitsFunc
}

// sealFunc is the value of the Webhook-Seal header over a message whose body has a
// digest.
type sealFunc func(subject string, h nats.Header, digest [sha256.Size]byte) string

// fitsFunc says whether that value is seal, in constant time.
type fitsFunc func(seal, subject string, h nats.Header, digest [sha256.Size]byte) bool

// Keys are the keys of the seal: the first one seals, all of them open. A key is
// rotated by putting its successor first and dropping it when no stored message
// that matters names it any more.
type Keys []Key

// NewKey makes a key. The id is 1 to 64 letters, digits, ".", "_" and "-"; the
// secret's text is the key, byte for byte, is at least 16 bytes long, and is nothing
// that people write before they have a key. No error holds a part of it.
func NewKey(id, secret string) (Key, error) {
	key, err := NewWeakKey(id, secret)
	switch {
	case err != nil:
		return Key{}, err
	case len(secret) < minKeyBytes:
		return Key{}, fmt.Errorf("seal: key %s: %d bytes are too few, use %d or more", id, len(secret), minKeyBytes)
	case guessable(secret):
		return Key{}, fmt.Errorf("seal: key %s is a placeholder or one byte repeated: make a random one, such as `openssl rand -hex 32`", id)
	}
	return key, nil
}

// NewWeakKey is NewKey for an operator who takes any secret that is not empty.
func NewWeakKey(id, secret string) (Key, error) {
	if id == "" || len(id) > 64 {
		return Key{}, errors.New("seal: a key id has 1 to 64 characters")
	}
	for i := 0; i < len(id); i++ {
		if !isTokenByte(id[i]) && id[i] != '.' {
			return Key{}, errors.New("seal: a key id has letters, digits, dot, underscore and hyphen only")
		}
	}
	if secret == "" {
		return Key{}, fmt.Errorf("seal: key %s is empty", id)
	}
	key := Key{id: id}
	key.seal, key.fits = newSeal(id, []byte(secret))
	return key, nil
}

// placeholders are parts of texts that stand where a key is to come, in lower-case
// letters and digits.
var placeholders = []string{"changeme", "replaceme", "placeholder", "insertsecret", "secrethere", "yoursecret", "sealkeyhere", "yoursealkey"}

// guessable says whether a secret, however long, is one that others would try.
func guessable(secret string) bool {
	plain := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, strings.ToLower(secret))
	return strings.Count(secret, secret[:1]) == len(secret) ||
		slices.ContainsFunc(placeholders, func(p string) bool { return strings.Contains(plain, p) })
}

// ID is the key's id, as messages name it.
func (k Key) ID() string { return k.id }

// Format prints the id, whatever the verb, and never the secret.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "seal key %s", k.id) }

// SealProblem is what is wrong with a seal. The set is closed: it is a metric label.
type SealProblem string

// The problems of a seal.
const (
	SealMissing    SealProblem = "missing"
	SealMalformed  SealProblem = "malformed"   // not "v1;<key id>;<43 characters>", or there more than once
	SealUnknownKey SealProblem = "unknown_key" // sealed with a key that is not among ours
	SealWrong      SealProblem = "wrong"       // ours by name, but not over this message
)

// SealError says why a message does not open.
type SealError struct{ Problem SealProblem }

func (e *SealError) Error() string { return "delivery: seal " + string(e.Problem) }

// Open checks that one of the keys sealed exactly this message: subject, message
// id, every Webhook-* header and data. It compares in constant time. The error is a
// *SealError.
func (k Keys) Open(subject string, h nats.Header, data []byte) error {
	_, err := k.open(subject, h, func() [sha256.Size]byte { return sha256.Sum256(data) })
	return err
}

// Read is the delivery in a message that one of the keys sealed: [Keys.Open], then
// [Decode]. It hashes the body once, for the seal and for [Delivery.BodyDigest]. The
// error is a *SealError or a *DecodeError.
func (k Keys) Read(subject string, h nats.Header, data []byte) (Delivery, error) {
	digest, err := k.open(subject, h, func() [sha256.Size]byte { return sha256.Sum256(data) })
	if err != nil {
		return Delivery{}, err
	}
	d, err := Decode(subject, h, data)
	if err != nil {
		return Delivery{}, err
	}
	d.digest = digest
	return d, nil
}

// OpenDigest is Open for who has kept the SHA-256 of the data, and not the data.
func (k Keys) OpenDigest(subject string, h nats.Header, digest [sha256.Size]byte) error {
	_, err := k.open(subject, h, func() [sha256.Size]byte { return digest })
	return err
}

// SealedBy is the id of the key that a message says it was sealed with; "" where it
// says none. Whether that is true only [Keys.Open] knows.
func SealedBy(h nats.Header) string {
	rest, isV1 := strings.CutPrefix(h.Get(SealHeader), "v1;")
	id, _, hasMAC := strings.Cut(rest, ";")
	if !isV1 || !hasMAC {
		return ""
	}
	return id
}

// open is Open, and the SHA-256 of the data, which it hashes only where the seal reads as
// one.
func (k Keys) open(subject string, h nats.Header, hashed func() [sha256.Size]byte) (digest [sha256.Size]byte, err error) {
	seals := h[SealHeader]
	switch len(seals) {
	case 0:
		return digest, &SealError{SealMissing}
	case 1:
	default:
		return digest, &SealError{SealMalformed}
	}
	rest, isV1 := strings.CutPrefix(seals[0], "v1;")
	id, mac, hasMAC := strings.Cut(rest, ";")
	if !isV1 || !hasMAC || len(mac) != base64.RawURLEncoding.EncodedLen(sha256.Size) || !plainNames(h) {
		return digest, &SealError{SealMalformed}
	}
	problem := SealUnknownKey
	digest = hashed()
	for _, key := range k {
		if key.id != id {
			continue
		}
		// Texts are compared, not decoded bytes: a seal has one spelling.
		if key.fits(seals[0], subject, h, digest) {
			return digest, nil
		}
		problem = SealWrong
	}
	return digest, &SealError{problem}
}

// plainNames reports whether no sealed line of h could be read as another: a
// message from the wire always passes.
func plainNames(h nats.Header) bool {
	for name, values := range h {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		if strings.ContainsAny(name, ":\n") {
			return false
		}
		for _, value := range values {
			if strings.IndexByte(value, '\n') >= 0 {
				return false
			}
		}
	}
	return len(h[MessageIDHeader]) == 1 && strings.IndexByte(h[MessageIDHeader][0], '\n') < 0
}

// sealing is what one seal needs, used again by the next: a keyed hash, the text that
// is sealed and then the seal, and the seal that it is compared with.
type sealing struct {
	mac   hash.Hash
	text  []byte
	given []byte
	sum   [sha256.Size]byte
}

// newSeal makes and checks the seals of a key.
func newSeal(id string, secret []byte) (sealFunc, fitsFunc) {
	start := "v1;" + id + ";"
	pool := &sync.Pool{New: func() any { return &sealing{mac: hmac.New(sha256.New, secret), text: make([]byte, 0, 1024)} }}
	seal := func(subject string, h nats.Header, digest [sha256.Size]byte) string {
		s := pool.Get().(*sealing)
		defer pool.Put(s)
		return string(s.seal(start, subject, h, digest))
	}
	fits := func(given, subject string, h nats.Header, digest [sha256.Size]byte) bool {
		s := pool.Get().(*sealing)
		defer pool.Put(s)
		s.given = append(s.given[:0], given...)
		return hmac.Equal(s.seal(start, subject, h, digest), s.given)
	}
	return seal, fits
}

// seal is the value of the header, until the next one is made.
func (s *sealing) seal(start, subject string, h nats.Header, digest [sha256.Size]byte) []byte {
	s.text = appendSealed(s.text[:0], subject, h, digest)
	s.mac.Reset()
	s.mac.Write(s.text)
	s.text = base64.RawURLEncoding.AppendEncode(append(s.text[:0], start...), s.mac.Sum(s.sum[:0]))
	return s.text
}

// appendSealed appends what is sealed, one line each: version, subject, message id,
// the Webhook-* headers but the seal in byte order of their names, and the body's
// SHA-256 in hex.
func appendSealed(dst []byte, subject string, h nats.Header, digest [sha256.Size]byte) []byte {
	var room [24]string
	names := room[:0]
	for name := range h {
		if strings.HasPrefix(name, prefix) && name != SealHeader {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	dst = append(dst, "v1\n"...)
	dst = append(append(dst, subject...), '\n')
	for _, id := range h[MessageIDHeader] {
		dst = append(dst, id...)
	}
	dst = append(dst, '\n')
	for _, name := range names {
		for _, value := range h[name] {
			dst = append(append(dst, name...), ':')
			dst = append(append(dst, value...), '\n')
		}
	}
	return append(hex.AppendEncode(dst, digest[:]), '\n')
}
