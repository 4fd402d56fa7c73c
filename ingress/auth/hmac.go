package auth

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 is what some providers sign with; HMAC does not rest on collisions
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"hash"
	"sync"

	"paybridge/schemas/provider"
)

// Bounds of one request's work.
const (
	maxSignatures = 16          // elements of a signature header's list
	maxDigest     = sha512.Size // bytes
)

// hmacScheme is an HMAC over a template. Keys live in the hash states of its pool
// alone: a state is keyed once and reset for each request, which for a body of 2 KB
// saves a third of the time and all allocations (BenchmarkNaive keys each time).
type hmacScheme struct {
	signature signature
	template  template
	moment    *moment // nil where nothing is dated
	id        string  // canonical header of the signed id; "" where there is none
	keys      []string
	work      sync.Pool // of *hmacWork
}

// hmacWork is what verifying one request needs, used again by the next: keyed hash
// states, the text that is signed, the signatures found.
type hmacWork struct {
	macs   []hash.Hash // one a key, in order
	text   []byte      // the signed text but for the body
	body   int         // where in text the body stands; -1 where it is not signed
	found  found
	digest [maxDigest]byte
}

// newHMAC compiles an HMAC scheme with the keys that it can use.
func newHMAC(s *provider.Scheme, keys []key) (scheme, error) {
	newHash, size, err := hashOf(s.Hash)
	if err != nil {
		return nil, err
	}
	h := &hmacScheme{}
	if h.signature, err = newSignature(s, size); err != nil {
		return nil, err
	}
	if h.template, err = newTemplate(s); err != nil {
		return nil, err
	}
	if h.moment, err = newMoment(s.Timestamp); err != nil {
		return nil, err
	}
	if s.ID != nil {
		h.id = s.ID.Header
	}
	for _, k := range keys {
		h.keys = append(h.keys, k.id)
	}
	h.work.New = func() any {
		w := &hmacWork{macs: make([]hash.Hash, len(keys))}
		for i, k := range keys {
			w.macs[i] = hmac.New(newHash, k.bytes)
		}
		return w
	}
	return h, nil
}

// hashOf is the hash that the pack names, and its digest's length in bytes.
func hashOf(name string) (func() hash.Hash, int, error) {
	switch name {
	case provider.SHA1:
		return sha1.New, sha1.Size, nil
	case provider.SHA256:
		return sha256.New, sha256.Size, nil
	case provider.SHA512:
		return sha512.New, sha512.Size, nil
	}
	return nil, 0, fmt.Errorf("hash %q: is not known", name)
}

// early finds and decodes the signatures and composes what is signed but for the
// body: a request without them is refused unread.
func (h *hmacScheme) early(r Request) Reason {
	w := h.work.Get().(*hmacWork)
	defer h.work.Put(w)
	_, reason := h.prepare(&r, w)
	return reason
}

// verify hashes the request under each key and compares.
func (h *hmacScheme) verify(r Request) (Result, Reason) {
	w := h.work.Get().(*hmacWork)
	defer h.work.Put(w)
	at, reason := h.prepare(&r, w)
	if reason != "" {
		return Result{}, reason
	}
	key := w.match(r.Body)
	if key == 0 {
		return Result{}, Mismatch
	}
	// The age is judged last: only what is authentic is stale.
	if reason := h.moment.judge(at, r.ReceivedAt); reason != "" {
		return Result{}, reason
	}
	result := Result{Scheme: string(provider.HMAC), KeyID: h.keys[key-1]}
	if h.id != "" {
		result.SignedID = r.Header[h.id][0]
	}
	if h.moment.judges() {
		result.SignedAt = at
	}
	return result, ""
}

// prepare finds the signatures and composes the signed text: everything but the
// hashing. at is the signed moment, where there is one. Nothing of the request is
// trusted here: it says which bytes to hash, never how.
func (h *hmacScheme) prepare(r *Request, w *hmacWork) (at instant, reason Reason) {
	if reason := h.signature.find(r, h.moment.pair(), &w.found); reason != "" {
		return at, reason
	}
	var values signedValues
	if h.moment != nil {
		if values.timestamp, reason = h.moment.text(r, &w.found); reason != "" {
			return at, reason
		}
		if at, reason = h.moment.parse(values.timestamp); reason != "" {
			return at, reason
		}
	}
	if h.id != "" {
		if values.id, reason = headerOnce(r, h.id); reason != "" {
			return at, reason
		}
	}
	return at, h.template.compose(r, values, w)
}

// match is the number, from 1, of the first key under which one of the signatures
// is right; 0 where none is. Every key and every signature is tried whatever
// the others gave, so that the time taken tells nothing of them.
func (w *hmacWork) match(body []byte) int {
	matched := 0
	for i, mac := range w.macs {
		mac.Reset()
		w.write(mac, body)
		digest := mac.Sum(w.digest[:0])
		equal := 0
		for j := range w.found.count {
			equal |= subtle.ConstantTimeCompare(w.found.digests[j][:len(digest)], digest)
		}
		first := subtle.ConstantTimeEq(int32(matched), 0)
		matched = subtle.ConstantTimeSelect(equal&first, i+1, matched)
	}
	return matched
}

// write feeds the signed text to a hash.
func (w *hmacWork) write(mac hash.Hash, body []byte) {
	if w.body < 0 {
		mac.Write(w.text)
		return
	}
	mac.Write(w.text[:w.body])
	mac.Write(body)
	mac.Write(w.text[w.body:])
}
