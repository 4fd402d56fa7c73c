package ingress

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// One line per outcome. No line holds a body, a path, a query, the value of a header
// or a secret. The line of a stored delivery is its receipt: with it an audit names
// what a stream has lost, so the logger must not sample. It is written when the sender
// has its answer.

// stored logs the receipt of c.
func (s *Server) stored(c *call, took time.Duration) {
	line := s.o.Receipts.Logger.Check(zapcore.InfoLevel, "webhook stored")
	if line == nil {
		return
	}
	fields := s.fields.Get().(*[]zap.Field)
	*fields = append(c.describe((*fields)[:0], http.StatusOK, took),
		zap.String("result", "stored"),
		zap.String("raw_stream", c.receipt.stream),
		zap.Uint64("raw_seq", c.receipt.sequence),
		zap.Bool("duplicate", c.receipt.duplicate),
		zap.Int("attempt", c.receipt.attempts),
		zap.Float64("puback_ms", milliseconds(c.receipt.took)),
	)
	line.Write(*fields...)
	s.fields.Put(fields)
	// Whoever else has a line to write does that first, and one flush is for all of them:
	// a line is gathered before it is known whether somebody is about to flush.
	if s.flushing.CompareAndSwap(false, true) {
		runtime.Gosched()
		s.flushing.Store(false)
		s.o.Receipts.Flush()
	}
}

// refused logs that c is not stored: as a warning where the sender is to do better,
// as an error where we are.
func (s *Server) refused(c *call, p *problem, why string, took time.Duration) {
	level, message, result := zapcore.WarnLevel, "webhook refused", "refused"
	if p.status >= http.StatusInternalServerError {
		level, message, result = zapcore.ErrorLevel, "webhook not stored", "failed"
	}
	line := s.o.Log.Check(level, message)
	if line == nil {
		return
	}
	fields := append(c.describe(nil, p.status, took), zap.String("result", result), zap.String("reason", why))
	var failure *storeError
	if errors.As(c.failure, &failure) {
		fields = append(fields, zap.Int("attempt", failure.attempts), zap.NamedError("error", failure.err))
	}
	line.Write(append(fields, c.crash...)...)
}

// describe appends what every line says of c, as far as c came.
func (c *call) describe(fields []zap.Field, status int, took time.Duration) []zap.Field {
	fields = append(fields,
		zap.String("source", c.route.source),
		zap.String("provider", c.route.provider),
		zap.String("endpoint", c.route.endpoint),
		zap.Int("http_code", status),
		zap.Float64("dur_ms", milliseconds(took)),
		zap.String("client_ip", host(c.r.RemoteAddr)),
	)
	if c.read {
		fields = append(fields, zap.Int("body_bytes", len(c.body)))
	}
	if c.messageID != "" {
		d := &c.delivery
		fields = append(fields,
			zap.String("body_sha256", hex.EncodeToString(c.digest[:8])),
			zap.String("request_id", d.RequestID), zap.String("msg_id", c.messageID), zap.String("kid", d.KeyID),
		)
		if d.Traceparent != "" {
			fields = append(fields, zap.String("trace_id", traceID(d.Traceparent)))
		}
	}
	return fields
}

// newFields makes room for the fields of a receipt, which is used again and again.
func newFields() any {
	room := make([]zap.Field, 0, 20)
	return &room
}

// recovered turns a panic of a handler into a 503: the delivery may not be stored,
// and the next one is none the worse for it.
func (s *Server) recovered(c *call) {
	cause := recover()
	if cause == nil {
		return
	}
	// What a panic carries may be anything, a body included: its type and the
	// stack say enough, unless it is the runtime that speaks.
	what := fmt.Sprintf("%T", cause)
	var fault runtime.Error
	if err, ok := cause.(error); ok && errors.As(err, &fault) {
		what = fault.Error()
	}
	c.crash = []zap.Field{zap.String("panic", what), zap.ByteString("stack", debug.Stack())}
	if c.answered {
		s.o.Log.Error("crashed after an answer", c.crash...)
		return
	}
	s.answer(c, problemPanic)
}

// unread logs and counts what never became a request.
func (s *Server) unread(from net.Conn, p *problem) {
	s.metrics.refused(unknownRoute, p, string(p.reason), 0)
	s.o.Log.Warn("webhook refused",
		zap.String("source", unknownRoute.source),
		zap.Int("http_code", p.status),
		zap.String("client_ip", host(from.RemoteAddr().String())),
		zap.String("result", "refused"),
		zap.String("reason", string(p.reason)),
	)
}

// host is the address without its port.
func host(address string) string {
	if ip, _, err := net.SplitHostPort(address); err == nil {
		return ip
	}
	return address
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
