package provider

import "time"

// Auth is the auth half: how the provider proves that a request is its own.
type Auth struct {
	Name   string   // pack name, for errors
	AnyOf  []Scheme // alternatives, tried in order; one where the pack writes a single scheme
	Keep   []string // canonical names of HTTP headers stored besides those that the schemes read
	Answer Answer   // constant body of the 200; empty by default
	At     Position
}

// Answer is the constant that the provider wants to read in a 200.
type Answer struct {
	ContentType string
	Body        string
}

// SchemeKind is one of the closed set of authentication schemes.
type SchemeKind string

// The schemes that are built. RSA, ECDSA, Ed25519, in-body signatures and mTLS
// belong here and in ingress/auth, one file each.
const (
	HMAC  SchemeKind = "hmac"
	Token SchemeKind = "token"
	Basic SchemeKind = "basic"
)

// The hashes of an HMAC.
const (
	SHA1   = "sha1"
	SHA256 = "sha256"
	SHA512 = "sha512"
)

// How a secret's text becomes the bytes of a key.
const (
	KeyText   = "text"
	KeyHex    = "hex"
	KeyBase64 = "base64" // standard, padded
	KeyWhsec  = "whsec"  // base64 after an optional "whsec_"
)

// How a signature's bytes are written.
const (
	Hex       = "hex"       // either case
	Base64    = "base64"    // standard, padded
	Base64URL = "base64url" // padded or not
)

// Scheme is one way to authenticate a request.
type Scheme struct {
	Kind      SchemeKind
	Hash      string     // hmac: sha1, sha256, sha512
	Key       string     // hmac: how the secret's text becomes key bytes: text, hex, base64, whsec
	Signed    string     // hmac: the Template of the signed bytes
	Signature Signature  // hmac: where the signature is and how it is written
	Token     Value      // token: where the token is
	Timestamp *Timestamp // hmac: nil where nothing is dated
	ID        *Value     // hmac: a header id that the signature covers; part of the message id
	At        Position
}

// Signature says where signatures are found and how each is written.
type Signature struct {
	Headers  []string // aliases: exactly one of them must be present, exactly once
	List     string   // separator of several values, one byte; "" where there is one
	Pairs    string   // separator of key and value in a list's element ("="); "" where values are plain
	Take     string   // pairs: the key whose values are signatures ("v1")
	Prefix   string   // text before the signature, such as "sha256="
	Optional bool     // the prefix may be left out
	Encoding []string // any of hex, base64, base64url
	At       Position
}

// Value is where one text of the request is found: exactly one of Header, Query
// and Pair is set.
type Value struct {
	Header string // canonical header name
	Query  string // query parameter
	Pair   string // key in the signature header's key=value list
	Prefix string // text that must stand before it and is cut off ("Bearer ")
	At     Position
}

// Timestamp is the signed moment of a request.
type Timestamp struct {
	From      Value
	Unit      string        // one of the units below
	Tolerance time.Duration // two-sided, inclusive; 0: of any age
	At        Position
}

// The units of a timestamp. Seconds have exactly 10 digits and milliseconds
// exactly 13 (2001 to 2286), so that a digit cannot move between a timestamp and
// what is signed beside it.
const (
	Seconds               = "seconds"
	Milliseconds          = "milliseconds"
	SecondsOrMilliseconds = "seconds_or_milliseconds"
	RFC3339               = "rfc3339"
)
