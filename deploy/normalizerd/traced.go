package normalizerd

import (
	"context"
	"time"

	"go.uber.org/zap"

	"paybridge/config"
	"paybridge/normalizer"
	"paybridge/normalizer/tracing"
)

// flushTime is how long a process that stops waits for the collector to take the last
// spans.
const flushTime = 3 * time.Second

// traced has the normalizer tell its spans where the configuration says so. stop is
// called when the normalizer has ended.
func traced(cfg *config.Config, o *normalizer.Options) (stop func(), err error) {
	t := cfg.Normalizer.Tracing
	if !t.Enabled() {
		return func() {}, nil
	}
	if t.Authorization.Key != "" && t.Authorization.Missing() {
		return nil, config.Problems{{
			At: t.Authorization.At, Key: t.Authorization.Key, Message: "the secret has no value: " + t.Authorization.From + " is not there",
		}}
	}
	sends, err := tracing.Start(tracing.Options{
		URL: t.OTLP, Authorization: t.Authorization.Reveal(), Version: o.Version, Log: o.Logger, Registry: o.Registry,
	})
	if err != nil {
		return nil, err
	}
	o.Tracer = sends.Tracer()
	o.Logger.Info("tracing", zap.String("otlp", t.OTLP), zap.Float64("sample", t.Sample))
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTime)
		defer cancel()
		sends.Stop(ctx)
	}, nil
}
