package event

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSubject(t *testing.T) {
	for want, in := range map[string]struct {
		source string
		kind   Kind
		state  State
		native string
	}{
		// The contract's own examples.
		"payments.pik.payin.confirmed.payment.confirmed":           {"pik", Payin, Confirmed, "payment.confirmed"},
		"payments.bidali.payin.confirmed.charge.success":           {"bidali", Payin, Confirmed, "charge.success"},
		"payments.picpay.payin.confirmed.TransactionUpdateMessage": {"picpay", Payin, Confirmed, "TransactionUpdateMessage"},
		"payments.pixorder.payin.settled.PixPaymentReceivement":    {"pixorder", Payin, Settled, "PixPaymentReceivement"},
		// What must not leave its place.
		"payments.pik.unknown.unknown.=":                      {"pik", UnknownKind, UnknownState, ""},
		"payments.pik.unknown.unknown.=3E":                    {"pik", UnknownKind, UnknownState, ">"},
		"payments.pik.unknown.unknown.charge.=2A":             {"pik", UnknownKind, UnknownState, "charge.*"},
		"payments.pik.unknown.unknown.a.=.b":                  {"pik", UnknownKind, UnknownState, "a..b"},
		"payments.pik.unknown.unknown.=.=":                    {"pik", UnknownKind, UnknownState, "."},
		"payments.pik.unknown.unknown.a=0D=0APUB=20x":         {"pik", UnknownKind, UnknownState, "a\r\nPUB x"},
		"payments.pik.unknown.unknown.charge=3Aconfirmed":     {"pik", UnknownKind, UnknownState, "charge:confirmed"},
		"payments.pik.unknown.unknown.aprova=C3=A7=C3=A3o=3D": {"pik", UnknownKind, UnknownState, "aprovação="},
	} {
		if got := Subject(in.source, in.kind, in.state, in.native); got != want {
			t.Errorf("Subject(%q, %q) = %q, want %q", in.source, in.native, got, want)
		}
	}
}

func TestLongNativeTypes(t *testing.T) {
	for name, tt := range map[string]struct{ native, want string }{
		"128 bytes are kept":          {strings.Repeat("a", 128), strings.Repeat("a", 128)},
		"128 bytes, all escaped":      {strings.Repeat(">", 128), strings.Repeat("=3E", 128)},
		"129 bytes are cut":           {strings.Repeat("a", 129), strings.Repeat("a", 64)},
		"6 KB":                        {strings.Repeat("ab", 3000), strings.Repeat("ab", 32)},
		"an escape over the cut":      {strings.Repeat("a", 63) + strings.Repeat(">", 66), strings.Repeat("a", 63)},
		"an escape two bytes over":    {strings.Repeat("a", 62) + strings.Repeat(">", 67), strings.Repeat("a", 62)},
		"an escape up to the cut":     {strings.Repeat("a", 61) + strings.Repeat(">", 68), strings.Repeat("a", 61) + "=3E"},
		"a dot at the cut":            {strings.Repeat("a", 63) + "." + strings.Repeat("b", 66), strings.Repeat("a", 63)},
		"a dot after the cut":         {strings.Repeat("a", 64) + "." + strings.Repeat("b", 66), strings.Repeat("a", 64)},
		"an empty token at the cut":   {strings.Repeat("a", 62) + ".." + strings.Repeat("b", 66), strings.Repeat("a", 62) + ".="},
		"an empty token, then a dot":  {strings.Repeat("a", 61) + ".." + strings.Repeat("b", 67), strings.Repeat("a", 61) + ".="},
		"an escape, then the cut dot": {strings.Repeat("a", 60) + ">." + strings.Repeat("b", 67), strings.Repeat("a", 60) + "=3E"},
		"only dots":                   {strings.Repeat(".", 200), strings.Repeat("=.", 31) + "="},
	} {
		want := tt.want
		if len(tt.native) > 128 {
			want += "=~" + hashText(tt.native)
		}
		if got := NativeTokens(tt.native); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	// printf 'a%.0s' $(seq 129) | openssl dgst -sha256 -binary | basenc --base64url | head -c 22
	if got, want := hashText(strings.Repeat("a", 129)), "wSywJKLlVRzKDgj86PHF4x"; got != want {
		t.Errorf("hash %q, want %q", got, want)
	}
}

func TestToken(t *testing.T) {
	for in, want := range map[string]string{"a.b": "a=2Eb", "": "=", "A_-9": "A_-9", "~": "=7E"} {
		if got := Token(in); got != want {
			t.Errorf("Token(%q) = %q, want %q", in, got, want)
		}
	}
}

// nativeTokens is what may follow the state in a subject.
var nativeTokens = regexp.MustCompile(`^(([A-Za-z0-9_-]|=[0-9A-F]{2})+|=)(\.(([A-Za-z0-9_-]|=[0-9A-F]{2})+|=))*$`)

// unescapeTokens undoes NativeTokens where it did not cut.
func unescapeTokens(tokens string) string {
	var b strings.Builder
	for i := 0; i < len(tokens); i++ {
		if tokens[i] == '=' && i+1 < len(tokens) && tokens[i+1] != '.' {
			b.WriteByte(unhex(tokens[i+1])<<4 | unhex(tokens[i+2]))
			i += 2
		} else if tokens[i] != '=' {
			b.WriteByte(tokens[i])
		}
	}
	return b.String()
}

// checkNative checks that a native type stays in its place and can be told from
// every other.
func checkNative(t interface{ Errorf(string, ...any) }, native string) {
	tokens := NativeTokens(native)
	if len(native) <= longNative {
		if !nativeTokens.MatchString(tokens) {
			t.Errorf("NativeTokens(%q) = %q", native, tokens)
		}
		if got := unescapeTokens(tokens); got != native {
			t.Errorf("NativeTokens(%q) = %q, which reads as %q", native, tokens, got)
		}
		return
	}
	start, hash, cut := strings.Cut(tokens, "=~")
	if !cut || hash != hashText(native) || len(start) > 64 || start != "" && !nativeTokens.MatchString(start) {
		t.Errorf("NativeTokens(%q) = %q", native, tokens)
	}
	if whole := unescapeTokens(start); !strings.HasPrefix(native, whole) {
		t.Errorf("NativeTokens(%q) starts like %q", native, whole)
	}
}

func TestNativeTypesStayInTheirPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkNative(t, anyText().Draw(t, "native")) })
}

func TestTwoNativeTypesAreTwoSubjects(t *testing.T) {
	near := rapid.StringOfN(rapid.RuneFrom([]rune("a.=~3E>")), 0, 140, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := near.Draw(t, "a"), near.Draw(t, "b")
		if (NativeTokens(a) == NativeTokens(b)) != (a == b) {
			t.Fatalf("%q and %q become %q and %q", a, b, NativeTokens(a), NativeTokens(b))
		}
	})
}

func FuzzNativeTokens(f *testing.F) {
	for _, native := range []string{">", "a..b", "charge.*", "a\r\nb", strings.Repeat("x.", 3000), "", "=", "=3E", "=~", "payment.confirmed", ".", "\xff"} {
		f.Add(native)
	}
	f.Fuzz(func(t *testing.T, native string) {
		checkNative(t, native)
		if got := strings.Count(Subject("pik", Payin, Confirmed, native), "."); got < 4 {
			t.Errorf("subject of %d dots", got)
		}
	})
}
