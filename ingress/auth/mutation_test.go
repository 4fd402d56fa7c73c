package auth

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"paybridge/schemas/provider"
)

func TestMutationsNameEveryParameter(t *testing.T) {
	shape := everyShape()
	anyOf := shape["any of three"]
	anyOf.Keep = []string{"X-Event"}
	anyOf.Answer = provider.Answer{ContentType: "text/plain", Body: "[accepted]"}
	for _, c := range []struct {
		auth *provider.Auth
		want []string
	}{
		{shape["several encodings"], []string{
			"hash: sha256 → sha1", "hash: sha256 → sha512", "key: text → hex", "key: text → whsec",
			"signed: {body} removed: ", "signed: text added before: x{body}", "signed: text added after: {body}x",
			"signature.header: X-Signature → X-Paybridge-Mutation", "signature.prefix: sha256= → none", "signature.prefix: sha256= → mutated=",
			"signature.prefix_optional: true → false", "signature.encoding: hex removed", "signature.encoding: base64url added",
			"answer: none  → text/plain [mutated]",
		}},
		{shape["aliases"], []string{"signature.header: X-Alias removed"}},
		{shape["plain list"], []string{"signature.list: | → ,", "signature.list: removed"}},
		{shape["stripe-like"], []string{
			"signature.list: , → ;", "signature.pairs: = → :", "signature.pairs: removed", "signature.take: v1 → v0",
			"timestamp.pair: t → tx", "timestamp.unit: seconds → milliseconds", "timestamp.unit: seconds → seconds_or_milliseconds",
			"timestamp.tolerance: 5m0s → 4m59s", "timestamp.tolerance: 5m0s → 5m1s", "timestamp.tolerance: 5m0s → 0s",
			"signed: {timestamp} moved behind the next: .{timestamp}{body}", "signed: text changed: {timestamp}.x{body}",
		}},
		{shape["standard webhooks"], []string{"id.header: Webhook-Id → X-Paybridge-Mutation", "timestamp.header: Webhook-Timestamp → X-Paybridge-Mutation", "signed: {id} → {id|lower}: {id|lower}.{timestamp}.{body}"}},
		{shape["mercadopago-like"], []string{
			"signed: segment made mandatory: id:{query:data.id|lower};[request-id:{header:X-Request-Id};]ts:{timestamp};",
			"signed: segment removed: [request-id:{header:X-Request-Id};]ts:{timestamp};",
			"signed: {query:data.id|lower} → {query:data.id}: [id:{query:data.id};][request-id:{header:X-Request-Id};]ts:{timestamp};",
		}},
		{shape["all of a request"], []string{"signed: {query:q} made optional: {method} {path} {header:X-Event|lower} [{header:X-Maybe}][{query:q}]\n{timestamp}{body}"}},
		{shape["seconds in the query"], []string{"timestamp.query: ts → X-Paybridge-Mutation"}},
		{shape["token"], []string{"token.header: Authorization → X-Paybridge-Mutation", "token.prefix: none → Bearer "}},
		{shape["token in the query"], []string{"token.query: hmac → X-Paybridge-Mutation"}},
		{shape["basic"], []string{"scheme: basic → token"}},
		{anyOf, []string{
			"any_of[0]: removed", "any_of[2]: removed", "any_of[1].hash: sha256 → sha1", "any_of[2].token.header: X-Token → X-Paybridge-Mutation",
			"keep: X-Event removed", "answer: text/plain [accepted] → none ", "answer: text/plain [accepted] → text/plain [accepted]x", "answer: text/plain [accepted] → text/plainx [accepted]",
		}},
	} {
		kept := copyAuth(c.auth)
		var names []string
		for _, m := range Mutations(c.auth) {
			if slices.Contains(names, m.Name) {
				t.Errorf("%s: %s stands twice", c.auth.Name, m.Name)
			}
			names = append(names, m.Name)
			if reflect.DeepEqual(m.Auth, c.auth) {
				t.Errorf("%s: %s changes nothing", c.auth.Name, m.Name)
			}
		}
		for _, want := range c.want {
			if !slices.Contains(names, want) {
				t.Errorf("%s: no mutation %q in\n%s", c.auth.Name, want, strings.Join(names, "\n"))
			}
		}
		if !reflect.DeepEqual(kept, c.auth) {
			t.Errorf("%s was changed", c.auth.Name)
		}
	}
}

func TestBase64IsNotMutatedIntoItsSuperset(t *testing.T) {
	for _, m := range Mutations(in(provider.Hex, provider.SHA256, provider.KeyBase64)) {
		if m.Name == "key: base64 → whsec" {
			t.Error("no fixture can notice it")
		}
	}
}

// TestEveryFieldIsMutated fills a scheme's every field and looks for one that no
// mutation touches: a parameter that is added to the format has to be pinned, too.
func TestEveryFieldIsMutated(t *testing.T) {
	full := stripeLike()
	s := &full.AnyOf[0]
	s.Signed = "{id}.{timestamp}.{body}"
	s.Signature.Prefix, s.Signature.Headers = "p=", []string{"A", "B"}
	s.ID = &provider.Value{Header: "Webhook-Id"}
	s.Timestamp = &provider.Timestamp{From: provider.Value{Pair: "t"}, Unit: provider.Seconds, Tolerance: time.Minute}
	full.Keep = []string{"X-Event"}
	touched := map[string]bool{}
	for _, m := range Mutations(full) {
		differences("", reflect.ValueOf(*full), reflect.ValueOf(*m.Auth), touched)
	}
	for _, path := range []string{
		".Keep", ".Answer.ContentType", ".Answer.Body", ".AnyOf.Hash", ".AnyOf.Key", ".AnyOf.Signed",
		".AnyOf.Signature.Headers", ".AnyOf.Signature.List", ".AnyOf.Signature.Pairs", ".AnyOf.Signature.Take", ".AnyOf.Signature.Prefix",
		".AnyOf.Signature.Optional", ".AnyOf.Signature.Encoding", ".AnyOf.Timestamp.From.Pair", ".AnyOf.Timestamp.Unit", ".AnyOf.Timestamp.Tolerance", ".AnyOf.ID.Header",
	} {
		if !touched[path] {
			t.Errorf("%s is never mutated", path)
		}
	}
	if n := reflect.TypeFor[provider.Signature]().NumField(); n != 8 {
		t.Errorf("a signature has %d fields: mutate the new one, and add it here", n)
	}
	if n := reflect.TypeFor[provider.Scheme]().NumField(); n != 9 {
		t.Errorf("a scheme has %d fields: mutate the new one, and add it here", n)
	}
}

// differences collects the paths of fields in which a and b differ; a list
// differs as a whole where its length or an element that is no struct does.
func differences(path string, a, b reflect.Value, found map[string]bool) {
	switch {
	case a.Kind() == reflect.Pointer && !a.IsNil() && !b.IsNil():
		differences(path, a.Elem(), b.Elem(), found)
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			differences(path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i), found)
		}
	case a.Kind() == reflect.Slice && a.Len() == b.Len() && a.Len() > 0 && a.Index(0).Kind() == reflect.Struct:
		for i := range a.Len() {
			differences(path, a.Index(i), b.Index(i), found)
		}
	case !reflect.DeepEqual(a.Interface(), b.Interface()):
		found[path] = true
	}
}

// TestProve has the fixtures of a small pack judge it and its mutations.
func TestProve(t *testing.T) {
	a := plainHMAC(provider.SHA256)
	a.Keep = []string{"X-Event"}
	fixture := func(answer int, change func(f *provider.Fixture)) *provider.Fixture {
		r := post(body, "X-Event", "paid", "X-Other", "x")
		h, _, err := Sign(a, weak("k", hostileSecret), r)
		if err != nil {
			t.Fatal(err)
		}
		f := &provider.Fixture{
			Name: "case", At: provider.Position{File: "p/fixtures/case.txtar", Line: 1}, Method: "POST", ReceivedAt: noon,
			Header: map[string][]string(h), Body: []byte(body), Answer: answer,
			Secrets: []provider.FixtureSecret{{ID: "k", Text: hostileSecret}},
		}
		if change != nil {
			change(f)
		}
		return f
	}
	for _, c := range []struct {
		name string
		f    *provider.Fixture
		want string
	}{
		{"accepted", fixture(200, nil), ""},
		{"accepted, stored", fixture(200, func(f *provider.Fixture) { f.Stored = []string{"X-Signature", "X-Event"} }), ""},
		{"refused", fixture(401, func(f *provider.Fixture) { f.Body = []byte("x") }), ""},
		{"should be refused", fixture(401, nil), "is accepted, and has to be refused"},
		{"should be accepted", fixture(200, func(f *provider.Fixture) { f.Body = []byte("x") }), "is refused (auth: mismatch), and has to be accepted"},
		{"another answer", fixture(200, func(f *provider.Fixture) { f.AnswerBody = "ok" }), `the answer is "" (), not "ok" ()`},
		{"stores less", fixture(200, func(f *provider.Fixture) { f.Stored = []string{"X-Signature"} }), "the stored headers are"},
		{"stores more", fixture(200, func(f *provider.Fixture) { f.Stored = []string{"X-Signature", "X-Event", "X-Other"} }), "the stored headers are"},
		{"a bad secret", fixture(401, func(f *provider.Fixture) { f.Secrets[0].Text = "short" }), "is short"},
		{"a bad secret, allowed", fixture(401, func(f *provider.Fixture) { f.Secrets[0].Text, f.AllowWeak = "short", true }), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Prove(a, c.f)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "p/fixtures/case.txtar:1")) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestBuiltInPacksArePinned runs every fixture of every built-in pack, attacks each
// accepted request, and changes each parameter: the fixtures have to notice.
func TestBuiltInPacksArePinned(t *testing.T) {
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range library.Names() {
		t.Run(name, func(t *testing.T) {
			a, err := library.Auth(name)
			if err != nil {
				t.Fatal(err)
			}
			fixtures, err := library.Fixtures(name)
			if err != nil {
				t.Fatal(err)
			}
			for i := range fixtures {
				if err := Prove(a, &fixtures[i]); err != nil {
					t.Error(err)
				}
			}
			for _, m := range Mutations(a) {
				if !slices.ContainsFunc(fixtures, func(f provider.Fixture) bool { return Prove(m.Auth, &f) != nil }) {
					t.Errorf("%s: no fixture notices", m.Name)
				}
			}
			attackFixtures(t, a, fixtures)
		})
	}
}

// attackFixtures attacks accepted requests of a pack: a few, for `paybridge provider
// check` attacks them all.
func attackFixtures(t *testing.T, a *provider.Auth, fixtures []provider.Fixture) {
	accepted := slices.DeleteFunc(slices.Clone(fixtures), func(f provider.Fixture) bool { return f.Answer != 200 })
	attacked := false
	for i := range min(len(accepted), 6) {
		f := &accepted[i]
		for _, secret := range FixtureSecrets(f) {
			v, err := New(a, []Secret{secret})
			if err != nil {
				t.Error(err)
				continue
			}
			for _, attack := range Attacks(a, secret, otherOf(a), FixtureRequest(f)) {
				attacked = true
				if _, err := v.Verify(attack.Request()); err == nil {
					t.Errorf("%s: %s: accepted", f.At, attack.Name)
				}
			}
		}
	}
	if !attacked {
		t.Error("no request was attacked")
	}
}
