package provider_test

import (
	"fmt"
	"strings"
	"testing/fstest"

	"paybridge/schemas/provider"
)

// A pack is read in halves: what the ingress needs, and what the normalizer needs.
func ExampleLibrary_Auth() {
	library, err := provider.BuiltIn()
	if err != nil {
		fmt.Println(err)
		return
	}
	auth, err := library.Auth("bidali")
	if err != nil {
		fmt.Println(err)
		return
	}
	scheme := auth.AnyOf[0]
	fmt.Println(scheme.Kind, scheme.Hash, scheme.Signed, strings.Join(scheme.Signature.Headers, " or "))
	// Output: hmac sha1 {body} X-Signature or X-Bidali-Signature
}

// All mistakes of a half are reported at once, each with its line and what to write.
func ExampleLibrary_With() {
	folder := fstest.MapFS{"acme/provider.yaml": {Data: []byte(`name: acme
title: Acme
confidence: documented
auth:
  scheme: hmac
  hash: sha-256
  signed: "{timestamp}.{body}"
  signature: {header: X-Signature, encoding: hexx}
`)}}
	library, err := (&provider.Library{}).With(folder, "/etc/paybridge/packs")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = library.Auth("acme")
	fmt.Println(err)
	// Output:
	// /etc/paybridge/packs/acme/provider.yaml:6: auth.hash: "sha-256" is not known; write one of: sha1, sha256, sha512
	// /etc/paybridge/packs/acme/provider.yaml:7: auth.signed: has {timestamp}, but nothing says where it is; add timestamp: {header: …}
	// /etc/paybridge/packs/acme/provider.yaml:8: auth.signature.encoding: "hexx" is not known; write one of: hex, base64, base64url
}

// What a provider signs is text with references to parts of the request.
func ExampleParseTemplate() {
	template, err := provider.ParseTemplate("[id:{query:data.id|lower};][request-id:{header:x-request-id};]ts:{timestamp};")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, segment := range template {
		fmt.Println(segment.Optional, segment.Pieces)
	}
	// Output:
	// true [id: {query:data.id|lower} ;]
	// true [request-id: {header:X-Request-Id} ;]
	// false [ts: {timestamp} ;]
}
