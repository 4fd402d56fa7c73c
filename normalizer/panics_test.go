package normalizer

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
)

func TestPanicIsTheReasonOfADeadLetter(t *testing.T) {
	var nothing map[string]int
	for _, test := range []struct {
		name  string
		panic func()
		says  string
	}{
		{"a text", func() { panic("4111 1111") }, "string"},
		{"an error", func() { panic(errors.New("4111 1111")) }, "*errors.errorString"},
		{"the runtime's", func() { nothing["4111 1111"] = 1 }, "runtime."},
		{"nil", func() { panic(nil) }, (&runtime.PanicNilError{}).Error()[:0] + "*runtime.PanicNilError"},
	} {
		t.Run(test.name, func(t *testing.T) {
			core, logs := observer.New(zapcore.DebugLevel)
			handler := recoverPanics(zap.New(core))(func(*message.Message) ([]*message.Message, error) {
				test.panic()
				return nil, nil
			})
			m := message.NewMessageWithContext(&raw{parent: t.Context(), sequence: 7}, "id", nil)
			produced, err := handler(m)
			var dead *mapping.Dead
			if !errors.As(err, &dead) || dead.Reason != delivery.MappingFailed || produced != nil {
				t.Fatalf("%v, %v", produced, err)
			}
			if !strings.Contains(dead.Problem, test.says) {
				t.Errorf("problem %q, want %q in it", dead.Problem, test.says)
			}
			line := logs.All()[0]
			fields := line.ContextMap()
			if at, _ := fields["at"].([]any); len(at) == 0 || !strings.Contains(at[0].(string), "TestPanicIsTheReasonOfADeadLetter") {
				t.Errorf("at %v", fields["at"])
			}
			for _, text := range []string{dead.Problem, line.Message, fields["type"].(string)} {
				if strings.Contains(text, "4111") {
					t.Errorf("%q has the panic's value", text)
				}
			}
		})
	}
}

func TestNoPanicPassesThrough(t *testing.T) {
	want := []*message.Message{message.NewMessage("id", nil)}
	failure := errors.New("as told")
	got, err := recoverPanics(zap.NewNop())(func(*message.Message) ([]*message.Message, error) { return want, failure })(want[0])
	if len(got) != 1 || got[0] != want[0] || err != failure {
		t.Errorf("%v, %v", got, err)
	}
}
