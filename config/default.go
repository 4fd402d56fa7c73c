package config

import "time"

// Defaults of the streams' limits. PAYMENTS remembers ids for longer than the
// documented retry horizons of the providers, and both it and DEADLETTERS keep
// for longer than WEBHOOKS, so that what was stored can be accounted for.
const (
	defaultMaxMessage = MiB
	day               = 24 * time.Hour
)

// Default is the configuration of an empty file: loopback listeners, one
// replica, no source.
func Default() *Config {
	return &Config{
		Ingress: Ingress{
			Listen:   "127.0.0.1:8080",
			Admin:    "127.0.0.1:9090",
			MaxBody:  960 * KiB,
			Budget:   4 * time.Second,
			InFlight: 512,
		},
		Normalizer: Normalizer{Admin: "127.0.0.1:9091", Tracing: Tracing{Sample: 1}},
		NATS:       NATS{URL: "nats://127.0.0.1:4222"},
		Embedded:   Embedded{Listen: "127.0.0.1:4222", Sync: Sync{Always: true}},
		Streams: Streams{
			Replicas:    1,
			MaxMessage:  defaultMaxMessage,
			Webhooks:    Stream{MaxAge: 35 * day, DuplicateWindow: 2 * time.Hour},
			Payments:    Stream{MaxAge: 90 * day, DuplicateWindow: 48 * time.Hour},
			DeadLetters: Stream{MaxAge: 180 * day, DuplicateWindow: 48 * time.Hour},
		},
		Events: Events{
			Mode: Structured, Native: NativeFull,
			SourceBase: "urn:paybridge", SchemaBase: "urn:paybridge:schema",
		},
	}
}
