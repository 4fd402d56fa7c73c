package auth

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"paybridge/schemas/provider"
)

// attackHMAC attacks everything that an HMAC scheme reads and covers: the body,
// where the signature is and how it is written, who made it and how, when it was
// made, and whatever else of the request is signed.
func (x *attacker) attackHMAC() {
	compiled, err := newHMAC(x.scheme, nil)
	if err != nil {
		return
	}
	x.mac = compiled.(*hmacScheme)
	if !x.reduce() {
		return
	}
	x.attackBody()
	x.attackSignature()
	x.attackAlgorithm()
	x.attackTimestamp()
	x.attackReferences()
}

// reduce leaves in the signature header the one signature that is right, so that
// no attack is saved by another signature beside it, and finds its parts.
func (x *attacker) reduce() bool {
	s := &x.mac.signature
	for _, name := range s.headers {
		if len(x.base.Header[name]) == 1 {
			x.header = name
		}
	}
	value := x.base.Header[x.header][0]
	elements := []string{value}
	if s.list != "" {
		elements = strings.Split(value, s.list)
	}
	var f found
	s.find(&x.base, x.mac.moment.pair(), &f)
	if x.mac.moment != nil {
		x.stamp, _ = x.mac.moment.text(&x.base, &f)
	}
	for _, element := range elements {
		if s.pairs != "" {
			key, text, _ := strings.Cut(strings.Trim(element, " \t"), s.pairs)
			if key != s.take {
				continue
			}
			element = text
		}
		r := x.base.clone()
		r.Header[x.header] = []string{x.wrap(element)}
		if _, err := x.alone.Verify(r); err == nil {
			x.base, x.text = r, element
			return true
		}
	}
	return false
}

// wrap is a signature header's value with one signature, prefix included.
func (x *attacker) wrap(text string) string { return x.wrapStamp(x.stamp, text) }

// wrapStamp is wrap with another timestamp beside the signature.
func (x *attacker) wrapStamp(stamp, text string) string {
	s := x.mac.signature // a copy, which write does not prefix again
	s.prefix = ""
	return s.write(x.mac.moment.pair(), stamp, text)
}

// sign adds an attack that replaces the signature's text; none where the text is
// the right one after all.
func (x *attacker) sign(name, text string) {
	if text != x.text {
		x.add("signature: "+name, func(r *Request) { r.Header[x.header] = []string{x.wrap(text)} })
	}
}

// attackBody changes the body, where it is signed.
func (x *attacker) attackBody() {
	body := x.base.Body
	if !x.mac.template.segments.Refers(provider.RefBody) || len(body) == 0 {
		return
	}
	for i := range body {
		x.add(fmt.Sprintf("body: byte %d flipped", i), func(r *Request) { r.Body[i] ^= 1 })
	}
	for _, change := range bodyChanges {
		x.add("body: "+change.name, func(r *Request) { r.Body = change.change(r.Body) })
	}
}

// bodyChanges are what proxies, re-encoders and attackers do to bodies.
var bodyChanges = []struct {
	name   string
	change func(b []byte) []byte
}{
	{"a line end added", func(b []byte) []byte { return append(b, '\n') }},
	{"a space before", func(b []byte) []byte { return append([]byte(" "), b...) }},
	{"a byte order mark before", func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) }},
	{"a NUL added", func(b []byte) []byte { return append(b, 0) }},
	{"white space inside", func(b []byte) []byte { return append([]byte{b[0], ' '}, b[1:]...) }},
	{"last byte cut", func(b []byte) []byte { return b[:len(b)-1] }},
	{"first byte cut", func(b []byte) []byte { return b[1:] }},
	{"twice", func(b []byte) []byte { return append(b, b...) }},
	{"empty", func([]byte) []byte { return nil }},
}

// attackSignature changes where the signature is and how it is written.
func (x *attacker) attackSignature() {
	s := &x.mac.signature
	value := x.base.Header[x.header][0]
	wrong := x.wrap(flipped(x.text, len(x.text)-1))
	lines := func(name string, lines ...string) {
		x.add("signature header: "+name, func(r *Request) { r.Header[x.header] = lines })
	}
	x.add("signature header: dropped", func(r *Request) { r.Header.Del(x.header) })
	lines("empty", "")
	lines("a comma", ",")
	lines("an equals sign", "=")
	lines("doubled", value, value)
	lines("right, then wrong", value, wrong)
	lines("wrong, then right", wrong, value)
	x.add("signature header: under another name", func(r *Request) {
		r.Header["X-Paybridge-Attack"] = r.Header[x.header]
		r.Header.Del(x.header)
	})
	for _, alias := range s.headers {
		if alias != x.header {
			x.add("signature header: "+alias+" too", func(r *Request) { r.Header[alias] = []string{value} })
		}
	}
	for i := range x.text {
		x.sign(fmt.Sprintf("byte %d flipped", i), flipped(x.text, i))
	}
	x.sign("its first byte", x.text[:1])
	x.sign("its first half", x.text[:len(x.text)/2])
	x.sign("last byte cut", x.text[:len(x.text)-1])
	x.sign("one byte more", x.text+"0")
	x.sign("twice", x.text+x.text)
	x.sign("in quotes", `"`+x.text+`"`)
	x.sign("a line end inside", x.text[:len(x.text)-4]+"\n"+x.text[len(x.text)-4:])
	x.sign("a NUL after", x.text+"\x00")
	if s.list == "" {
		x.sign("two with a comma", x.text+","+x.text)
		return
	}
	element := flipped(x.text, 0)
	if s.pairs != "" {
		element = s.take + s.pairs + element
	}
	crowd := strings.Repeat(element+s.list, maxSignatures)
	lines("behind 16 wrong ones", crowd+value)
	lines("behind 10,000 wrong ones", strings.Repeat(crowd, 625)+value)
	if s.pairs == "" {
		return
	}
	// Another version's signature is not this one's, though the bytes are right.
	for _, take := range []string{"v0", "v1a", "v2", "V1", "none", "", s.take + "x"} {
		if !x.known(func(o *provider.Scheme) bool { return o.Signature.Take == take }) {
			lines(fmt.Sprintf("as %q", take), strings.Replace(value, s.take+s.pairs+x.text, take+s.pairs+x.text, 1))
		}
	}
}

// attackAlgorithm makes signatures of other secrets, hashes, key codings and
// encodings: none of them may be what the request chooses.
func (x *attacker) attackAlgorithm() {
	s := x.scheme
	digest, encode := x.decoded()
	// sign is the signature that another key or hash gives, in the right form.
	sign := func(name string, hash string, key []byte, cut int) {
		values := signedValues{timestamp: x.stamp}
		if x.mac.id != "" {
			values.id = x.base.Header.Get(x.mac.id)
		}
		if other, err := x.mac.digest(hash, key, values, &x.base); err == nil {
			x.sign(name, x.prefixed(encode(other[:min(cut, len(other))])))
		}
	}
	key, _ := x.secret.keyFor(s) // good: the request is authentic under it
	if other, problem := x.other.keyFor(s); problem == nil {
		sign("under another account's secret", s.Hash, other, maxDigest)
	}
	sign("under the empty key", s.Hash, nil, maxDigest)
	// Another hash has another length; cut to the right one it is still wrong.
	for _, hash := range []string{provider.SHA1, provider.SHA256, provider.SHA512} {
		if !x.known(func(o *provider.Scheme) bool { return o.Hash == hash }) {
			sign("as "+hash, hash, key, maxDigest)
			sign("as "+hash+", cut to length", hash, key, x.mac.signature.size)
		}
	}
	// What a pack that has the key coding wrong would accept.
	for _, coding := range []string{provider.KeyText, provider.KeyHex, provider.KeyBase64, provider.KeyWhsec} {
		other, err := decodeKey(coding, x.secret.text())
		if err == nil && string(other) != string(key) && !x.known(func(o *provider.Scheme) bool { return o.Key == coding }) {
			sign("under the secret taken as "+coding, s.Hash, other, maxDigest)
		}
	}
	// A hash without a key is no signature: anyone can make it.
	plain := sha256.Sum256(x.base.Body)
	x.sign("a plain SHA-256 of the body", x.prefixed(encode(plain[:])))
	x.attackEncoding(digest)
	// A prefix is part of the form and never chooses an algorithm.
	for _, prefix := range []string{"sha1=", "sha256=", "sha512=", "md5=", "hmac-sha256=", "v1=", "none=", "SHA256="} {
		if !x.known(func(o *provider.Scheme) bool { return o.Signature.Prefix == prefix }) {
			x.sign("with the prefix "+prefix, prefix+encode(digest))
		}
	}
	if !x.known(func(o *provider.Scheme) bool { return o.Signature.Prefix == "" || o.Signature.Optional }) {
		x.sign("without its prefix", encode(digest))
	}
}

// attackEncoding writes the right digest in forms that the pack does not have: a
// digest has the texts that the pack says, so that a stored signature is evidence.
func (x *attacker) attackEncoding(digest []byte) {
	takes := func(name string) bool {
		return x.known(func(o *provider.Scheme) bool { return slices.Contains(o.Signature.Encoding, name) })
	}
	for _, name := range []string{provider.Hex, provider.Base64, provider.Base64URL} {
		e, _ := encodingOf(name) // of the known names
		text := e.encode(digest)
		// Without + and / padded base64 is base64url, too.
		if takes(name) || name == provider.Base64 && takes(provider.Base64URL) && !strings.ContainsAny(text, "+/") {
			continue
		}
		x.sign("in "+name, x.prefixed(text))
	}
	hexText := fmt.Sprintf("%x", digest)
	x.sign("in hex with 0x", x.prefixed("0x"+hexText))
	x.sign("in hex with colons", x.prefixed(strings.Join(strings.SplitAfter(hexText, ""), ":")))
	x.sign("as bytes", x.prefixed(string(digest)))
	if !takes(provider.Base64URL) {
		e, _ := encodingOf(provider.Base64)
		x.sign("in base64 without padding", x.prefixed(strings.TrimRight(e.encode(digest), "=")))
	}
}

// decoded is the right digest, and the encoding that the request has it in.
func (x *attacker) decoded() ([]byte, func([]byte) string) {
	s := &x.mac.signature
	text := strings.TrimPrefix(x.text, s.prefix)
	var digest [maxDigest]byte
	for _, e := range s.encodings {
		if e.decode(&digest, s.size, text) {
			return digest[:s.size], e.encode
		}
	}
	return digest[:s.size], s.encodings[0].encode
}

// prefixed puts the prefix before a text, where the request has it there.
func (x *attacker) prefixed(text string) string {
	if p := x.mac.signature.prefix; strings.HasPrefix(x.text, p) {
		return p + text
	}
	return text
}

// known says whether some HMAC alternative of the pack has a property: then what
// has it is no attack.
func (x *attacker) known(has func(*provider.Scheme) bool) bool {
	return slices.ContainsFunc(x.auth.AnyOf, func(s provider.Scheme) bool { return s.Kind == provider.HMAC && has(&s) })
}

// attackTimestamp moves the clock, and writes timestamps that are none. The latter
// are signed with the right secret, as a captured request never is: that they are
// refused shows that the form is checked, not only the signature.
func (x *attacker) attackTimestamp() {
	m := x.mac.moment
	if m == nil {
		return
	}
	if at, reason := m.parse(x.stamp); reason == "" && m.tolerance > 0 {
		x.add("timestamp: a second too old", func(r *Request) { r.ReceivedAt = at.Add(m.tolerance + time.Second) })
		x.add("timestamp: a second too far ahead", func(r *Request) { r.ReceivedAt = at.Add(-m.tolerance - time.Second) })
	}
	key, _ := x.secret.keyFor(x.scheme)
	for _, v := range []variant{
		{"negative", "-1"},
		{"zero", "0"},
		{"an exponent", "1e9"},
		{"not a number", "NaN"},
		{"infinite", "Infinity"},
		{"hexadecimal", "0x5f5e1000"},
		{"over 64 bits", "9223372036854775808"},
		{"with a plus", "+" + x.stamp},
		{"with a space before", " " + x.stamp},
		{"with a zero before", "0" + x.stamp},
		{"with a digit more", x.stamp + "0"},
		{"with a fraction", x.stamp + ".5"},
		{"in other digits", strings.NewReplacer("1", "１", "0", "０").Replace(x.stamp)},
		{"nonsense", "soon"},
	} {
		// Signed with the right secret: the form alone refuses it.
		if signed, err := signHMAC(x.scheme, key, x.base.clone(), v.text); err == nil && v.text != x.stamp {
			x.add("timestamp: signed, and "+v.name, func(r *Request) { *r = signed.clone() })
		}
	}
	switch name := x.header; {
	case m.from.Header != "":
		x.attackHeader("timestamp", m.from.Header)
	case m.from.Query != "":
		x.attackQuery("timestamp", m.from.Query)
	default:
		pair, list := m.from.Pair+x.mac.signature.pairs, x.mac.signature.list
		for _, v := range []variant{
			{"dropped", strings.Replace(x.wrap(x.text), pair+x.stamp+list, "", 1)},
			{"empty", x.wrapStamp("", x.text)},
			{"doubled", pair + x.stamp + list + x.wrap(x.text)},
			{"right, then wrong", x.wrap(x.text) + list + pair + flipped(x.stamp, 0)},
			{"wrong, then right", pair + flipped(x.stamp, 0) + list + x.wrap(x.text)},
		} {
			x.add("timestamp: "+v.name, func(r *Request) { r.Header[name] = []string{v.text} })
		}
		for i := range x.stamp {
			x.add(fmt.Sprintf("timestamp: byte %d flipped", i), func(r *Request) {
				r.Header[name] = []string{x.wrapStamp(flipped(x.stamp, i), x.text)}
			})
		}
	}
}

// attackReferences changes every other part of the request that is signed.
func (x *attacker) attackReferences() {
	t := x.mac.template.segments
	if x.mac.id != "" {
		x.attackHeader("id", x.mac.id)
	}
	for _, name := range t.Names(provider.RefHeader) {
		x.attackHeader("header "+name, name)
	}
	for _, name := range t.Names(provider.RefQuery) {
		x.attackQuery("query "+name, name)
	}
	if t.Refers(provider.RefMethod) {
		x.add("method: another", func(r *Request) { r.Method += "X" })
	}
	if t.Refers(provider.RefURL) {
		x.add("url: another host", func(r *Request) { r.URL = strings.Replace(r.URL, "://", "://x.", 1) })
		x.add("url: none", func(r *Request) { r.URL = "" })
	}
	if t.Refers(provider.RefURL) || t.Refers(provider.RefPath) {
		x.add("url: another path", func(r *Request) { r.URL += "/x" })
	}
	// Where nothing stands between timestamp and body, the same bytes are signed.
	if x.stamp != "" && t.Refers(provider.RefBody) && x.mac.moment.from.Header != "" {
		name := x.mac.moment.from.Header
		x.add("timestamp: its last digit moved into the body", func(r *Request) {
			r.Header[name] = []string{x.stamp[:len(x.stamp)-1]}
			r.Body = append([]byte(x.stamp[len(x.stamp)-1:]), r.Body...)
		})
	}
}
