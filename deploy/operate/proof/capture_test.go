package proof_test

import (
	"bytes"
	"testing"

	"golang.org/x/tools/txtar"

	"paybridge/deploy/operate/proof"
	"paybridge/ingress/auth"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// TestCaptureIsAuthentic captures what every pack accepts, as the stream would hold it: the
// fixture is read again, holds the body byte for byte, and verifies with its own secret.
func TestCaptureIsAuthentic(t *testing.T) {
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range lib.Names() {
		half, err := lib.Auth(name)
		if err != nil {
			t.Fatal(err)
		}
		fixtures, err := lib.Fixtures(name)
		if err != nil {
			t.Fatal(err)
		}
		kept, keepQuery := half.Stored()
		for _, f := range fixtures {
			if f.Answer != 200 {
				continue
			}
			d := delivery.Delivery{Source: name, Provider: name, Endpoint: delivery.DefaultEndpoint, ReceivedAt: f.ReceivedAt, Body: f.Body, Header: map[string][]string{}}
			if f.Endpoint != "" {
				d.Endpoint = f.Endpoint
			}
			for _, header := range kept {
				if values := f.Header[header]; values != nil {
					d.Header[header] = values
				}
			}
			if keepQuery {
				d.Query = f.Query
			}
			text, err := proof.Capture(&d, half, f.URL, "a capture")
			if err != nil {
				t.Errorf("%s/%s: %v", name, f.Name, err)
				continue
			}
			a := txtar.Parse(text)
			a.Files = append(a.Files, txtar.File{Name: "event-0.json", Data: []byte("null\n")}) // an outcome, so that it is read
			got, err := provider.ReadFixture("capture.txtar", txtar.Format(a))
			if err != nil {
				t.Errorf("%s/%s: %v", name, f.Name, err)
				continue
			}
			verifier, err := auth.New(half, auth.FixtureSecrets(&got))
			if err != nil {
				t.Errorf("%s/%s: %v", name, f.Name, err)
				continue
			}
			if _, err := verifier.Verify(auth.FixtureRequest(&got)); err != nil || !bytes.Equal(got.Body, f.Body) || got.Endpoint != f.Endpoint {
				t.Errorf("%s/%s: %v\n%s", name, f.Name, err, text)
			}
		}
	}
}
