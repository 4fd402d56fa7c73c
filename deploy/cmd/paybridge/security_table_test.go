package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"paybridge/schemas/provider"
)

// here is this package, from the module's root.
const here = "deploy/cmd/paybridge"

// hostility says which tests hold the bridge to inputs of the list of a hundred hostile ones
// that the failure model names S-01 to S-100.
type hostility struct {
	from, to int
	folder   string
	tests    string // of that folder, between spaces
}

// proofs is the whole list. Where the contract differs from the list, the test holds
// the contract: whose secret signs decides what is live (S-30), an odd type is published escaped (S-42), white space is stored (S-61), a
// senseless time becomes received-at (S-78), and addresses are not limited (S-97).
var proofs = []hostility{
	{1, 4, here, "TestSecurityStartUp"},
	{1, 4, "ingress/auth", "TestSecretsThatNewRefuses TestAllBadSecretsAreReportedAtOnce"},
	{5, 5, here, "TestSecuritySignatures"},
	{6, 6, "deploy/ingressd", "TestReloadRejects"},
	{6, 6, "config", "TestReloadRejects"},
	{7, 14, here, "TestSecuritySignatures"},
	{15, 17, here, "TestSecurityLists"},
	{17, 19, here, "TestSecuritySignatures"},
	{20, 20, "ingress/auth", "TestComparesInConstantTime"},
	{21, 25, here, "TestSecurityTimestamps"},
	{24, 24, here, "TestSecurityLists"},
	{25, 25, here, "TestSecurityUnits"},
	{26, 27, here, "TestSecurityReplays"},
	{28, 29, here, "TestSecurityKeyConfusion"},
	{30, 30, here, "TestSecurityTestMode"},
	{31, 31, "deploy/ingressd", "TestRotationUnderLoad"},
	{31, 31, "ingress/auth", "TestRotation"},
	{32, 33, here, "TestSecurityNoScheme"}, // of certificates that a request names
	{34, 35, "ingress/auth", "TestVectors TestEveryAttackIsRefused TestBuiltInPacksArePinned"},
	{36, 38, here, "TestSecurityNoScheme"}, // of signatures inside the body
	{39, 39, here, "TestSecurityTokens"},
	{40, 41, here, "TestSecurityRoutes"},
	{42, 43, here, "TestSecurityHostileBodies"},
	{44, 44, "schemas/event", "FuzzDecodeEvent TestBinaryMessage TestPercentEncodingSurvives"},
	{45, 51, here, "TestSecurityBusHeaders"},
	{52, 53, here, "TestSecuritySizes"},
	{54, 54, here, "TestSecuritySlow"},
	{55, 55, here, "TestSecurityFraming"},
	{56, 57, here, "TestSecuritySlow"},
	{56, 56, here, "TestSecurityMemory"},
	{58, 58, here, "TestSecuritySizes"},
	{59, 59, here, "TestSecurityMemory"},
	{60, 60, here, "TestSecurityTokensFirst"},
	{60, 60, "ingress", "TestEarly"},
	{61, 61, here, "TestSecurityBusHeaders TestSecurityHostileBodies"},
	{62, 62, here, "TestSecurityStartUp"},
	{62, 62, "ingress", "TestRefusesToStart"},
	{63, 64, here, "TestSecurityMethods"},
	{65, 65, here, "TestSecurityContentTypes"},
	{66, 79, here, "TestSecurityHostileBodies"},
	{80, 81, here, "TestSecurityFraming"},
	{82, 82, here, "TestSecurityPipelines"},
	{83, 83, here, "TestSecurityFraming"},
	{84, 85, here, "TestSecurityPeer"},
	{85, 86, here, "TestSecurityClientCertificates"},
	{87, 87, here, "TestSecurityLargeHeads"},
	{88, 89, here, "TestSecurityHTTP2"},
	{90, 90, here, "TestSecurityTLS TestSecurityKeyUpdates TestSecurityRenegotiation TestSecurityHalfOpen"},
	{90, 90, "ingress", "TestStrangersGiveWay TestHandshakeIsBounded"},
	{91, 93, here, "TestSecurityCanaries"},
	{94, 94, here, "TestSecurityCardinality"},
	{95, 95, here, "TestSecurityBusAway TestSecurityBusKilled TestSecurityCluster"},
	{96, 96, here, "TestSecurityFull"},
	{97, 97, here, "TestSecurityBurst"},
	{98, 98, here, "TestSecurityHangUp"},
	{99, 99, "ingress", "TestPanic"},
	{99, 99, "normalizer", "TestPanicIsTheReasonOfADeadLetter"},
	{100, 100, here, "TestSecurityRoutes"},
}

// fuzzed are the parsers of bytes that a stranger, or another user of the bus, chooses.
var fuzzed = []struct{ folder, tests string }{
	{"ingress", "FuzzHead FuzzTraceparent"},
	{"ingress/auth", "FuzzSignatureHeader FuzzEncoding FuzzTemplate FuzzToken"},
	{"schemas/delivery", "FuzzDecodeDelivery FuzzSealOpen"}, // delivery headers, seal, dead letters
	{"normalizer/document", "FuzzDecode FuzzDecodeForm"},    // the JSON guard
	{"normalizer/mapping", "FuzzMap FuzzPacks"},             // each pack's mapping
	{"schemas/event", "FuzzDecodeEvent FuzzNativeTokens FuzzMoney"},
	{"schemas/provider", "FuzzPack FuzzFixture"},
	{"config", "FuzzParse"},
}

// TestEveryParserIsFuzzed fails where a fuzz target is gone; "make fuzz" runs them all.
func TestEveryParserIsFuzzed(t *testing.T) {
	for _, f := range fuzzed {
		checkTests(t, f.folder, f.tests)
	}
}

// checkTests checks that a folder has tests or fuzz targets.
func checkTests(t *testing.T, folder, tests string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, name := range strings.Fields(tests) {
		if !regexp.MustCompile(`(?m)^func ` + name + `\(\w+ \*testing\.[TF]\)`).MatchString(all.String()) {
			t.Errorf("%s has no %s", folder, name)
		}
	}
}

// TestSecurityTable fails where a hostile input has no test, or a test is gone.
func TestSecurityTable(t *testing.T) {
	covered := map[int]bool{}
	for _, p := range proofs {
		checkTests(t, p.folder, p.tests)
		for id := p.from; id <= p.to; id++ {
			covered[id] = true
		}
	}
	for id := 1; id <= 100; id++ {
		if !covered[id] {
			t.Errorf("S-%02d has no test", id)
		}
	}
}

// TestSecurityNoScheme says why some inputs of the list have nothing to attack (S-32,
// S-33, S-36 to S-38): no scheme fetches a certificate that a request names, and none
// reads its signature out of a body. Who adds such a provider adds the tests.
func TestSecurityNoScheme(t *testing.T) {
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"paypal", "adyen"} {
		if slices.Contains(library.Names(), name) {
			t.Errorf("%s is there: test it", name)
		}
	}
	for _, name := range library.Names() {
		half, err := library.Auth(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, scheme := range half.AnyOf {
			if !slices.Contains([]string{"hmac", "token", "basic"}, fmt.Sprint(scheme.Kind)) {
				t.Errorf("%s: scheme %v is new: test it", name, scheme.Kind)
			}
		}
	}
	// Nothing of the ingress opens a connection: it is handed the one that it has.
	dials := regexp.MustCompile(`\b(http\.(Get|Post|Head|Client|DefaultClient|NewRequest)|net\.Dial|tls\.Dial|nats\.Connect)\b`)
	for _, folder := range []string{"ingress", "ingress/auth"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "..", folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(err, len(files))
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if found := dials.Find(text); found != nil && !strings.HasSuffix(file, "_test.go") {
				t.Errorf("%s: %s", file, found)
			}
		}
	}
}

// TestSecurityBurst has a burst of bad signatures from the address that good traffic
// comes from too (S-97): behind a proxy all clients have one, so it is no reason to
// refuse anybody.
func TestSecurityBurst(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	const each = 2000
	bad, good := make([]string, each), make([]string, 50)
	for i := range bad {
		bad[i] = post("/webhooks/pik", payment(fmt.Sprint("bad-", i)), "PIK-Signature: "+strings.Repeat("0", 64))
	}
	for i := range good {
		good[i] = toPIK(payment(fmt.Sprint("good-", i)))
	}
	done := make(chan []int)
	go func() { done <- s.volley(bad) }()
	for i, status := range s.volley(good) {
		if status != 200 {
			t.Errorf("good request %d: answered %d", i, status)
		}
	}
	for i, status := range <-done {
		if status != 401 {
			t.Errorf("bad request %d: answered %d", i, status)
		}
	}
	if stored := s.last("WEBHOOKS"); stored != uint64(len(good)) {
		t.Errorf("%d stored", stored)
	}
}
