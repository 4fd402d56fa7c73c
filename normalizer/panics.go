package normalizer

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/zap"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
)

// recoverPanics is the middleware that makes a panic the reason of a dead letter.
// The log says where, never what: a panic's value may hold what the provider sent.
func recoverPanics(log *zap.Logger) message.HandlerMiddleware {
	return func(next message.HandlerFunc) message.HandlerFunc {
		return func(m *message.Message) (produced []*message.Message, err error) {
			defer func() {
				value := recover()
				if value == nil {
					return
				}
				log.Error("panic", zap.Uint64("raw_seq", inHand(m).sequence), zap.String("type", fmt.Sprintf("%T", value)), zap.Strings("at", callers()))
				produced, err = nil, &mapping.Dead{Reason: delivery.MappingFailed, Problem: fmt.Sprintf("panic of type %T", value)}
			}()
			return next(m)
		}
	}
}

// callers are the functions and lines that led to a panic, without arguments.
func callers() []string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var lines []string
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") {
			lines = append(lines, fmt.Sprintf("%s:%d", frame.Function, frame.Line))
		}
		if !more || len(lines) == 12 {
			return lines
		}
	}
}
