package jetstreamtest

import "go.uber.org/goleak"

// BatchLeaks are the goroutines that a nats-server leaves behind when it is stopped in
// the middle of an atomic batch: those of the batch's own file store, which would end
// with the server's process. A package whose tests do that has goleak pass over them.
func BatchLeaks() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.(*fileStore).flushStreamStateLoop"),
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.(*msgBlock).flushLoop"),
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"),
	}
}
