package auth

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// variant is a named text in place of the right one.
type variant struct{ name, text string }

// attackToken attacks a static token in a header or the query: texts that are
// nearly the token, and the token where or how the provider does not send it.
func (x *attacker) attackToken() {
	from := x.scheme.Token
	token := x.secret.text()
	label, place := "token", func(r *Request, text string) { r.Header[from.Header] = []string{text} }
	if from.Query != "" {
		place = func(r *Request, text string) { r.Query = setQuery(r.Query, from.Query, text) }
		x.attackQuery(label, from.Query)
	} else {
		x.attackHeader(label, from.Header)
		x.add("token: in the query instead", func(r *Request) {
			r.Header.Del(from.Header)
			r.Query = setQuery(r.Query, strings.ToLower(from.Header), token)
		})
	}
	for _, v := range []variant{
		{"its first half", token[:len(token)/2]},
		{"without its last", token[:len(token)-1]},
		{"with one more", token + "x"},
		{"with a NUL", token + "\x00"},
		{"with a space after", token + " "},
		{"with a tab after", token + "\t"},
		{"with a space before", " " + token},
		{"with a line end", token + "\n"},
		{"twice", token + token},
		{"twice with a comma", token + "," + token},
		{"in quotes", `"` + token + `"`},
		{"in base64", base64.StdEncoding.EncodeToString([]byte(token))},
		{"another account's", x.other.text()},
		{"nothing", ""},
		{"in the other case", otherCase(token)},
		{"with Latin-1 letters", token + "\xe9"},
	} {
		if v.text != token {
			x.add("token: "+v.name, func(r *Request) { place(r, from.Prefix+v.text) })
		}
	}
	// A bare token is not "Bearer <token>", as clients of PicPay check.
	for _, prefix := range []string{"Bearer ", "bearer ", "Token ", "Basic ", " ", ""} {
		if !x.prefixKnown(prefix) {
			x.add(fmt.Sprintf("token: with the prefix %q", prefix), func(r *Request) { place(r, prefix+token) })
		}
	}
}

// prefixKnown says whether some alternative takes a token with the prefix.
func (x *attacker) prefixKnown(prefix string) bool {
	for i := range x.auth.AnyOf {
		if t := &x.auth.AnyOf[i].Token; (t.Header != "" || t.Query != "") && t.Prefix == prefix {
			return true
		}
	}
	return false
}

// otherCase swaps the case of ASCII letters: tokens are compared as bytes, though
// many are hexadecimal.
func otherCase(text string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c ^ 0x20
		}
		return c
	}, text)
}

// attackBasic attacks HTTP Basic credentials: the right ones in other forms, and
// others in the right form. The scheme's name may be in either case (RFC 7617), so
// that is no attack.
func (x *attacker) attackBasic() {
	x.attackHeader("credentials", authorization)
	user, password, _ := strings.Cut(x.secret.text(), ":")
	encode := base64.StdEncoding.EncodeToString
	right := encode([]byte(user + ":" + password))
	for _, v := range []variant{
		{"not encoded", "Basic " + user + ":" + password},
		{"as a bearer token", "Bearer " + right},
		{"without a scheme", right},
		{"the user alone", "Basic " + encode([]byte(user))},
		{"no password", "Basic " + encode([]byte(user+":"))},
		{"no user", "Basic " + encode([]byte(":"+password))},
		{"password cut", "Basic " + encode([]byte(user + ":" + password)[:len(user)+len(password)])},
		{"password and more", "Basic " + encode([]byte(user+":"+password+"x"))},
		{"password and NUL", "Basic " + encode([]byte(user+":"+password+"\x00"))},
		{"in the other case", "Basic " + encode([]byte(user+":"+otherCase(password)))},
		{"another account's", "Basic " + encode([]byte(x.other.text()))},
		{"two spaces", "Basic  " + right},
		{"a line end inside", "Basic " + right[:4] + "\n" + right[4:]},
		{"padding taken away", "Basic " + strings.TrimRight(right, "=")},
		{"padding doubled", "Basic " + right + "="},
		{"in hexadecimal", fmt.Sprintf("Basic %x", user+":"+password)},
		{"nothing", "Basic "},
		{"a megabyte", "Basic " + strings.Repeat("A", 1<<20)},
		{"two in one header", "Basic " + right + ", Basic " + right},
		{"encoded a 2nd time", "Basic " + encode([]byte(right))},
		{"digest in its place", "Digest " + right},
	} {
		if v.text != "Basic "+right {
			x.add("credentials: "+v.name, func(r *Request) { r.Header[authorization] = []string{v.text} })
		}
	}
}
