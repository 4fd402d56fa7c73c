package config_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A file that is broken by a slip of the hand is refused, or not, without saying
// the secrets that stand in it.
func TestABrokenFileSaysNoSecret(t *testing.T) {
	const file = `nats:
  nkey_seed: {value: ` + canary + `}
seal:
  keys:
    - {id: k1, value: ` + canary + `}
    - id: k2
      value: "` + canary + `"
sources:
  - name: pik
    provider: pik
    secrets:
      - id: current
        value: ` + canary + `
        allow_weak: true
  - name: pixorder
    provider: pixorder
    endpoints:
      PixPayment: {secrets: [{id: current, value: '` + canary + `'}]}
`
	slips := []string{"value: ", "value", ": ", ":", "id: k1, ", "id: ", "  ", "    ", "\n", "{", "}", "[", "]", "- ", ",", "\"", "'", "secrets:", "keys:"}
	inserts := []string{"", "*", "&", "!", "{", "[", "|", "\t", " ", "\n", "#", "%", "@", "---\n", "<<: ", "value: ", "- ", ": "}
	rapid.Check(t, func(rt *rapid.T) {
		text := file
		for range rapid.IntRange(1, 3).Draw(rt, "slips") {
			slip := rapid.SampledFrom(slips).Draw(rt, "slip")
			places := strings.Count(text, slip)
			if places == 0 {
				continue
			}
			nth := rapid.IntRange(0, places-1).Draw(rt, "place")
			at := 0
			for i := 0; ; i++ {
				at += strings.Index(text[at:], slip)
				if i == nth {
					break
				}
				at += len(slip)
			}
			insert := rapid.SampledFrom(inserts).Draw(rt, "insert")
			text = text[:at] + insert + text[at+len(slip):]
		}
		_, err := world{}.parse(text)
		if err != nil && strings.Contains(err.Error(), canary) {
			rt.Errorf("the file\n%s\nis refused with\n%v", text, err)
		}
	})
}
