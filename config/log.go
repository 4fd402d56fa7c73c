package config

import (
	"io"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Logger writes to w one JSON object a line, from info up, under a component's
// name. Every line is written: sampling would delete the lines that audits need.
func Logger(component string, w io.Writer) *zap.Logger {
	return logger(component, zapcore.Lock(zapcore.AddSync(w)))
}

// GatheringLogger is a Logger whose lines wait for flush, which writes them together:
// who writes many of them at once need not ask the system to write each. Whole lines
// are written, so that w may be another logger's too. Call flush before anything that
// is to happen after a line, and last of all.
func GatheringLogger(component string, w io.Writer) (log *zap.Logger, flush func()) {
	l := &gatherer{to: w}
	return logger(component, l), l.flush
}

// gatherer gathers lines; it is safe for concurrent use.
type gatherer struct {
	to io.Writer
	mu sync.Mutex
	b  []byte
}

// gatherBytes is how much is gathered at the most.
const gatherBytes = 64 << 10

func (l *gatherer) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.b)+len(line) > gatherBytes {
		l.write()
	}
	l.b = append(l.b, line...)
	return len(line), nil
}

// Sync is for lines after which the process ends.
func (l *gatherer) Sync() error {
	l.flush()
	return nil
}

func (l *gatherer) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write()
}

func (l *gatherer) write() {
	if len(l.b) > 0 {
		_, _ = l.to.Write(l.b) // a log that cannot be written stops nothing, as with Logger
		l.b = l.b[:0]
	}
}

func logger(component string, out zapcore.WriteSyncer) *zap.Logger {
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: "ts", LevelKey: "level", MessageKey: "msg",
		EncodeTime: func(t time.Time, out zapcore.PrimitiveArrayEncoder) {
			zapcore.RFC3339NanoTimeEncoder(t.UTC(), out)
		},
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.StringDurationEncoder,
	})
	return zap.New(zapcore.NewCore(encoder, out, zapcore.InfoLevel), zap.ErrorOutput(out)).With(zap.String("component", component))
}
